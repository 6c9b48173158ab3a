"""The cells of a training, one task each: one after the other in this process, or side by side on a Ray cluster."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import task_run

from datasets_cache.store import Cache
from flows.cluster import ray_runner
from flows.page.notes import note, warn
from flows.page.progress import Progress
from flows.page.watch import watched
from flows.recipes import TrainingPlan
from flows.terminal import span, step, tracker
from train import history
from train.config import RunConfig
from train.finished import cell_name, find_finished, run_folder, sweep

Outcome = Path | BaseException
"""The run directory of a cell, or why it has none."""


def cell_run_name() -> str:
    """What the Prefect page shows for a cell, for example ``train mmbt+uda seed 1``."""
    config = RunConfig.model_validate(task_run.parameters["config"])
    return f"train {config.model}{'+uda' if config.uda else ''} seed {config.seed}"


@task(cache_policy=NO_CACHE, task_run_name=cell_run_name)
def train_cell(config: RunConfig, plan: TrainingPlan, root: str) -> Path:
    """Train one cell, continue it, or find it finished; gives back its run directory.

    Args:
        config: of the cell.
        plan: that it is one of: where it computes, whom it reports to, where runs lie.
        root: the cache's folder.
    """
    cache, runs = Cache(Path(root)), plan.runs
    if finished := find_finished(config, runs):
        sweep(finished.path)
        note(f"{finished.run} found finished")
        return finished.path
    if plan.runner == "ray":
        import torch

        torch.set_num_threads(max(1, round(plan.cell_cpus)))
    common: dict[str, Any] = {"cache": cache, "runs": runs, "device": plan.device, "trackers": plan.trackers}
    name, folder, epochs = cell_name(config), run_folder(config, runs), config.optim.max_epochs
    progress = Progress(name.replace("+", "-"), parts=epochs, done=len(history.read(folder)))
    if plan.processes > 1:
        from train.launch import run_in_processes

        with watched(progress.step, lambda: len(history.read(folder)), total=epochs, title=name, unit="epochs"):
            result = run_in_processes(config, processes=plan.processes, **common)
    else:
        from train.run import run_cell  # only now: what registers the flows, or finds all cells finished, does without torch

        with step(f"{name}: loading and saving"):
            result = run_cell(config, **common, track=progress, track_scoring=tracker(lines=False, keep=False))
    spent = f"epoch {result.best_epoch} of {result.epochs} tested, {span(result.seconds)}"
    progress.finished(f"{name}: {spent}")
    note(f"{result.run}: test AP micro {100 * result.test.ap_micro:.1f} %; {spent}")
    return result.path


def train_cells(plan: TrainingPlan, cells: Sequence[RunConfig], cache: Cache) -> list[Outcome]:
    """Train every cell; a failed one does not lose the others.

    Returns:
        In the order of `cells`, each one's run directory, or why it failed.

    Raises:
        ValueError: Ray is not installed.
    """
    root = str(cache.root.absolute())
    if plan.runner == "local" or all(find_finished(cell, plan.runs) for cell in cells):
        states = [train_cell(cell, plan, root, return_state=True) for cell in cells]
        return [cast("Outcome", state.result(raise_on_failure=False)) for state in states]
    flow_on_ray = map_cells.with_options(task_runner=ray_runner(plan.ray_address))
    shared = plan.model_copy(update={"runs": plan.runs.absolute()})  # workers have working folders of their own
    return flow_on_ray(shared, list(cells), root)


@flow(name="cells", flow_run_name="cells on Ray")
def map_cells(plan: TrainingPlan, cells: list[RunConfig], root: str) -> list[Outcome]:
    """Train cells by the flow's task runner.

    Args:
        plan: what they are of.
        cells: to train.
        root: the cache's folder.
    """
    from prefect_ray.context import remote_options

    with remote_options(**_resources(plan)):
        running = [train_cell.submit(cell, plan, root) for cell in cells]
    for _ in Progress("cells")(_ended(running), total=len(running), title="Cells on Ray", unit="cells"):
        pass
    return [cast("Outcome", future.result(raise_on_failure=False)) for future in running]


def _ended(running: Sequence[PrefectFuture[Path]]) -> Iterator[None]:
    for future in as_completed(list(running)):
        yield future.wait()


def _resources(plan: TrainingPlan) -> dict[str, float]:
    """What a cell takes of the connected cluster."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    has_gpus = any(node.get("GPU", 0) >= 1 for node in nodes)
    gpus = float(has_gpus) if plan.cell_gpus is None else plan.cell_gpus
    if not any(node.get("CPU", 0) >= plan.cell_cpus and node.get("GPU", 0) >= gpus for node in nodes):
        warn(f"No machine of the Ray cluster has {plan.cell_cpus:g} CPUs and {gpus:g} GPUs; the cells wait until one joins it.")
    return {"num_cpus": plan.cell_cpus, "num_gpus": gpus}
