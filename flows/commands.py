"""What each command does. The command line (``flows.cli``) only parses; these functions are the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from datasets_cache import sources
from datasets_cache import version as versions
from datasets_cache.store import Cache
from flows import doctor as doctors
from flows.cache_commands import show_version
from flows.environment import make_prefect_home, start_temporary_server
from flows.forms import parameters_of_augmentation, parameters_of_training
from flows.published import find_published
from flows.recipes import AugmentationPlan, Recipe, TrainingPlan
from flows.terminal import complain, console, notice, step, tracker


def augment(plan: AugmentationPlan) -> str:
    """Run the augmentation flow in this process and print what came out; gives back the version id.

    Where everything is published already it says so, and starts nothing.
    """
    if not plan.rebuild and (published := find_published(plan, Cache())):
        notice(f"Already in the cache, nothing to do: {published}")
        show_version(published)
        return published
    sources.check(plan.source)
    version = run_augmentation(plan)
    show_version(version, reading=False)  # the sample's task has said it
    return version


def run_augmentation(plan: AugmentationPlan) -> str:
    """Run the augmentation flow in this process; gives back the version id."""
    make_prefect_home()
    with step("Prefect's bookkeeping"):  # its server takes seconds to start
        from flows.augmentation import augmentation

        start_temporary_server()
        return cast("str", augmentation(**parameters_of_augmentation(plan)))


def train(plan: TrainingPlan) -> Path:
    """Run the training flow in this process and print the comparison; gives back the path of the report.

    Where every cell is finished already it says so, and starts nothing.
    """
    with step("Loading"):
        from flows.compare_cli import show
        from flows.outcome import gather, write_outcome
        from train.finished import find_finished, read_result

    cells = plan.cells(versions.resolve(Cache(), plan.version))
    found = [result.path for cell in cells if (result := find_finished(cell, plan.runs))]
    if len(found) == len(cells):
        notice(f"Already trained, nothing to do: {len(cells)} cells")
        page = None
    else:
        *found, page = run_training(plan)
    with step("Comparing the runs"):
        results = [read_result(folder) for folder in found]
        outcome = gather(results, cache=Cache(), runs=plan.runs, track=tracker(lines=False, keep=False))
        page = page or write_outcome(outcome, runs=plan.runs, cache=Cache())
    show(outcome)
    console().print(f"Report: {page}")
    return page


def run_training(plan: TrainingPlan) -> list[Path]:
    """Run the training flow in this process; gives back the run directories, then the path of the report."""
    make_prefect_home()
    with step("Prefect's bookkeeping"):
        from flows.training import training

        start_temporary_server()
        return cast("list[Path]", training(**parameters_of_training(plan, cache=Cache())))


def demo(recipe: Recipe) -> None:
    """Augment and train a recipe, end to end."""
    augment(recipe.augmentation)
    train(recipe.training)


def report(folders: Sequence[Path], output: Path | None, version: str | None = None) -> Path:
    """Write the report of finished runs; where their cache version is not there any more, without its films.

    Args:
        folders: run directories, or folders that hold run directories.
        output: the HTML file; by default beside the runs, of a single run in its directory.
        version: cache version, by its id or the name of its recipe; by default that of the newest run.

    Raises:
        ValueError: no finished run is below `folders`.
    """
    with step("Loading"):
        from flows.compare_cli import finished
        from flows.outcome import gather, write_report

    cache = Cache()
    results = finished(folders, version=_version(cache, version) if version else None)
    with step("Writing the report"):
        outcome = gather(results, cache=cache, runs=results[0].path.parent, films=_has_films(cache, results[0].version))
        page = write_report(
            outcome, cache=cache, path=output or _place(folders, [one.path for one in results], results[0].version)
        )
    console().print(f"Report: {page}")
    return page


def _version(cache: Cache, wanted: str) -> str:
    """Full id of a version; of one that the cache has no more `wanted` itself, since its runs may still be there."""
    try:
        return versions.resolve(cache, wanted)
    except ValueError:
        return wanted


def _has_films(cache: Cache, version: str) -> bool:
    """Whether a version can be opened; where it cannot, standard error says why."""
    try:
        versions.open_version(cache, version)
    except ValueError as error:
        complain(f"The report does without the films: {error}")
        return False
    return True


def _place(folders: Sequence[Path], runs: Sequence[Path], version: str) -> Path:
    """Where a report lies that nobody gave a place: one of single runs does not replace that of the whole folder."""
    from train.finished import RESULT

    if not all((folder / RESULT).is_file() for folder in folders):
        return runs[0].parent / f"report-{version}.html"
    return runs[0] / "report.html" if len(runs) == 1 else runs[0].parent / f"report-{version}-{len(runs)}-runs.html"


def examine_machine(*, offline: bool, as_json: bool) -> int:
    """Print the doctor's findings; gives back 1 if something has to be mended."""
    with step("Looking at this machine"):
        findings = doctors.examine(Cache(), offline=offline)
    return doctors.show(findings, as_json=as_json)
