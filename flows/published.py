"""What is in the cache: whether a plan's work is done already, and what a version is made of. Imports nothing heavy."""

from augment.image import rand_augment
from augment.text import back_translation
from datasets_cache import given, sampling, version
from datasets_cache.store import Cache
from flows.recipes import AugmentationPlan


def find_published(plan: AugmentationPlan, cache: Cache) -> str | None:
    """Id of the plan's version if it and all that it is made of are published; reads no untouched source, loads no model."""
    found = sampling.find_sample(plan.source, share=plan.sample, cache=cache, strict=plan.strict)
    if found is None:
        return None
    text = image = None
    if plan.source.has_given_text:
        text = given.find_given("text", found.id, cache=cache)
    elif plan.text:
        text = back_translation.find(plan.text, found.id, cache=cache)
    if plan.source.has_given_images:
        image = given.find_given("image", found.id, cache=cache)
    elif plan.image:
        image = rand_augment.find(plan.image, found.id, cache=cache)
    made = version.version_id(plan.name, found.id, text, image)
    return made if cache.version_folder(made).is_dir() else None


def shelves_of_version(cache: Cache, wanted: str) -> list[dict[str, str]]:
    """One row a shelf of a version: its name, how many films it holds, what happened to them, how long it took."""
    opened = version.open_version(cache, wanted)
    manifests = [shelf.manifest for shelf in (opened.sample, opened.text, opened.image) if shelf]
    return [
        {
            "shelf": manifest.id,
            "films": " / ".join(str(count) for count in manifest.rows.values()),
            "what happened": ", ".join(f"{n} {what}" for what, n in manifest.counts.items() if n) or "nothing to report",
            "made in": f"{manifest.seconds:.1f} s",
        }
        for manifest in manifests
    ]
