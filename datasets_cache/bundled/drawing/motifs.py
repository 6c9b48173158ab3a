"""All motifs by name, and how to draw one as a picture cut to its outline."""

from collections.abc import Callable

from PIL import Image

from datasets_cache.bundled.drawing.motifs_animals import ANIMALS
from datasets_cache.bundled.drawing.motifs_belongings import BELONGINGS
from datasets_cache.bundled.drawing.motifs_buildings import BUILDINGS
from datasets_cache.bundled.drawing.motifs_household import HOUSEHOLD
from datasets_cache.bundled.drawing.motifs_nature import NATURE
from datasets_cache.bundled.drawing.motifs_people import PEOPLE
from datasets_cache.bundled.drawing.motifs_places import PLACES
from datasets_cache.bundled.drawing.motifs_stage import STAGE
from datasets_cache.bundled.drawing.motifs_tools import TOOLS
from datasets_cache.bundled.drawing.motifs_vehicles import VEHICLES
from datasets_cache.bundled.drawing.motifs_wings_and_water import WINGS_AND_WATER
from datasets_cache.bundled.drawing.pen import Pen, Tones

MOTIFS: dict[str, Callable[[Pen], None]] = {
    **ANIMALS, **WINGS_AND_WATER, **PEOPLE, **NATURE, **BUILDINGS, **PLACES, **VEHICLES, **BELONGINGS,
    **HOUSEHOLD, **TOOLS, **STAGE,
}

NEVER_MIRRORED = frozenset({"hotel_sign"})  # it has letters


def draw_motif(
    name: str, size: int, tones: Tones, *, angle: float = 0, mirror: bool = False, flip: bool = False
) -> Image.Image:
    """Draw a motif on a transparent square of `size` pixels, cut to what was drawn."""
    if name not in MOTIFS:
        message = f"unknown motif {name!r}; known: {', '.join(sorted(MOTIFS))}"
        raise ValueError(message)
    pen = Pen(size, tones, angle=angle, mirror=mirror and name not in NEVER_MIRRORED, flip=flip)
    MOTIFS[name](pen)
    box = pen.image.getchannel("A").getbbox()
    return pen.image.crop(box) if box else pen.image
