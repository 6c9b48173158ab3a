"""The augmentation flow: sample and pool, then text and image views of both, then the version that joins them."""

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from augment.image import rand_augment
from augment.text import shelf as text_shelf
from datasets_cache import given, sampling, version
from datasets_cache.fingerprint import ShelfId
from datasets_cache.pool import publish_pool
from datasets_cache.store import Cache
from flows.published import shelves_of_version
from flows.quality import as_markdown
from flows.recipes import AugmentationPlan
from flows.retries import worth_retrying
from flows.shards import on_ray
from flows.terminal import say, track


@task(cache_policy=NO_CACHE)
def take_sample(plan: AugmentationPlan) -> ShelfId:
    """Publish the sample of the plan's source, or find it already published."""
    sample = sampling.publish_sample(
        plan.source,
        share=plan.sample,
        evaluation_share=plan.evaluation_sample,
        cache=Cache(),
        strict=plan.strict,
        dedupe=plan.dedupe,
        track=track,
    )
    return sample.id


@task(cache_policy=NO_CACHE)
def take_pool(plan: AugmentationPlan, sample: ShelfId) -> ShelfId | None:
    """Publish the unlabelled pool beside `sample`, or find it already published."""
    if not plan.unlabelled:
        return None
    taken = publish_pool(
        plan.source,
        share=plan.sample,
        unlabelled=plan.unlabelled,
        sample=sample,
        cache=Cache(),
        strict=plan.strict,
        dedupe=plan.dedupe,
        track=track,
    )
    return taken.id


@task(retries=2, retry_delay_seconds=30, retry_condition_fn=worth_retrying, cache_policy=NO_CACHE)
def text_views(plan: AugmentationPlan, films: ShelfId) -> ShelfId | None:
    """Publish the augmented plots of a sample or a pool, or find them already published."""
    if plan.source.has_given_text:
        return given.publish_given_text(films, cache=Cache())
    if plan.text is None:
        return None
    if plan.runner == "ray":
        return on_ray("text", plan, films, Cache())
    return text_shelf.publish(
        plan.text, films, cache=Cache(), device=plan.device, threads=plan.threads, track=track, on_wait=say
    )


@task(retries=2, retry_delay_seconds=30, retry_condition_fn=worth_retrying, cache_policy=NO_CACHE)
def image_views(plan: AugmentationPlan, films: ShelfId) -> ShelfId | None:
    """Publish the augmented posters of a sample or a pool, or find them already published."""
    if plan.source.has_given_images:
        return given.publish_given_images(films, cache=Cache())
    if plan.image is None:
        return None
    if plan.runner == "ray":
        return on_ray("image", plan, films, Cache())
    return rand_augment.publish(plan.image, films, cache=Cache(), workers=plan.threads, track=track, on_wait=say)


@task(cache_policy=NO_CACHE)
def publish_version(
    plan: AugmentationPlan,
    *,
    sample: ShelfId,
    text: ShelfId | None,
    image: ShelfId | None,
    pool: ShelfId | None,
    pool_text: ShelfId | None,
    pool_image: ShelfId | None,
) -> str:
    """Publish the version that joins the shelves, or find it already published."""
    made = version.publish(
        Cache(),
        name=plan.name,
        sample=sample,
        text=text,
        image=image,
        pool=pool,
        pool_text=pool_text,
        pool_image=pool_image,
        plan=plan.model_dump(mode="json"),
    )
    return made.id


def run_name() -> str:
    """What the Prefect page shows for a run, for example ``augment mmimdb 30% en→fr→en M9``."""
    return AugmentationPlan.model_validate(flow_run.parameters["plan"]).summary()


@flow(name="augmentation", flow_run_name=run_name)
def augmentation(plan: AugmentationPlan) -> str:
    """Build a cache version out of a source: a sample and a pool of its films with augmented plots and posters.

    Args:
        plan: source, sample and augmentations; what is already in the cache is reused.

    Returns:
        Id of the version.
    """
    sample = take_sample(plan)
    unlabelled = take_pool(plan, sample)
    made = publish_version(
        plan,
        sample=sample,
        text=text_views(plan, sample),
        image=image_views(plan, sample),
        pool=unlabelled,
        pool_text=text_views(plan, unlabelled) if unlabelled else None,
        pool_image=image_views(plan, unlabelled) if unlabelled else None,
    )
    create_table_artifact(key="cache-version", table=shelves_of_version(Cache(), made), description=f"Cache version {made}")
    create_markdown_artifact(key="quality", markdown=as_markdown(Cache(), made), description=f"Augmentations of {made}")
    return made
