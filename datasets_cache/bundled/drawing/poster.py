"""One poster: a film and its design in, a finished picture and its JPEG bytes out."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from datasets_cache.bundled.drawing.canvas import HEIGHT, WIDTH, Canvas
from datasets_cache.bundled.drawing.compositions_graphic import GRAPHIC
from datasets_cache.bundled.drawing.compositions_scenic import SCENIC
from datasets_cache.bundled.drawing.lettering import LETTERINGS, draw_title
from datasets_cache.bundled.drawing.motifs import MOTIFS
from datasets_cache.bundled.drawing.palettes import PALETTES
from datasets_cache.bundled.drawing.scene import Scene, TitlePlace

COMPOSITIONS: dict[str, Callable[[Scene], TitlePlace]] = {**SCENIC, **GRAPHIC}
MOST_BYTES = 14 * 1024
_QUALITIES = tuple((quality, sampling) for sampling in (0, 2) for quality in range(92, 71 if sampling == 0 else 29, -4))


@dataclass(frozen=True)
class Film:
    """What a poster needs to know about a film."""

    id: str
    title: str
    year: int
    genres: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """The design of a poster, in the words of the vocabulary."""

    motif: str
    motif2: str | None
    palette: str
    composition: str
    lettering: str

    def check(self, film: str) -> None:
        """Raise ValueError for a word outside the vocabulary."""
        for word, known in (
            (self.motif, MOTIFS), (self.motif2 or self.motif, MOTIFS), (self.palette, PALETTES),
            (self.composition, COMPOSITIONS), (self.lettering, LETTERINGS),
        ):
            if word not in known:
                message = f"the design of {film} has {word!r}, which is none of: {', '.join(sorted(known))}"
                raise ValueError(message)


def _generator(film: str) -> np.random.Generator:
    """Chance that is the same for a film on every run."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(film.encode()).digest()[:8], "big"))


def draw_poster(film: Film, design: Design) -> Image.Image:
    """Draw the poster of a film at its final size."""
    design.check(film.id)
    palette = PALETTES[design.palette]
    canvas = Canvas(palette.back)
    scene = Scene(canvas, palette, _generator(film.id), design.motif, design.motif2)
    place = COMPOSITIONS[design.composition](scene)
    draw_title(canvas, film.title, film.year, design.lettering, place.box, place.align, place.stand, place.inks,
               ornament=int(scene.rng.integers(4)), plate=place.plate)
    if design.composition != "border_ornate" and scene.chance(0.3):
        canvas.frame((0, 0, WIDTH, HEIGHT), 5, palette.light)
    genres = set(film.genres)
    vignette = 0.34 if genres & {"horror", "thriller", "crime", "mystery"} else 0.14 if "animation" in genres else 0.22
    grain = 1.6 if genres & {"war", "western", "history"} or film.year < 1960 else 0.9
    return canvas.printed(scene.rng, grain, vignette)


def encode(poster: Image.Image) -> bytes:
    """The poster as a JPEG of fewer than 14 KB, in the best quality that allows."""
    data = b""
    for quality, sampling in _QUALITIES:
        buffer = io.BytesIO()
        poster.save(buffer, "JPEG", quality=quality, subsampling=sampling, optimize=True, progressive=True)
        data = buffer.getvalue()
        if len(data) < MOST_BYTES:
            return data
    message = f"a poster needs {len(data)} bytes even in the poorest quality"
    raise ValueError(message)
