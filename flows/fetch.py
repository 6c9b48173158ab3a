"""Download what a recipe needs from the hubs, on a machine that reaches them."""

from flows.recipes import Recipe
from flows.terminal import console, step

NOT_YET = "no version is needed to know the weights"


def fetch(recipe: Recipe) -> None:
    """Download the translation models and encoders of a recipe into the Hub's and torch's caches, or find them there.

    Raises:
        ValueError: a repository or file cannot be had; the message names it.
    """
    with step("Loading"):
        from augment.text.engines.build import translators
        from train.models import fetch as fetch_encoders

    if recipe.augmentation.text:
        for leg in translators(recipe.augmentation.text):
            leg.load()  # the libraries' own bars show what is downloaded, and share a line with no other
            for name, identity in leg.models.items():
                console().print(f"{name}: {identity}")
    cells = {cell.model: cell for cell in recipe.training.cells(NOT_YET)}
    for model, cell in cells.items():
        for path in fetch_encoders(cell):
            console().print(f"{model}: {path}")
