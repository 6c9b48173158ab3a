"""What the side-by-side benchmark says of its targets."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

Verdict = Callable[..., str]


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Verdict:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    return import_module("peers.plan").verdict


def test_a_target_is_met_at_its_ratio_and_missed_below(verdict: Verdict):
    assert verdict(25, 10, 2.5, busy=0.0, sentences=192) == "2.50x, met"
    assert verdict(24, 10, 2.5, busy=0.0, sentences=192) == "2.40x, MISSED"


def test_a_ratio_from_a_busy_machine_is_neither_met_nor_missed(verdict: Verdict):
    assert verdict(600, 10, 2.5, busy=0.7, sentences=192) == "60.00x, NOT VALID, others took 70% of the machine"


def test_a_ratio_to_peers_with_unfilled_batches_is_neither_met_nor_missed(verdict: Verdict):
    assert "NOT VALID, fewer than 192 sentences" in verdict(600, 10, 2.5, busy=0.0, sentences=12)


def test_a_tool_that_did_not_run_gives_no_ratio(verdict: Verdict):
    assert verdict(600, 0, 2.5, busy=0.0, sentences=192) == "not measured"
