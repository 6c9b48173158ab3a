"""Where a Marian checkpoint is: in a local folder, in the Hugging Face cache, or on the Hub."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, LocalEntryNotFoundError

from augment.text.engines import opus_mt
from augment.text.engines.protocol import MissingModel

REQUIRED_FILES = ("config.json", "source.spm", "target.spm", "vocab.json", "tokenizer_config.json")
OPTIONAL_FILES = ("generation_config.json", "target_vocab.json", "special_tokens_map.json", "added_tokens.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The first of them that is there is read."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


def identity(model: str, revision: str | None) -> str:
    """What decides a model's translations: ``repository@commit``, or the SHA-256 of a local folder's files.

    Args:
        model: a local folder, or a repository on the Hub.
        revision: commit, branch or tag of the repository; None: the newest.
    Raises:
        ValueError: the folder is missing or is no Marian checkpoint.
        MissingModel: the commit of a repository without revision can be found neither in the cache nor on the Hub.
    """
    if (folder := _local_folder(model)) is not None:
        return f"sha256:{_checksum(folder)}"
    if revision and _COMMIT.fullmatch(revision):
        return f"{model}@{revision}"
    if (found := cached(model, revision)) is not None:
        return f"{model}@{found.name}"
    try:
        return f"{model}@{_ask_hub(model, revision)[0]}"
    except (HTTPError, OSError) as error:
        direction = "-".join(opus_mt.pair_of(model) or ("SOURCE", "TARGET"))
        known = f"its commit, where it is known (`--text.revisions {direction}=COMMIT`); "
        raise _missing(model, revision, direction, error, known) from error


def locate(model: str, revision: str | None, *, source: str, target: str) -> Path:
    """Folder of a checkpoint; downloads it where it is not yet on this machine.

    Args:
        model: a local folder, or a repository on the Hub.
        revision: commit, branch or tag of the repository; None: the newest.
        source: language it translates from, for messages.
        target: language it translates to, for messages.
    Raises:
        ValueError: the folder is missing or is no Marian checkpoint.
        MissingModel: it is not on this machine, and the Hub cannot be reached or has no such repository or revision.
    """
    if (folder := _local_folder(model)) is not None:
        return folder
    if (found := cached(model, revision)) is not None:
        return found
    try:
        _, files = _ask_hub(model, revision)
        wanted = [*REQUIRED_FILES, *OPTIONAL_FILES, *[name for name in WEIGHTS if name in files][:1]]
        # asked for by branch, not by commit: the cache then notes which commit the branch is, and is found without the Hub
        return _checked(Path(snapshot_download(model, revision=revision, allow_patterns=wanted)))
    except (HTTPError, OSError) as error:
        raise _missing(model, revision, f"{source}-{target}", error) from error


def _local_folder(model: str) -> Path | None:
    path = Path(model).expanduser()
    if path.is_dir():
        return _checked(path)
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") != 1:
        msg = f"{model}: no such folder, and not the name of a repository (OWNER/NAME). Give the folder of a Marian checkpoint."
        raise ValueError(msg)
    return None


def _checked(folder: Path) -> Path:
    absent = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in WEIGHTS):
        absent.append(" or ".join(WEIGHTS))
    if absent:
        msg = f"{folder}: not a Marian checkpoint, {', '.join(absent)} missing. Give a folder as `save_pretrained` writes it."
        raise ValueError(msg)
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError):
        kind = "unreadable"
    if kind != "marian":
        msg = f"{folder / 'config.json'}: model type {kind!r}, expected 'marian'. Give a Marian checkpoint (opus-mt)."
        raise ValueError(msg)
    return folder


def cached(model: str, revision: str | None) -> Path | None:
    """Folder of a repository's checkpoint in the Hugging Face cache; None where it is not there, or only a part of it.

    Raises:
        ValueError: it is not the name of a repository.
    """
    try:
        # named, since the cache knows of all files of the repository, and a folder with some of them counts as half downloaded
        files = [*REQUIRED_FILES, *OPTIONAL_FILES]
        return _checked(Path(snapshot_download(model, revision=revision, allow_patterns=files, local_files_only=True)))
    except HFValidationError as error:
        msg = f"{model!r}: neither a folder nor the name of a repository ({error})."
        raise ValueError(msg) from error
    except (LocalEntryNotFoundError, ValueError):  # ValueError: only a part of it is there
        return None


def weights(model: str, revision: str | None) -> list[tuple[str, str]]:
    """Name and SHA-256 of the weights of a repository that is in the Hugging Face cache; nothing for local folders."""
    folder = None if Path(model).expanduser().is_dir() else cached(model, revision)
    if folder is None:
        return []
    name = next(name for name in WEIGHTS if (folder / name).is_file())
    with (folder / name).open("rb") as file:
        return [(name, hashlib.file_digest(file, "sha256").hexdigest())]


def _ask_hub(model: str, revision: str | None) -> tuple[str, list[str]]:
    """Commit and file names; asks once, where a download would try for half a minute and print each try."""
    found = HfApi().model_info(model, revision=revision, timeout=10)
    assert found.sha is not None, "the Hub names a commit"
    return found.sha, [sibling.rfilename for sibling in found.siblings or []]


def _missing(model: str, revision: str | None, direction: str, error: Exception, known: str = "") -> MissingModel:
    absent = isinstance(error, HfHubHTTPError)
    why = "has no such repository or revision" if absent else "cannot be reached"
    pair = opus_mt.pair_of(model)
    advice, others = (opus_mt.advice(*pair), opus_mt.known(*pair)) if pair else ("", "")
    fetch = "" if absent else "`mmuda fetch RECIPE` on a connected machine; "
    said = (
        f"{model} at revision {revision or 'main'} is not in the Hugging Face cache ({constants.HF_HUB_CACHE}), "
        f"and the Hub {why}.",
        advice,
        f"Ways out: {fetch}{known}a local folder with the model, or another repository (`--text.models {direction}=PATH`); "
        "the embedded engine (`--text.engine bergamot --text.pivot pt`).",
        others,
    )
    return MissingModel(" ".join(part for part in said if part))


@cache
def _checksum(folder: Path) -> str:
    """SHA-256 over names and contents of the files that are read."""
    weights = next(name for name in WEIGHTS if (folder / name).is_file())
    total = hashlib.sha256()
    for name in sorted([*REQUIRED_FILES, *OPTIONAL_FILES, weights]):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                total.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
