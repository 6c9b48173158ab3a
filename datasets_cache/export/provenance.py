"""What an exported folder says of where it came from, for programs: ``provenance.json``."""

from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ValidationError

from datasets_cache.export.parquet import Extent
from datasets_cache.export.paths import without_paths
from datasets_cache.frozen import Frozen
from datasets_cache.version import Version

FILE_NAME = "provenance.json"
Layout = Literal["parquet", "folders"]


class Provenance(Frozen):
    """The version behind an exported folder, without anything of the machine that it was made on."""

    format: Literal[1] = 1
    """Of this file."""
    layout: Layout
    """How the films lie."""
    version: str
    """Cache version."""
    created: str
    """When the version was published, UTC."""
    genres: tuple[str, ...]
    """Genres in label order."""
    shelves: tuple[dict[str, Any], ...]
    """Manifests of the sample, the pool and their views: settings, parents, counts, quality, models, library versions."""
    extents: tuple[Extent, ...] = ()
    """What was written of each split."""


def describe(version: Version, *, layout: Layout, extents: tuple[Extent, ...] = ()) -> Provenance:
    """What is known about a version."""
    shelves = (version.sample, version.text, version.image, version.pool, version.pool_text, version.pool_image)
    manifests = (shelf.manifest.model_dump(mode="json", exclude={"files", "genres"}) for shelf in shelves if shelf)
    return Provenance(
        layout=layout,
        version=version.id,
        created=version.manifest.created.isoformat(),
        genres=version.genres,
        shelves=tuple(cast("dict[str, Any]", without_paths(manifest)) for manifest in manifests),
        extents=extents,
    )


def read(folder: Path) -> Provenance | None:
    """What an exported folder says of itself; None where it is none."""
    try:
        return Provenance.model_validate_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
