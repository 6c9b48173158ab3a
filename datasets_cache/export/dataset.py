"""A version as a dataset in the Hub's format.

Layout::

    <folder>/
        README.md                                card, with the header that `datasets` reads
        provenance.json                          `Provenance`
        data/train-00000-of-00001.parquet        likewise validation, test
        unlabelled/train-00000-of-00001.parquet  where the version has a pool
"""

from pathlib import Path

from datasets_cache.export import card, licence, parquet, provenance
from datasets_cache.export.aside import whole_folder
from datasets_cache.export.provenance import Provenance
from datasets_cache.export.rows import parts
from datasets_cache.files import write_text
from datasets_cache.progress import Track, untracked
from datasets_cache.version import Version

CARD = "README.md"


def export(version: Version, to: Path, *, stated_licence: str | None = None, track: Track = untracked) -> Provenance:
    """Write a version to a new folder that `datasets.load_dataset` reads; the folder appears when it is whole.

    Args:
        version: a cache version.
        to: new or empty.
        stated_licence: under which whoever exports may pass the films on; see `licence.terms`.
        track: progress.
    Raises:
        ValueError: `to` holds something, cannot be written, or a shelf is damaged.
    """
    with whole_folder(to) as folder:
        extents = tuple(parquet.write(part, folder, genres=version.genres, track=track) for part in parts(version))
        about = provenance.describe(version, layout="parquet", extents=extents)
        write_text(folder / provenance.FILE_NAME, about.model_dump_json(indent=2) + "\n")
        write_card(version, folder, about, stated_licence=stated_licence)
    return about


def write_card(version: Version, folder: Path, about: Provenance, *, stated_licence: str | None) -> None:
    """Write the card of an exported version, or write it anew with other terms."""
    write_text(folder / CARD, str(card.make(version, about, licence.terms(version, stated_licence))))


def holds(folder: Path, version: Version) -> Provenance | None:
    """What `folder` says of itself where it is the whole export of this version; None where it is anything else."""
    about = provenance.read(folder)
    if about is None or (about.layout, about.version) != ("parquet", version.id):
        return None
    for extent in about.extents:
        pieces = list((folder / parquet.folder_of(extent.config)).glob(f"{extent.split}-*.parquet"))
        if (len(pieces), sum(piece.stat().st_size for piece in pieces)) != (extent.pieces, extent.file_bytes):
            return None
    return about
