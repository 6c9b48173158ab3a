"""Download what a recipe needs from the hubs, on a machine that reaches them."""

from flows.recipes import Recipe
from flows.terminal import console, step

NOT_YET = "no version is needed to know the weights"


def fetch(recipe: Recipe) -> None:
    """Download the translation models and encoders of a recipe into the Hub's and torch's caches, or find them there.

    Raises:
        ValueError: a repository or file cannot be had; the message names it.
    """
    from augment.text.engines.build import translators
    from train.models import fetch as fetch_encoders

    if recipe.augmentation.text:
        for leg in translators(recipe.augmentation.text):
            with step("Translation models"):
                leg.load()
            for name, identity in leg.models.items():
                console().print(f"{name}: {identity}")
    cells = {cell.model: cell for cell in recipe.training.cells(NOT_YET)}
    for model, cell in cells.items():
        with step(f"Encoders of {model}"):
            found = fetch_encoders(cell)
        for path in found:
            console().print(f"{model}: {path}")
