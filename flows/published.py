"""What is in the cache: whether a plan's work is done already, and what a version is made of. Imports nothing heavy."""

from augment.image import rand_augment
from augment.text import shelf as text_shelf
from datasets_cache import given, sampling, version
from datasets_cache.store import Cache
from flows.recipes import AugmentationPlan


def find_published(plan: AugmentationPlan, cache: Cache) -> str | None:
    """Id of the plan's version if it and all that it is made of are published; reads no untouched source, loads no model."""
    found = sampling.find_sample(plan.source, share=plan.sample, cache=cache, strict=plan.strict, dedupe=plan.dedupe)
    if found is None:
        return None
    text = image = None
    if plan.source.has_given_text:
        text = given.find_given("text", found.id, cache=cache)
    elif plan.text:
        text = text_shelf.find(plan.text, found.id, cache=cache)
    if plan.source.has_given_images:
        image = given.find_given("image", found.id, cache=cache)
    elif plan.image:
        image = rand_augment.find(plan.image, found.id, cache=cache)
    made = version.version_id(plan.name, found.id, text, image)
    return made if cache.version_folder(made).is_dir() else None


def newest_plan(cache: Cache) -> AugmentationPlan:
    """The plan that the newest version was made by: what `mmuda augment` with options alone changes.

    Raises:
        ValueError: there is no version, or this release cannot read its plan.
    """
    cure = "name a recipe: `mmuda augment demo`, `mmuda augment mmimdb` or `mmuda augment moviescope`."
    versions = cache.manifests("versions")
    if not versions or not versions[-1].spec.get("plan"):
        there = "no version" if not versions else f"no plan with {versions[-1].id}"
        msg = f"augment: options alone change the plan of the newest version, but {cache.root} has {there}; {cure}"
        raise ValueError(msg)
    return AugmentationPlan.model_validate(versions[-1].spec["plan"])


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
