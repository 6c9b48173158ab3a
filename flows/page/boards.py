"""All that a flow puts on the page of its run when its work is done."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.runtime import flow_run

from datasets_cache import version as versions
from datasets_cache.store import Cache
from flows import quality
from flows.page import events, lineage, summary
from flows.page.artifacts import markdown, show, table
from flows.page.notes import in_a_run, note

if TYPE_CHECKING:
    from flows.outcome import Outcome


def show_augmentation(made: str, *, since: datetime, new: bool, said: str) -> None:
    """Tell of a version: an event for those who wait for it, then its page. Without a run, nothing.

    Args:
        made: id of the version.
        since: when the run began, UTC.
        new: whether this run made the version, or made its views again.
        said: one line of what was asked for.
    """
    if not in_a_run():
        return
    version = versions.open_version(Cache(), made)
    events.version_is_there(version, new=new, summary=said)  # first: a training may wait for it
    note(f"{made} {'published' if new else 'found in the cache'}: {said}")
    from flows.page import gallery  # only now: it brings torch

    seconds = (datetime.now(UTC) - since).total_seconds()
    text = summary.as_markdown(version, since=since, seconds=seconds)
    show(
        markdown("version-summary", text, description=f"What {made} holds"),
        markdown("gallery", gallery.as_markdown(version), description=f"Films of {made}, before and after"),
        markdown("lineage", lineage.of_version(version), description=f"What {made} is made of"),
        markdown("quality", quality.as_markdown(Cache(), made), description=f"Augmentations of {made}"),
    )


def show_training(outcome: "Outcome", *, report: Path) -> None:
    """Put finished cells on the page: table, comparison, curves, lineage. Without a run, nothing.

    Args:
        outcome: of the cells.
        report: path of the HTML report.
    """
    if not in_a_run():
        return
    from flows.page import curves  # only now: it brings matplotlib

    version, run = versions.open_version(Cache(), outcome.comparison.version), str(flow_run.name)
    cells = {result.run: f"test AP micro {100 * result.test.ap_micro:.1f} %" for result in outcome.results}
    heading = f"## Comparison on {version.id}\n\nAverage precision on the test films, in percent."
    where = f"The whole report is a file: `{report}`"
    show(
        table("results", outcome.comparison.as_rows(), description=f"Test results on {version.id}"),
        markdown("comparison", f"{heading}\n\n{outcome.as_markdown()}\n{where}\n", description=f"Comparison on {version.id}"),
        markdown("curves", curves.as_markdown(outcome.results), description="Loss and average precision by epoch"),
        markdown("lineage", lineage.of_training(cells, version, run=run), description=f"What {run} is made of"),
    )
