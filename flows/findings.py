"""What the doctor finds, a line each."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from flows.terminal import console, harmless, print_json

Verdict = Literal["ok", "missing", "problem"]
"""`missing` is what only some commands need; `problem` has to be mended."""
_COLOURS: dict[Verdict, str] = {"ok": "green", "missing": "yellow", "problem": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `cure` is empty where nothing is wrong."""

    what: str
    verdict: Verdict
    found: str
    cure: str = ""


def status(findings: Sequence[Finding]) -> int:
    """Exit status: 1 if something has to be mended."""
    return int(any(finding.verdict == "problem" for finding in findings))


def show(findings: Sequence[Finding], *, as_json: bool = False) -> int:
    """Print findings as a table or as JSON; gives back the exit status."""
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return status(findings)
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        cure = (f"\n→ {harmless(finding.cure)}", "bold") if finding.cure else ""
        table.add_row(
            Text(finding.verdict, _COLOURS[finding.verdict]), finding.what, Text.assemble(harmless(finding.found), cure)
        )
    console().print(table)
    count = sum(finding.verdict == "problem" for finding in findings)
    console().print(f"{count} to mend." if count else "Nothing has to be mended.")
    return status(findings)


def attempt(what: str, look: Callable[[], Finding]) -> Finding:
    """A finding, or the problem that a library cannot even be asked."""
    try:
        return look()
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(what, "problem", str(error), "reinstall: make clean setup")
