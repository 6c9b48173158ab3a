"""Plots as token ids: encoded once a run, padded batch by batch.

Shape legend: B films, L tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

_TEXTS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Texts:
    """Token ids of many texts."""

    tokens: list[NDArray[np.int32]]
    """Ids of each text, at most the limit."""
    truncated: int
    """Texts that were longer and lost their end."""

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
    truncated = 0
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
        truncated += int((rows > 1).sum())
    return Texts(kept, truncated)


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
