"""Hugging Face text encoders: found on disk, loaded quietly, summarised to one vector a text.

Shape legend: B films, L tokens, D width.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from train.config import Pooling
from train.models import embedded, weights

REVISIONS = dict.fromkeys(("bert-base-uncased", "google-bert/bert-base-uncased"), "86b5e0934494bd15c9632b12f734a8a67f723594")
"""The commits this project was built with."""
_FILES = ["config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer*", "vocab*", "merges.txt", "*.model"]


def locate(*, name: str, revision: str | None, download: bool = False) -> Path:
    """Folder of an encoder and its tokenizer.

    Args:
        name: repository on the Hub, local folder, or ``embedded``.
        revision: commit of the repository; by default the one in ``REVISIONS``.
        download: fetch what is not in the Hub cache.
    Raises:
        MissingWeights: not on this machine, and not to be fetched.
        ValueError: a local folder that does not exist or holds no encoder, or a repository without a known revision.
    """
    if name == embedded.NAME:
        return embedded.minilm_folder()
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not _is_whole(folder):
            found = sorted(path.name for path in folder.iterdir())[:10]
            msg = f"{folder}: expected config.json and model.safetensors (saved by `save_pretrained`), found {found}."
            raise ValueError(msg)
        return folder
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        msg = f"{folder}: no such folder; --text.name takes a local encoder, a repository of the Hub or `{embedded.NAME}`."
        raise ValueError(msg)
    return _in_hub_cache(name, revision or _pinned(name), download=download)


def load_tokenizer(*, name: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The encoder's tokenizer.

    Raises:
        MissingWeights: see `locate`.
        ValueError: see `locate`, or it is not a fast tokenizer.
    """
    folder = locate(name=name, revision=revision)
    with _quietly():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            msg = f"{folder}: no usable tokenizer ({str(error).partition(chr(10))[0]}); save one beside the encoder."
            raise ValueError(msg) from error
    if not tokenizer.is_fast:
        msg = (
            f"{folder}: {type(tokenizer).__name__} is not a fast tokenizer, which counting cut texts needs; add tokenizer.json."
        )
        raise ValueError(msg)
    return tokenizer


def special_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Ids of `[CLS]` and `[SEP]`.

    Raises:
        ValueError: the tokenizer has no such tokens.
    """
    found = tokenizer.convert_tokens_to_ids([str(tokenizer.cls_token), str(tokenizer.sep_token)])
    if tokenizer.cls_token is None or tokenizer.sep_token is None:
        msg = f"{type(tokenizer).__name__} has no [CLS] and [SEP], which mmbt needs; use a BERT (--text.name)."
        raise ValueError(msg)
    cls_id, sep_id = cast("list[int]", found)
    return cls_id, sep_id


def load_encoder(*, name: str, revision: str | None, pooling: Pooling | None) -> tuple[PreTrainedModel, Pooling]:
    """The encoder in float32 with SDPA attention, and how its output becomes one vector.

    A pooler that is not used is removed; one that the checkpoint lacks starts with random weights.

    Args:
        name: see `locate`.
        revision: see `locate`.
        pooling: None takes `mean` for ``embedded``, `pooler` for encoders that have one, else `cls`.
    Raises:
        MissingWeights: see `locate`.
        ValueError: see `locate`; or the folder holds weights of another architecture; or `pooler` and the encoder has none.
    """
    folder = locate(name=name, revision=revision)
    with _quietly():
        try:
            loaded = AutoModel.from_pretrained(
                folder,
                dtype=torch.float32,
                attn_implementation="sdpa",
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            msg = f"{folder}: no encoder that transformers can load ({str(error).partition(chr(10))[0]})."
            raise ValueError(msg) from error
    encoder, report = cast("tuple[PreTrainedModel, dict[str, Any]]", loaded)
    lacking = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if lacking or encoder.config.is_encoder_decoder:
        reason = f"{len(lacking)} weights missing, such as {lacking[:3]}" if lacking else "an encoder-decoder"
        msg = f"{folder}: {reason}; expected the weights of a text encoder."
        raise ValueError(msg)
    has_pooler = getattr(encoder, "pooler", None) is not None
    chosen = pooling or ("mean" if name == embedded.NAME else "pooler" if has_pooler else "cls")
    if chosen == "pooler" and not has_pooler:
        msg = f"{folder}: {type(encoder).__name__} has no pooler; use --text.pooling cls or mean."
        raise ValueError(msg)
    if chosen != "pooler" and has_pooler:
        encoder.pooler = None  # pyright: ignore[reportArgumentType]
    return encoder, chosen


def summarise(output: Any, mask_BL: Tensor, *, pooling: Pooling) -> Tensor:  # noqa: ANN401
    """One vector a text.

    Args:
        output: what a Hugging Face encoder returns.
        mask_BL: 1 where there is a token, 0 at padding.
        pooling: see `train.config.TextEncoderConfig`.

    Returns:
        float [B, D].
    """
    match pooling:
        case "pooler":
            return output.pooler_output
        case "cls":
            return output.last_hidden_state[:, 0]
        case "mean":
            states_BLD = output.last_hidden_state
            weight_BL1 = mask_BL.unsqueeze(2).to(states_BLD.dtype)
            return (states_BLD * weight_BL1).sum(dim=1) / weight_BL1.sum(dim=1)


def _pinned(name: str) -> str:
    if name in REVISIONS:
        return REVISIONS[name]
    msg = f"{name}: which revision? Give --text.revision a commit of it (`main` follows whatever it is on the day)."
    raise ValueError(msg)


def _in_hub_cache(name: str, revision: str, *, download: bool) -> Path:
    problem = weights.missing(
        what=f"the encoder {name} at revision {revision}", where=constants.HF_HUB_CACHE, local="--text.name PATH"
    )
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_FILES, local_files_only=not download))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        if download:
            problem.add_note(f"The Hub said: {str(error).partition(chr(10))[0]}")
        raise problem from error
    if not _is_whole(folder):
        raise problem
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a download ended; an interrupted one leaves a folder without all of its files."""
    return (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))


@contextmanager
def _quietly() -> Generator[None]:
    """Without transformers' progress bar and report of unused weights, which a clean run has no use for."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
