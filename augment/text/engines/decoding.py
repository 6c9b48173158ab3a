"""Search for a translation, such that a sentence's tokens do not depend on the batch it is in.

Shapes: B rows (with beams: sentences times beams), S steps, V vocabulary, L source tokens.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from torch import LongTensor, Tensor
from transformers import DynamicCache, EncoderDecoderCache, GenerationConfig, LogitsProcessorList
from transformers.generation.logits_process import LogitsProcessor

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""Tokens [B] from logits [B, V], the numbers of the rows [B] and the step."""

HEAD_ROWS = {"cpu": 64, "cuda": 512}
"""Rows whose logits are in memory at a time: a batch of very short sentences has many, and each has the whole vocabulary."""
LOOK_EVERY = {"cpu": 1, "cuda": 8}
"""Steps after which it is looked whether rows have ended; on CUDA a look waits for the device."""
DROP_SHARE = 1 / 8
"""Rows that have ended leave the batch when they are this share of it; leaving costs a copy of the others' cache."""
OUR_OWN = {
    *("max_length", "max_new_tokens", "num_beams", "length_penalty", "early_stopping", "num_return_sequences"),
    *("do_sample", "temperature", "top_k", "top_p", "renormalize_logits"),
    *("bad_words_ids", "forced_eos_token_id", "eos_token_id", "pad_token_id", "bos_token_id", "decoder_start_token_id"),
    *("use_cache", "output_attentions", "output_hidden_states", "output_scores", "return_dict_in_generate"),
    *("_from_model_config", "transformers_version"),
}
"""Settings of a checkpoint that `search` heeds, or that say nothing to a search without beams."""


def is_plain(settings: GenerationConfig) -> bool:
    """Whether `search` heeds all that a checkpoint's `settings` ask of a search without beams."""
    words: Any = settings.bad_words_ids or []
    ends: Any = settings.eos_token_id
    return (
        settings.to_diff_dict().keys() <= OUR_OWN
        and all(len(word) == 1 for word in words)
        and isinstance(ends, int)
        and settings.forced_eos_token_id in (None, ends)
    )


@torch.inference_mode()
def search(model: Any, inputs: Mapping[str, Tensor], limits: Sequence[int], choose: Choose) -> list[list[int]]:
    """Token by token, without beams; tokens of each row as far as it came, without the end mark.

    The same as ``model.generate`` with one beam, but rows that have ended leave the batch, nothing is done to the logits that
    the choice does not need, and CUDA is hardly waited for.

    Args:
        model: a Marian model whose settings are plain (see `is_plain`).
        inputs: `input_ids` and `attention_mask`, [B, L].
        limits: tokens of each row at most.
        choose: such as `likeliest`.
    """
    settings, at_once = model.generation_config, HEAD_ROWS.get(model.device.type, HEAD_ROWS["cpu"])
    end, steps, device = settings.eos_token_id, max(limits), model.device
    encoded = model.get_encoder()(**inputs).last_hidden_state  # [B, L, D]
    attended = inputs["attention_mask"][:, None, None, :].bool()  # four dimensions are taken as they are, without a look
    visible = attended.new_ones(1, 1, 1, steps)
    cache = EncoderDecoderCache(DynamicCache(config=model.config), DynamicCache(config=model.config))
    bias = model.final_logits_bias[0].clone()  # [V]
    bias[[word[0] for word in settings.bad_words_ids or [] if word != [end]]] = -torch.inf
    found = torch.full((len(limits), steps), end, device=device)  # [B, S]
    rows = torch.arange(len(limits), device=device)
    left = torch.tensor(limits, device=device)
    token = torch.full_like(rows, settings.decoder_start_token_id)
    going = torch.ones_like(rows, dtype=torch.bool)
    for step in range(steps):
        hidden = model.get_decoder()(
            input_ids=token[:, None], attention_mask=visible[..., : step + 1].expand(len(rows), -1, -1, -1),
            encoder_hidden_states=encoded, encoder_attention_mask=attended, past_key_values=cache, use_cache=True,
        ).last_hidden_state[:, 0]  # fmt: skip
        parts = zip(hidden.split(at_once), rows.split(at_once), strict=True)
        token = torch.cat([choose(model.lm_head(some).add_(bias), which, step) for some, which in parts])
        going = going & (token != end) & (step < left)
        found[rows, step] = torch.where(going, token, end)
        if (step + 1) % LOOK_EVERY.get(device.type, 1) == 0:
            stay = going.nonzero()[:, 0]
            if not len(stay):
                break
            if len(rows) - len(stay) >= DROP_SHARE * len(rows):
                rows, left, token, going = rows[stay], left[stay], token[stay], going[stay]
                encoded, attended = encoded[stay], attended[stay]
                cache.batch_select_indices(stay)
    return [row[: row.index(end)] if end in row else row for row in found.tolist()]


def likeliest(logits: Tensor, _rows: Tensor, _step: int) -> Tensor:
    """Greedy."""
    return logits.argmax(-1)


class SeededSampling(LogitsProcessor):
    """Draws a token for each row from the row's own seed.

    `generate(do_sample=True)` draws for a whole batch from one generator, so a sentence's tokens would depend on its
    neighbours. Here step s of a row takes number s of the row's own Philox stream, and the token whose cumulative probability
    it falls into.

    Args:
        seeds: one a row.
        steps: tokens of a row at most, the end mark included.
        temperature: logits are divided by it.
        top_k: draw among the k likeliest; None among all.
        top_p: draw among the likeliest that together have this probability; None among all.
        device: of the logits.
    """

    def __init__(
        self, seeds: Sequence[int], *, steps: int, temperature: float,
        top_k: int | None = None, top_p: float | None = None, device: str | torch.device = "cpu",
    ) -> None:  # fmt: skip
        numbers = np.stack([np.random.Generator(np.random.Philox(seed)).random(steps) for seed in seeds])
        self.numbers = torch.from_numpy(numbers).to(device)  # [B, S]
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p

    def choose(self, logits: Tensor, rows: Tensor, step: int) -> Tensor:
        """Tokens [B] that are drawn for `rows`."""
        scores = logits.float() / self.temperature  # [B, V]
        if self.top_k is not None:
            scores = _from(scores, scores.topk(min(self.top_k, scores.shape[1])).values[:, -1:])
        if self.top_p is not None:
            scores = _from(scores, least_within(scores, self.top_p))
        return falls_into(scores.softmax(-1), self.numbers[rows, step])

    def __call__(self, input_ids: LongTensor, scores: Tensor) -> Tensor:
        """Scores 0 at the token that was drawn, minus infinity elsewhere: the only choice of a greedy search."""
        drawn = self.choose(scores, torch.arange(len(scores), device=scores.device), input_ids.shape[1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, drawn[:, None], 0.0)


def _from(scores: Tensor, least: Tensor) -> Tensor:
    return scores.masked_fill(scores < least, -torch.inf)


def least_within(scores: Tensor, probability: float) -> Tensor:
    """Score [B, 1] of the last token that is needed for `probability`, the likeliest first."""
    total = scores.logsumexp(-1, keepdim=True)
    for among in (min(256, scores.shape[1]), scores.shape[1]):  # to sort the whole vocabulary takes longer than the model
        best = scores.topk(among).values  # [B, among]
        shares = (best - total).exp()
        needed = shares.cumsum(-1) - shares < probability
        if not bool(needed[:, -1].any()):
            break
    return best.masked_fill(~needed, torch.inf).amin(-1, keepdim=True)


BLOCK = 256
"""Tokens whose weights are summed before they are looked at one by one; a cumulative sum of the vocabulary takes longer."""


def falls_into(weights: Tensor, numbers: Tensor) -> Tensor:
    """Tokens [B] into whose share of `weights` [B, V] fall `numbers` [B] from [0, 1); never one without weight."""
    size = weights.shape[1]
    whole = size - size % BLOCK
    sums = weights[:, :whole].unflatten(1, (-1, BLOCK)).sum(-1, dtype=torch.float64)
    before = torch.cat([sums, weights[:, whole:].sum(-1, keepdim=True, dtype=torch.float64)], 1).cumsum(-1)
    target = numbers * before[:, -1]
    block = _first_beyond(before, target)
    target = target - torch.where(block > 0, before.gather(1, (block - 1).clamp(min=0)[:, None])[:, 0], 0)
    tokens = block[:, None] * BLOCK + torch.arange(BLOCK, device=weights.device)
    within = weights.gather(1, tokens.clamp(max=size - 1)).double().masked_fill(tokens >= size, 0)
    return block * BLOCK + _first_beyond(within.cumsum(-1), target)


def _first_beyond(cumulative: Tensor, target: Tensor) -> Tensor:
    """Positions [B] of the first sum beyond `target`; where rounding leaves none, of the last that has weight."""
    first = torch.searchsorted(cumulative, target[:, None], right=True)[:, 0]
    return torch.minimum(first, (cumulative < cumulative[:, -1:]).sum(-1))


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
        over = input_ids.shape[1] - 1 >= self.limits  # the first id is the start mark
        if not bool(over.any()):
            return scores
        only_end = torch.full_like(scores[0], -torch.inf)
        only_end[self.end] = 0
        return torch.where(over.to(scores.device)[:, None], only_end, scores)


@torch.inference_mode()
def generate(
    model: Any, inputs: Mapping[str, Tensor], limits: Sequence[int], *, beams: int, sampling: SeededSampling | None
) -> list[list[int]]:
    """As `search`, by transformers: with beams, and with whatever settings a checkpoint has."""
    config: GenerationConfig = copy.deepcopy(model.generation_config)
    unused: dict[str, Any] = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}  # transformers' defaults, else it warns of them
    unused |= {"length_penalty": 1.0, "early_stopping": False} if beams == 1 else {}
    config.update(do_sample=False, num_beams=beams, max_length=max(limits) + 2, **unused)  # the start and the end mark
    end, pad = model.config.eos_token_id, model.config.pad_token_id
    processors = LogitsProcessorList([LengthLimit(limits, beams=beams, end=end), *([sampling] if sampling else [])])
    rows = model.generate(**inputs, generation_config=config, logits_processor=processors).tolist()
    return [list(takewhile(lambda token: token not in (end, pad), row[1:])) for row in rows]
