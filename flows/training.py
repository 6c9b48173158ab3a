"""The training flow: one task a cell (model x UDA x seed), then the comparison."""

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from datasets_cache import version as versions
from datasets_cache.store import Cache
from flows import forms
from flows.cells import train_cells
from flows.forms import Count, Encoders, Models, Seeds, Uda, Weight
from flows.operated import operated
from flows.page import events
from flows.page.boards import show_training
from flows.page.notes import note
from flows.recipes import TrainingPlan
from flows.terminal import step, tracker
from train.config import WeightKind
from train.finished import read_result


@task(cache_policy=NO_CACHE, task_run_name="compare")
def compare_cells(folders: list[Path], runs: Path) -> Path:
    """Write the results of the cells as JSON and as an HTML report; gives back the path of the report."""
    from flows.outcome import gather, write_outcome  # only now: it brings torch

    with step("Comparing the runs and writing the report"):
        results = [read_result(folder) for folder in folders]
        outcome = gather(results, cache=Cache(), runs=runs, track=tracker(lines=False, keep=False))
        report = write_outcome(outcome, runs=runs, cache=Cache())
    show_training(outcome, report=report)
    note(f"Report: {report}")
    return report


def run_name() -> str:
    """What the Prefect page shows for a run, for example ``train bert, mmbt · UDA both · seeds 1``."""
    return forms.named(lambda: forms.training_plan(cache=Cache(), **flow_run.parameters), otherwise="train")


@flow(name="training", flow_run_name=run_name)
@operated
def training(
    version: str = "latest",
    models: Models = ["bert", "resnet", "mmbt"],  # noqa: B006  # the form's default; never changed
    uda: Uda = "both",
    weight: Weight = 1.0,
    schedule: WeightKind = "constant",
    seeds: Seeds = [1],  # noqa: B006
    epochs: Count | None = None,
    encoders: Encoders = "recipe",
    overrides: str = "",
) -> list[Path]:
    """Train every cell, model × UDA × seed, on one cache version and compare them.

    Finished cells are reused and interrupted ones go on; a failed cell does not lose the others. Settings come from the recipe
    that the version is named after.

    Args:
        version: Cache version to train on: its id, for example mmimdb-1a2b3c4d, or demo, own, mmimdb or moviescope for the
            newest of that recipe, or latest for the newest of all. All settings that you leave alone below are its recipe's.
        models: What is trained: bert reads plots, resnet reads posters, mmbt reads both.
        uda: Train each model with the consistency term between a film and its augmented copy (on), without it (off), or both
            ways to compare them.
        weight: λ, the factor of the consistency term beside the supervised loss, 0 or more. Where the schedule changes it, the
            highest of a ramp, or the first of adaptive.
        schedule: λ over the epochs. constant: it stays at weight. …-up: a ramp from 0 up to weight. …-down: from weight down to
            0. adaptive: rises while the model overfits, else falls.
        seeds: Each model is trained once for each of these numbers, 0 or more. Three or more show how much is chance.
        epochs: Most epochs of a run; it ends earlier when the validation films stop gaining. Empty: the recipe's (demo 3,
            own 10, mmimdb and moviescope 50).
        encoders: Pretrained networks to start from. recipe: the recipe's (BERT-base and ResNet-152 from the Hub; those of
            demo and own are embedded). embedded: small ones that are installed along, where no hub can be reached.
        overrides: Any other setting, one a line, as TOML: optim.batch_size = 8 or compute.precision = "fp32". They win over the
            fields above. The command mmuda config show mmimdb lists them, below [training].

    Returns:
        The run directories, then the path of the report.

    Raises:
        ValueError: the version is unknown, or a cell failed; the cells that did finish are kept and compared.
    """
    plan = forms.training_plan(
        cache=Cache(),
        version=version,
        models=models,
        uda=uda,
        weight=weight,
        schedule=schedule,
        seeds=seeds,
        epochs=epochs,
        encoders=encoders,
        overrides=overrides,
    )
    return train_and_compare(plan)


def train_and_compare(plan: TrainingPlan) -> list[Path]:
    """The flow's tasks in their order; gives back the run directories, then the path of the report.

    Raises:
        ValueError: a cell failed; the others are kept and compared.
    """
    cells = plan.cells(versions.resolve(Cache(), plan.version))
    outcomes = train_cells(plan, cells, Cache())
    finished = [outcome for outcome in outcomes if isinstance(outcome, Path)]
    page = [compare_cells(finished, plan.runs)] if finished else []
    failures = [outcome for outcome in outcomes if not isinstance(outcome, Path)]
    if failures:
        msg = f"{len(failures)} of {len(cells)} cells failed; the others are kept. {'; '.join(map(str, failures))}"
        raise ValueError(msg)
    events.training_is_finished(cells[0].version, cells=[folder.name for folder in finished], report=page[0])
    return [*finished, *page]
