"""What is done to the logits of a step, such that a sentence's tokens do not depend on the batch it is in.

Shapes: B rows (with beams: sentences times beams), S steps, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import LongTensor, Tensor
from transformers.generation.logits_process import LogitsProcessor, TopKLogitsWarper, TopPLogitsWarper


class LengthLimit(LogitsProcessor):
    """Ends each sentence at its own limit; `generate` knows one limit for the whole batch.

    Args:
        limits: tokens of each sentence at most, without the end mark.
        beams: rows a sentence has.
        end: id of the end mark.
    """

    def __init__(self, limits: Sequence[int], *, beams: int, end: int) -> None:
        self.limits = torch.tensor(limits).repeat_interleave(beams)  # [B]
        self.end = end

    def __call__(self, input_ids: LongTensor, scores: Tensor) -> Tensor:
        """Leave only the end mark where a row is at its limit."""
        over = (input_ids.shape[1] - 1 >= self.limits).to(scores.device)  # the first id is the start mark
        if not bool(over.any()):
            return scores
        only_end = torch.full_like(scores[0], -torch.inf)
        only_end[self.end] = 0
        return torch.where(over[:, None], only_end, scores)


class SeededSampling(LogitsProcessor):
    """Draws a token for each row from the row's own seed, and leaves it as the only choice of a greedy search.

    `generate(do_sample=True)` draws for a whole batch from one generator, so a sentence's tokens would depend on its
    neighbours. Here step s of a row takes number s of the row's own Philox stream, and the token whose cumulative probability
    it falls into.

    Args:
        seeds: one a row.
        steps: tokens of a row at most, the end mark included.
        temperature: logits are divided by it.
        top_k: draw among the k likeliest; None among all.
        top_p: draw among the likeliest that together have this probability; None among all.
    """

    def __init__(
        self, seeds: Sequence[int], *, steps: int, temperature: float, top_k: int | None = None, top_p: float | None = None
    ) -> None:
        self.numbers = torch.from_numpy(np.stack([np.random.Generator(np.random.Philox(seed)).random(steps) for seed in seeds]))
        self.temperature = temperature
        self.warpers = [
            *([TopKLogitsWarper(top_k)] if top_k is not None else []),
            *([TopPLogitsWarper(top_p)] if top_p is not None else []),
        ]

    def __call__(self, input_ids: LongTensor, scores: Tensor) -> Tensor:
        """Scores 0 at the token that was drawn, minus infinity elsewhere."""
        warped: Any = scores.float() / self.temperature  # [B, V]
        for warp in self.warpers:
            warped = warp(input_ids, warped)
        cumulative = warped.softmax(-1).double().cumsum(-1)  # [B, V]
        number = self.numbers[:, input_ids.shape[1] - 1].to(scores.device)
        drawn = torch.searchsorted(cumulative, (number * cumulative[:, -1])[:, None], right=True)[:, 0]
        chosen = torch.full_like(scores, -torch.inf).scatter(1, drawn.clamp(max=scores.shape[1] - 1)[:, None], 0.0)
        return chosen
