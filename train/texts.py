"""Plots as token ids: encoded once for a tokenizer and kept on disk, padded batch by batch.

Shape legend: B films, L tokens.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from datasets_cache.files import written_aside
from datasets_cache.fingerprint import fingerprint

FORMAT = 1
"""Raised when equal texts would be encoded or kept differently: kept ids of before are then not read."""
_TEXTS_AT_ONCE = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Texts:
    """Token ids of many texts."""

    tokens: list[NDArray[np.int32]]
    """Ids of each text, at most the limit."""
    cut: NDArray[np.bool_]
    """Whether a text was longer and lost its end."""

    @property
    def truncated(self) -> int:
        """Texts that lost their end."""
        return int(self.cut.sum())

    def first(self, count: int) -> "Texts":
        """The first `count` of them."""
        return Texts(self.tokens[:count], self.cut[:count])

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        return np.array([len(tokens) for tokens in self.tokens], dtype=np.int64)


def encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int, special_tokens: bool) -> Texts:
    """Token ids of `texts`.

    Args:
        texts: any texts; an empty one has no tokens but the special ones.
        tokenizer: a fast tokenizer.
        max_tokens: longest result, special tokens included; the end of a longer text is cut and counted.
        special_tokens: whether the encoder's first and last token are added.
    """
    kept: list[NDArray[np.int32]] = []
    cut: list[NDArray[np.bool_]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        encoded = tokenizer(
            list(texts[start : start + _TEXTS_AT_ONCE]),
            add_special_tokens=special_tokens,
            truncation=True,
            max_length=max_tokens,
            return_overflowing_tokens=True,  # the rest of a cut text follows as further rows
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        text_of_row = np.asarray(encoded["overflow_to_sample_mapping"])
        texts_seen, first_rows, rows = np.unique(text_of_row, return_index=True, return_counts=True)
        assert len(texts_seen) == len(texts[start : start + _TEXTS_AT_ONCE])
        kept += [np.asarray(encoded["input_ids"][row], dtype=np.int32) for row in first_rows]
        cut.append(rows > 1)
    return Texts(kept, np.concatenate(cut) if cut else np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes the texts of one run, each set of texts once: the ids are kept on disk and found again by the next run."""

    tokenizer: PreTrainedTokenizerBase
    """A fast tokenizer."""
    max_tokens: int
    """See `encode`."""
    special_tokens: bool
    """See `encode`."""
    folder: Path
    """Where ids are kept; what lies there can be removed at any time. Where it cannot be written, nothing is kept."""
    identity: str
    """`tokenizer_identity` of `tokenizer`."""

    def __call__(self, texts: Sequence[str]) -> Texts:
        """Token ids of `texts`, kept ones where there are any; damaged ones are made again, with a warning."""
        path = self.folder / f"{self._fingerprint(texts)}.npz"
        kept = _read(path, texts=len(texts), max_tokens=self.max_tokens)
        if kept:
            return kept
        made = encode(texts, self.tokenizer, max_tokens=self.max_tokens, special_tokens=self.special_tokens)
        _keep(path, made)
        return made

    def _fingerprint(self, texts: Sequence[str]) -> str:
        """Name for the texts themselves, in order, and whatever decides their ids: two shelves with equal plots share it."""
        content = hashlib.sha256()
        for text in texts:
            encoded = text.encode()
            content.update(len(encoded).to_bytes(8, "little") + encoded)
        return fingerprint([FORMAT, content.hexdigest(), self.identity, self.max_tokens, self.special_tokens])


def tokenizer_identity(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of what decides a tokenizer's ids: its ``tokenizer.json``, the side it cuts on, the library's version."""
    backend = cast("dict[str, Any]", json.loads(tokenizer.backend_tokenizer.to_str()))  # pyright: ignore
    for state in ("truncation", "padding"):  # left behind by the last call
        backend.pop(state, None)
    described = json.dumps([backend, tokenizer.truncation_side, tokenizers.__version__], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def pad(tokens: Sequence[NDArray[np.int32]], *, pad_id: int) -> tuple[Tensor, Tensor]:
    """One batch, padded on the right to its longest text and to at least one token.

    Returns:
        Ids and mask (1 at tokens, 0 at padding), int64 [B, L].
    """
    length = max(1, *(len(text) for text in tokens))
    ids_BL = np.full((len(tokens), length), pad_id, dtype=np.int64)
    mask_BL = np.zeros((len(tokens), length), dtype=np.int64)
    for row, text in enumerate(tokens):
        ids_BL[row, : len(text)] = text
        mask_BL[row, : len(text)] = 1
    return torch.from_numpy(ids_BL), torch.from_numpy(mask_BL)


def _read(path: Path, *, texts: int, max_tokens: int) -> Texts | None:
    """Kept token ids, None where there are none or they are not usable."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # reading checks each array's CRC
            ids, lengths, cut = arrays["ids"], arrays["lengths"], arrays["cut"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        _log.warning("%s: damaged token ids (%s); they are made again.", path, str(error).partition("\n")[0])
        return None
    whole = len(lengths) == len(cut) == texts and len(ids) == lengths.sum() and lengths.max(initial=0) <= max_tokens
    if not whole or (ids.dtype, lengths.dtype, cut.dtype) != (np.int32, np.int64, np.bool_):
        _log.warning("%s: token ids of other texts; they are made again.", path)
        return None
    ends = np.cumsum(lengths)
    return Texts([ids[end - length : end] for end, length in zip(ends, lengths, strict=True)], cut)


def _keep(path: Path, made: Texts) -> None:
    """Write token ids aside and rename them; a run does not end because they cannot be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside, aside.open("wb") as file:
            ids = np.concatenate([*made.tokens, np.zeros(0, dtype=np.int32)])
            np.savez(file, ids=ids, lengths=made.lengths(), cut=made.cut)
    except OSError as error:
        _log.warning("%s: token ids could not be kept (%s); the next run encodes its texts again.", path, error.strerror)
