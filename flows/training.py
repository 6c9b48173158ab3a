"""The training flow: one task a cell (model x UDA x seed), then the comparison."""

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run, task_run

from datasets_cache import version
from datasets_cache.store import Cache
from flows.outcome import compare_runs, write_outcome
from flows.recipes import TrainingPlan
from flows.terminal import track
from train.config import RunConfig, Tracker
from train.launch import run_in_processes
from train.run import run_cell


def cell_run_name() -> str:
    """What the Prefect page shows for a cell, for example ``train mmbt+uda seed 1``."""
    config = RunConfig.model_validate(task_run.parameters["config"])
    return f"train {config.model}{'+uda' if config.uda else ''} seed {config.seed}"


@task(cache_policy=NO_CACHE, task_run_name=cell_run_name)
def train_cell(config: RunConfig, runs: Path, device: str, trackers: tuple[Tracker, ...] = (), processes: int = 1) -> Path:
    """Train one cell, continue it, or find it finished; gives back its run directory."""
    if processes > 1:
        return run_in_processes(config, processes=processes, cache=Cache(), runs=runs, device=device, trackers=trackers).path
    return run_cell(config, cache=Cache(), runs=runs, device=device, trackers=trackers, track=track).path


@task(cache_policy=NO_CACHE)
def compare_cells(folders: list[Path], runs: Path) -> Path:
    """Write the results of the cells as JSON and as an HTML report; gives back the path of the report."""
    comparison = compare_runs(folders, Cache())
    create_table_artifact(key="results", table=comparison.as_rows(), description=f"Test results on {comparison.version}")
    return write_outcome(folders, runs=runs, cache=Cache())


def run_name() -> str:
    """What the Prefect page shows for a run, for example ``train bert, mmbt · UDA both · seeds 1``."""
    return TrainingPlan.model_validate(flow_run.parameters["plan"]).summary()


@flow(name="training", flow_run_name=run_name)
def training(plan: TrainingPlan) -> list[Path]:
    """Train every cell of the plan on one cache version and compare them.

    Args:
        plan: cache version, models, with or without UDA, seeds and settings; finished cells are reused.

    Returns:
        The run directories, then the path of the report.

    Raises:
        ValueError: the version is unknown, or a cell failed; the cells that did finish are kept and compared.
    """
    cells = plan.cells(version.resolve(Cache(), plan.version))
    states = [train_cell(cell, plan.runs, plan.device, plan.trackers, plan.processes, return_state=True) for cell in cells]
    finished = [state.result() for state in states if state.is_completed()]
    page = [compare_cells(finished, plan.runs)] if finished else []
    failures = [state.result(raise_on_failure=False) for state in states if not state.is_completed()]
    if failures:
        msg = f"{len(failures)} of {len(cells)} cells failed; the others are kept. {'; '.join(map(str, failures))}"
        raise ValueError(msg)
    return [*finished, *page]
