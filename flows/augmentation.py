"""The augmentation flow: sample and pool, then text and image views of both, then the version that joins them."""

from datetime import UTC, datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from augment.image import rand_augment
from augment.text import shelf as text_shelf
from datasets_cache import given, sampling, version
from datasets_cache.fingerprint import ShelfId
from datasets_cache.pool import publish_pool
from datasets_cache.rebuild import make_again
from datasets_cache.store import Cache
from flows import forms
from flows.forms import Count, EngineChoice, Magnitude, PivotChoice, RecipeChoice, Share
from flows.operated import operated
from flows.page.boards import show_augmentation
from flows.page.notes import from_threads, noted, wait_note
from flows.page.progress import Progress
from flows.published import find_images, find_text, lines_of_reading
from flows.recipes import AugmentationPlan
from flows.retries import worth_retrying
from flows.shards import on_ray
from flows.terminal import step


@task(cache_policy=NO_CACHE, task_run_name="sample")
def take_sample(plan: AugmentationPlan) -> ShelfId:
    """Publish the sample of the plan's source, or find it already published."""
    since = datetime.now(UTC)
    sample = sampling.publish_sample(
        plan.source,
        share=plan.sample,
        evaluation_share=plan.evaluation_sample,
        cache=Cache(),
        strict=plan.strict,
        dedupe=plan.dedupe,
        track=Progress("sample"),
    )
    for line in lines_of_reading(sample.manifest):
        wait_note(line)
    return noted(sample.id, since=since)


@task(cache_policy=NO_CACHE, task_run_name="pool")
def take_pool(plan: AugmentationPlan, sample: ShelfId) -> ShelfId | None:
    """Publish the unlabelled pool beside `sample`, or find it already published."""
    if not plan.unlabelled:
        return None
    since = datetime.now(UTC)
    taken = publish_pool(
        plan.source,
        share=plan.sample,
        unlabelled=plan.unlabelled,
        sample=sample,
        cache=Cache(),
        strict=plan.strict,
        dedupe=plan.dedupe,
        track=Progress("pool"),
    )
    return noted(taken.id, since=since)


@task(
    retries=2,
    retry_delay_seconds=30,
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
    task_run_name="text views of {films}",
)
def text_views(plan: AugmentationPlan, films: ShelfId) -> ShelfId | None:
    """Publish the augmented plots of a sample or a pool, or find them already published; `plan.rebuild` makes them again."""

    def make(cache: Cache) -> ShelfId:
        if plan.source.has_given_text:
            return given.publish_given_text(films, cache=cache)
        assert plan.text, "a plan without text has no text shelf"
        if plan.runner == "ray":
            return on_ray("text", plan, films, cache)
        return text_shelf.publish(
            plan.text,
            films,
            cache=cache,
            device=plan.device,
            threads=plan.threads,
            track=Progress("text"),
            on_wait=from_threads(wait_note),
        )

    since = datetime.now(UTC)
    if plan.rebuild and (shelf := find_text(plan, films, Cache())):
        return noted(make_again(shelf, cache=Cache(), parents=[films], make=make, on_wait=wait_note), since=since)
    return noted(make(Cache()), since=since) if plan.source.has_given_text or plan.text else None


@task(
    retries=2,
    retry_delay_seconds=30,
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
    task_run_name="image views of {films}",
)
def image_views(plan: AugmentationPlan, films: ShelfId) -> ShelfId | None:
    """Publish the augmented posters of a sample or a pool, or find them already published; `plan.rebuild` makes them again."""

    def make(cache: Cache) -> ShelfId:
        if plan.source.has_given_images:
            return given.publish_given_images(films, cache=cache)
        assert plan.image, "a plan without image has no image shelf"
        if plan.runner == "ray":
            return on_ray("image", plan, films, cache)
        return rand_augment.publish(
            plan.image, films, cache=cache, workers=plan.threads, track=Progress("image"), on_wait=wait_note
        )

    since = datetime.now(UTC)
    if plan.rebuild and (shelf := find_images(plan, films, Cache())):
        return noted(make_again(shelf, cache=Cache(), parents=[films], make=make, on_wait=wait_note), since=since)
    return noted(make(Cache()), since=since) if plan.source.has_given_images or plan.image else None


@task(cache_policy=NO_CACHE, task_run_name="version")
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
        plan=plan.model_dump(mode="json", exclude={"rebuild"}),
    )
    return made.id


def run_name() -> str:
    """What the Prefect page shows for a run, for example ``augment mmimdb 30% en→fr→en M9``."""
    return forms.named(lambda: forms.augmentation_plan(cache=Cache(), **flow_run.parameters), otherwise="augment")


@flow(name="augmentation", flow_run_name=run_name)
@operated
def augmentation(
    recipe: RecipeChoice = "newest",
    source: str = "",
    sample: Share | None = None,
    pivot: PivotChoice = "recipe",
    other_pivot: str = "",
    engine: EngineChoice = "recipe",
    magnitude: Magnitude | None = None,
    views: Count | None = None,
    rebuild: bool = False,  # noqa: FBT001  # a switch of the form
    overrides: str = "",
) -> str:
    """Build a cache version out of a source: a sample and a pool of its films with augmented plots and posters.

    What is in the cache already is reused: another pivot redraws no poster, another magnitude translates nothing.

    Args:
        recipe: Where all settings come from that you leave alone below. newest: from the newest version in the cache. demo: the
            200 films that ride along, offline. own: a table and images of yours, with any labels, offline. mmimdb, moviescope:
            these data sets. Say in source where the films lie.
        source: Folder or archive of the films on the machine that runs this, for example /data/mmimdb.tar.gz. Empty: the
            recipe's; own, mmimdb and moviescope have none.
        sample: Share of the films that is taken of each split, above 0 up to 1; 0.3 takes 30 %. Empty: the recipe's (demo
            and own 1, mmimdb and moviescope 0.3).
        pivot: Language that the plots are translated to and back from. recipe: the recipe's (demo and own pt, mmimdb
            and moviescope fr). pt needs the engine bergamot; the others need marian or ctranslate2.
        other_pivot: Code of a language that is not in the list, for example da, or of several in turn: fr,de. Leave pivot at
            recipe then. Empty: none.
        engine: What translates. marian: models from the Hub, best on a GPU. ctranslate2: the same, several times as fast on a
            CPU. bergamot: en → pt → en alone, no download, no GPU. recipe: the recipe's (demo and own bergamot, the others
            marian).
        magnitude: Strength of the changes to the posters (RandAugment), from 0, which changes nothing, to 10. Empty: the
            recipe's (5).
        views: How many augmented copies of each plot and of each poster are made. More than 1 needs the engine marian or
            ctranslate2. Empty: the recipe's (1).
        rebuild: Make the augmented plots and posters again although they are in the cache. The old ones stay until the new are
            whole. Off: what is there is reused.
        overrides: Any other setting, one a line, as TOML: evaluation_sample = 1.0 or text.decoding = "beam". They win over the
            fields above. The command mmuda config show mmimdb lists them, below [augmentation].

    Returns:
        Id of the version.
    """
    plan = forms.augmentation_plan(
        cache=Cache(),
        recipe=recipe,
        source=source,
        sample=sample,
        pivot=pivot,
        other_pivot=other_pivot,
        engine=engine,
        magnitude=magnitude,
        views=views,
        rebuild=rebuild,
        overrides=overrides,
    )
    return build(plan)


def build(plan: AugmentationPlan) -> str:
    """The flow's tasks in their order; gives back the version's id."""
    since = datetime.now(UTC)
    with step("Films: reading, comparing, writing"):
        films = take_sample(plan)
        unlabelled = take_pool(plan, films)
    with step("Plots and posters: loading models, joining, writing"):
        made = publish_version(
            plan,
            sample=films,
            text=text_views(plan, films),
            image=image_views(plan, films),
            pool=unlabelled,
            pool_text=text_views(plan, unlabelled) if unlabelled else None,
            pool_image=image_views(plan, unlabelled) if unlabelled else None,
        )
    new = plan.rebuild or Cache().version_manifest(made).created >= since
    show_augmentation(made, since=since, new=new, said=plan.summary())
    return made
