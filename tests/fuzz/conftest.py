"""The table of inputs by kind and outcome, at the end of a session of one process."""

from pathlib import Path

import pytest

from tests.fuzz.bounds import MOST, TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not TALLY:
        return
    outcomes = sorted({outcome for _, outcome in TALLY})
    terminalreporter.section(f"{sum(TALLY.values()):,} generated inputs")
    terminalreporter.line("  ".join([f"{'kind':28}", *(f"{outcome:>10}" for outcome in outcomes), "  most CPU s  most MiB"]))
    for kind in sorted({kind for kind, _ in TALLY}):
        seconds, mebibytes = MOST.get(kind, [0.0, 0.0])
        counts = (f"{TALLY[kind, outcome]:>10,}" for outcome in outcomes)
        terminalreporter.line("  ".join([f"{kind:28}", *counts, f"{seconds:>12.2f}{mebibytes:>10.0f}"]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Thousands of inputs take longer than one test may; each of them has its own limit."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(7200))
