"""What is in the cache: whether a plan's work is done already, and what a version is made of. Imports nothing heavy."""

from augment.image import rand_augment
from augment.text import shelf as text_shelf
from datasets_cache import given, sampling, version
from datasets_cache.fingerprint import ShelfId
from datasets_cache.manifest import Manifest
from datasets_cache.pool import find_pool
from datasets_cache.store import Cache
from flows.recipes import AugmentationPlan


def find_published(plan: AugmentationPlan, cache: Cache) -> str | None:
    """Id of the plan's version if it and all that it is made of are published; reads no untouched source, loads no model."""
    found = sampling.find_sample(
        plan.source,
        share=plan.sample,
        evaluation_share=plan.evaluation_sample,
        cache=cache,
        strict=plan.strict,
        dedupe=plan.dedupe,
    )
    if found is None:
        return None
    text, image = _find_views(plan, found.id, cache)
    pool = pool_text = pool_image = None
    if plan.unlabelled:
        beside = find_pool(plan.source, unlabelled=plan.unlabelled, sample=found.id, cache=cache, strict=plan.strict)
        if beside is None:
            return None
        pool = beside.id
        pool_text, pool_image = _find_views(plan, pool, cache)
    made = version.version_id(plan.name, found.id, text, image, pool=pool, pool_text=pool_text, pool_image=pool_image)
    return made if cache.version_folder(made).is_dir() else None


def _find_views(plan: AugmentationPlan, films: ShelfId, cache: Cache) -> tuple[ShelfId | None, ShelfId | None]:
    """The published views of a sample or a pool that the plan asks for."""
    return find_text(plan, films, cache), find_images(plan, films, cache)


def find_text(plan: AugmentationPlan, films: ShelfId, cache: Cache) -> ShelfId | None:
    """The published plots of a sample or a pool that the plan asks for; None where there are none or it asks for none."""
    if plan.source.has_given_text:
        return given.find_given("text", films, cache=cache)
    return text_shelf.find(plan.text, films, cache=cache) if plan.text else None


def find_images(plan: AugmentationPlan, films: ShelfId, cache: Cache) -> ShelfId | None:
    """The published posters of a sample or a pool that the plan asks for; None where there are none or it asks for none."""
    if plan.source.has_given_images:
        return given.find_given("image", films, cache=cache)
    return rand_augment.find(plan.image, films, cache=cache) if plan.image else None


def newest_plan(cache: Cache) -> AugmentationPlan:
    """The plan that the newest version was made by: what `mmuda augment` with options alone changes.

    Raises:
        ValueError: there is no version, or this release cannot read its plan.
    """
    cure = "name a recipe: `mmuda augment demo`, `mmuda augment own`, `mmuda augment mmimdb` or `mmuda augment moviescope`."
    versions = cache.manifests("versions")
    if not versions or not versions[-1].spec.get("plan"):
        there = "no version" if not versions else f"no plan with {versions[-1].id}"
        msg = f"options alone change the plan of the newest version, but {cache.root} has {there}; {cure}"
        raise ValueError(msg)
    return AugmentationPlan.model_validate(versions[-1].spec["plan"])


def lines_of_reading(sample: Manifest) -> list[str]:
    """How a sample's source was understood where it left a choice, and the first rows that were skipped."""
    titles = {"read_as": "The source was read as", "skipped_rows": "Rows that were skipped (the first 20)"}
    parts = [(title, sample.quality[key]) for key, title in titles.items() if sample.quality.get(key)]
    return [line for title, lines in parts for line in (f"{title}:", *(f"  {line}" for line in lines))]


def shelves_of_version(cache: Cache, wanted: str) -> list[dict[str, str]]:
    """One row a shelf of a version: its name, how many films it holds, what happened to them, how long it took."""
    opened = version.open_version(cache, wanted)
    labelled = [shelf for shelf in (opened.sample, opened.text, opened.image) if shelf]
    unlabelled = [shelf for shelf in (opened.pool, opened.pool_text, opened.pool_image) if shelf]
    return [_as_row(shelf.manifest) for shelf in labelled] + [_as_row(shelf.manifest, " unlabelled") for shelf in unlabelled]


def _as_row(manifest: Manifest, note: str = "") -> dict[str, str]:
    return {
        "shelf": manifest.id,
        "films": " / ".join(str(count) for count in manifest.rows.values()) + note,
        "what happened": ", ".join(f"{n} {what}" for what, n in manifest.counts.items() if n) or "nothing to report",
        "made in": f"{manifest.seconds:.1f} s",
    }
