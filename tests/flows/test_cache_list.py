"""What `mmuda cache ls` prints."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from datasets_cache.manifest import Manifest
from datasets_cache.store import Cache
from flows.cli import main


def publish(version: str, rows: dict[str, int], *, minute: int) -> None:
    created = datetime(2026, 3, 4, 5, minute, tzinfo=UTC)
    Cache().publish_version(Manifest(id=version, kind="version", spec={}, created=created, seconds=1.0, rows=rows))


def test_the_cells_of_a_listing_stand_under_each_other_oldest_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    publish("few-00000002", {"train": 3, "validation": 1}, minute=7)
    publish("a-much-longer-name-00000001", {"train": 12_000}, minute=6)
    main(["cache", "ls"])
    assert capsys.readouterr().out.splitlines() == [
        "id                           kind     created           films  MiB",
        "a-much-longer-name-00000001  version  2026-03-04 05:06  12000  0.0",
        "few-00000002                 version  2026-03-04 05:07  3 / 1  0.0",
    ]


def test_what_is_strange_in_a_name_reaches_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    publish("[red]a\x1b]0;b", {"train": 1}, minute=6)
    main(["cache", "ls"])
    assert capsys.readouterr().out.splitlines()[1].startswith("[red]a\\x1b]0;b ")
