"""What each command does. The command line (``flows.cli``) only parses; these functions are the commands."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import cast

from datasets_cache import version as versions
from datasets_cache.store import Cache
from flows import doctor as doctors
from flows.cache_commands import show_version
from flows.environment import make_prefect_home
from flows.forms import parameters_of_augmentation, parameters_of_training
from flows.published import find_published
from flows.recipes import AugmentationPlan, Recipe, TrainingPlan
from flows.terminal import console, step


def augment(plan: AugmentationPlan) -> str:
    """Run the augmentation flow in this process and print what came out; gives back the version id.

    Where everything is published already it says so, and starts nothing.
    """
    if not plan.rebuild and (published := find_published(plan, Cache())):
        console().print(f"Already in the cache, nothing to do: {published}")
        show_version(published)
        return published
    version = run_augmentation(plan)
    show_version(version, reading=False)  # the sample's task has said it
    return version


def run_augmentation(plan: AugmentationPlan) -> str:
    """Run the augmentation flow in this process; gives back the version id."""
    make_prefect_home()
    with step("Starting Prefect"):
        from flows.augmentation import augmentation
    return cast("str", augmentation(**parameters_of_augmentation(plan)))


def train(plan: TrainingPlan) -> Path:
    """Run the training flow in this process and print the comparison; gives back the path of the report.

    Where every cell is finished already it says so, and starts nothing.
    """
    with step("Loading"):
        from flows.compare_cli import show
        from flows.outcome import gather, write_outcome
        from train.run import find_finished, read_result

    cells = plan.cells(versions.resolve(Cache(), plan.version))
    found = [result.path for cell in cells if (result := find_finished(cell, plan.runs))]
    if len(found) == len(cells):
        console().print(f"Already trained, nothing to do: {len(cells)} cells")
        outcome = gather([read_result(folder) for folder in found], cache=Cache(), runs=plan.runs)
        page = write_outcome(outcome, runs=plan.runs, cache=Cache())
    else:
        *folders, page = run_training(plan)
        outcome = gather([read_result(folder) for folder in folders], cache=Cache(), runs=plan.runs)
    show(outcome)
    console().print(f"Report: {page}")
    return page


def run_training(plan: TrainingPlan) -> list[Path]:
    """Run the training flow in this process; gives back the run directories, then the path of the report."""
    make_prefect_home()
    with step("Starting Prefect"):
        from flows.training import training
    return cast("list[Path]", training(**parameters_of_training(plan, cache=Cache())))


def demo(recipe: Recipe) -> None:
    """Augment and train a recipe, end to end."""
    augment(recipe.augmentation)
    train(recipe.training)


def report(folders: Iterable[Path], output: Path | None) -> Path:
    """Write the report of finished runs.

    Args:
        folders: run directories, or folders that hold run directories.
        output: the HTML file; by default beside the first run.

    Raises:
        ValueError: no finished run is below `folders`.
    """
    from flows.compare_cli import finished
    from flows.outcome import gather, write_report

    results = finished(list(folders), version=None)
    runs = results[0].path.parent
    outcome = gather(results, cache=Cache(), runs=runs)
    page = write_report(outcome, cache=Cache(), path=output or runs / f"report-{outcome.comparison.version}.html")
    console().print(f"Report: {page}")
    return page


def examine_machine(*, as_json: bool) -> int:
    """Print the doctor's findings; gives back 1 if something has to be mended."""
    findings = doctors.examine(Cache())
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201
        return doctors.status(findings)
    return doctors.show(findings)
