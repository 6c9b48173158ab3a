"""Shelves made on a Ray cluster: one task a shard. Every machine sees the cache under the same path."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, as_completed

from augment.image import rand_augment
from augment.text import shelf as text_shelf
from datasets_cache.fingerprint import ShelfId
from datasets_cache.shards import Build
from datasets_cache.store import Cache
from flows.cluster import ray_runner
from flows.page.progress import Progress
from flows.recipes import AugmentationPlan
from flows.retries import worth_retrying

Kind = Literal["text", "image"]


@task(
    retries=2, retry_delay_seconds=30, retry_condition_fn=worth_retrying, cache_policy=NO_CACHE, task_run_name="{kind} {number}"
)
def make_shard(kind: Kind, plan: AugmentationPlan, sample: ShelfId, number: int, root: str) -> None:
    """Make one shard of a shelf, unless somebody else has made it meanwhile.

    Args:
        kind: of the shelf.
        plan: what to make.
        sample: of which films: a sample or a pool.
        number: of the shard.
        root: the cache's folder.
    """
    build = start(kind, plan, sample, Cache(Path(root)))
    threads = plan.threads or max(1, round(plan.shard_cpus))
    for claimed in build.claimed([number]):
        if kind == "text":
            assert plan.text, "a plan without text has no text shards"
            text_shelf.make_shard(build, plan.text, sample, claimed, device=plan.device, threads=threads)
        else:
            assert plan.image, "a plan without image has no image shards"
            for _ in rand_augment.make_shard(build, plan.image, sample, claimed, workers=threads):
                pass


@flow(name="shards", flow_run_name="{kind} shards")
def map_shards(kind: Kind, plan: AugmentationPlan, sample: ShelfId, numbers: list[int], root: str) -> None:
    """Make the shards `numbers` of a shelf by the flow's task runner.

    Args:
        kind: of the shelf.
        plan: what to make.
        sample: of which films: a sample or a pool.
        numbers: of the shards.
        root: the cache's folder.
    """
    from prefect_ray.context import remote_options

    with remote_options(num_cpus=plan.shard_cpus, num_gpus=plan.shard_gpus):
        running = [make_shard.submit(kind, plan, sample, number, root) for number in numbers]
    for _ in Progress(f"{kind}-on-ray")(_finished(running), total=len(running), title=f"{kind} on Ray", unit="shards"):
        pass


def on_ray(kind: Kind, plan: AugmentationPlan, sample: ShelfId, cache: Cache) -> ShelfId:
    """Publish a shelf whose shards a Ray cluster makes, or find it published. The bytes are those of a local run.

    Raises:
        ValueError: Ray is not installed or cannot be reached, or what a shard raises.
    """
    build = start(kind, plan, sample, cache)
    if missing := build.missing():
        flow_on_ray = map_shards.with_options(task_runner=ray_runner(plan.ray_address))
        flow_on_ray(kind, plan, sample, missing, str(cache.root.absolute()))
    if kind == "text":
        assert plan.text, "a plan without text has no text shelf"
        return text_shelf.finish(build, plan.text, sample)
    assert plan.image, "a plan without image has no image shelf"
    return rand_augment.finish(build, plan.image, sample)


def start(kind: Kind, plan: AugmentationPlan, sample: ShelfId, cache: Cache) -> Build:
    """The shelf to be built.

    Raises:
        ValueError: what starting the shelf raises.
    """
    if kind == "text":
        assert plan.text, "a plan without text has no text shelf"
        return text_shelf.start(plan.text, sample, cache=cache)
    assert plan.image, "a plan without image has no image shelf"
    return rand_augment.start(plan.image, sample, cache=cache)


def _finished(running: Sequence[PrefectFuture[None]]) -> Iterator[None]:
    for future in as_completed(list(running)):
        yield future.result()
