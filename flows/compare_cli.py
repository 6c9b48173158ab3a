"""`mmuda compare`: the table of finished runs, what UDA changed, and how sure that is."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliImplicitFlag, CliPositionalArg

from datasets_cache import version as versions
from datasets_cache.files import write_text
from datasets_cache.frozen import Frozen
from datasets_cache.store import Cache
from flows.options import Json
from flows.recipes import default_runs
from flows.terminal import complain, console, step, tracker

if TYPE_CHECKING:
    from flows.outcome import Outcome
    from train.records import RunResult


class CompareCommand(Frozen):
    """Compare finished runs on one cache version: scores, what UDA changed, and whether that is more than noise."""

    runs: CliPositionalArg[list[Path]] = []
    """Run directories, or folders that hold them; by default the project's `runs`."""
    version: str | None = None
    """Cache version, by its id or the name of its recipe; by default that of the newest run."""
    output: Path | None = None
    """Also write the comparison into this file: JSON or Markdown, by its ending."""
    yardstick: CliImplicitFlag[bool] = False
    """Also train logistic regressions on frozen features of the same encoders: minutes, kept for the next time."""
    device: str = "auto"
    """Where the frozen features are computed: `auto`, `cpu`, `cuda` or `cuda:N`."""
    resamples: int = Field(default=1000, ge=100)
    """Resamples of the test films behind each 95 % interval."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Compare and print."""
        compare(self)


def compare(command: CompareCommand) -> "Outcome":
    """Do what `mmuda compare` says; gives back what it printed.

    Raises:
        ValueError: no finished run, an ending that is neither ``.json`` nor ``.md``, or what `flows.outcome.gather` says.
    """
    if command.output and command.output.suffix not in {".json", ".md"}:
        msg = f"{command.output}: the ending says what to write; choose one in .json or .md."
        raise ValueError(msg)
    with step("Loading"):
        from flows.outcome import gather, make_yardsticks

    cache = Cache()
    wanted = versions.resolve(cache, command.version) if command.version else None
    results = finished(command.runs or [default_runs()], version=wanted)
    runs, shown = results[0].path.parent, tracker(lines=not command.as_json)
    if command.yardstick:
        with step("Frozen features: loading encoders"):
            make_yardsticks(results, cache=cache, runs=runs, device=command.device, track=shown)
    with step("Comparing"):
        outcome = gather(results, cache=cache, runs=runs, resamples=command.resamples, track=shown)
    written = json.dumps(outcome.as_json(), indent=2) + "\n"
    if command.output:
        write_text(command.output, written if command.output.suffix == ".json" else outcome.as_markdown())
    if command.as_json:
        sys.stdout.write(written)
    else:
        show(outcome)
    return outcome


def finished(folders: Sequence[Path], *, version: str | None) -> list["RunResult"]:
    """Finished runs on one cache version below `folders`, by name; the newest run's version where none is given.

    Runs that cannot be read, such as those of an earlier format, are named on standard error and left out.

    Raises:
        ValueError: none is left.
    """
    from train.finished import RESULT, read_result

    places = sorted({path.parent for folder in folders for path in folder.glob(f"**/{RESULT}")})
    results: list[RunResult] = []
    for place in places:
        try:
            results.append(read_result(place))
        except ValueError as error:
            complain(f"Left out: {error}")
    newest = max(results, key=lambda result: (result.path / RESULT).stat().st_mtime).version if results else None
    chosen = [result for result in results if result.version == (version or newest)]
    if not chosen:
        where = f"{[str(folder) for folder in folders]}{f' on {version}' if version else ''}"
        msg = f"no finished run ({RESULT}) that can be read below {where}; `mmuda train RECIPE` makes them."
        raise ValueError(msg)
    return chosen


def show(outcome: "Outcome") -> None:
    """Print the tables and the sentences."""
    from train import compare as comparisons
    from train import effects as differences

    screen = console()
    screen.print(comparisons.as_table(outcome.comparison))
    if outcome.effects:
        screen.print(differences.as_table(outcome.effects))
    for sentence in outcome.sentences:
        screen.print(sentence)
