"""Marian checkpoints (opus-mt) through transformers, on CPU or CUDA."""

import copy
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, MarianMTModel
from transformers.utils import logging

from augment.text.engines import checkpoints, tokens
from augment.text.engines.batching import by_token_budget
from augment.text.engines.decoding import LengthLimit, SeededSampling
from augment.text.engines.protocol import Encoded, Translated
from augment.text.engines.tokens import Tokens
from augment.text.spec import Decoding, Precision

BATCH_TOKENS = {"cpu": 1024, "cuda": 8192}
"""Source tokens of a batch, padding included, where the caller names none."""


@dataclass(frozen=True)
class MarianTranslator:
    """One direction by one Marian checkpoint.

    A translation depends on the sentence and its seed; on the batch only as far as floating-point sums do.
    """

    source: str
    target: str
    model: str
    """Repository on the Hub, or local folder."""
    revision: str | None = None
    """Commit of the repository; None: the newest."""
    _: KW_ONLY
    target_code: str | None = None
    """Of a checkpoint with several target languages: the code to ask for; None: found by the target."""
    decoding: Decoding = "sampling"
    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 4
    dtype: Precision = "fp32"
    device: str = "auto"
    """`auto` takes CUDA where there is one."""
    threads: int | None = None
    """Threads on the CPU; by default as many as torch takes."""
    batch_tokens: int | None = None
    """Source tokens of a batch, padding included; by default as the device likes it."""

    @property
    def direction(self) -> str:
        """For people."""
        return f"{self.source} → {self.target}"

    @property
    def models(self) -> Mapping[str, str]:
        """The checkpoint by commit, a local one by checksum.

        Raises:
            ValueError: see `checkpoints.identity`.
        """
        return {self.direction: checkpoints.identity(self.model, self.revision)}

    @property
    def draws(self) -> bool:
        """Whether it samples."""
        return self.decoding == "sampling"

    def load(self) -> None:
        """Load the checkpoint now.

        Raises:
            MissingModel: it is neither on this machine nor within reach.
            ValueError: the folder is not a Marian checkpoint, or the device is not there.
        """
        self._loaded()

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        """Tokenise; None where the model has no room for a sentence and for a translation of twice its tokens."""
        words, model = self._loaded()
        room = model.config.max_position_embeddings // 2
        rows = words.encode(sentences)
        return [Encoded(sentence, ids) if len(ids) <= room else None for sentence, ids in zip(sentences, rows, strict=True)]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        """Translate `sentences` in batches of like length, the longest first.

        Raises:
            ValueError: see `load`.
        """
        words, model = self._loaded()
        rows = [sentence.tokens for sentence in sentences]
        budget = self.batch_tokens or BATCH_TOKENS.get(model.device.type, BATCH_TOKENS["cpu"])
        per_sentence = self.beams if self.decoding == "beam" else 1
        for batch in by_token_budget([len(row) for row in rows], max(1, budget // per_sentence)):
            with _quiet(), _threads(self.threads), torch.inference_mode():
                done = self._generate(words, model, [rows[at] for at in batch], [seeds[at] for at in batch])
            assert len(done) == len(batch), f"{len(batch)} sentences went in, {len(done)} came back"
            for position, (text, finished) in zip(batch, done, strict=True):
                yield Translated(position, text, None if finished else "unfinished")

    def _loaded(self) -> tuple[Tokens, Any]:
        folder = checkpoints.locate(self.model, self.revision, source=self.source, target=self.target)
        words = tokens.load(folder, target=self.target, target_code=self.target_code, source=self.source)
        return words, _load(folder, self.dtype, resolve_device(self.device))

    def _generate(
        self, words: Tokens, model: Any, sources: Sequence[Sequence[int]], seeds: Sequence[int]
    ) -> list[tuple[str, bool]]:
        """Text of each sentence, and whether it ended by itself."""
        limits = [length_limit(len(sentence), model.config.max_position_embeddings) for sentence in sources]
        beams = self.beams if self.decoding == "beam" else 1
        end = model.config.eos_token_id
        steps = max(limits) + 1
        processors: list[LengthLimit | SeededSampling] = [LengthLimit(limits, beams=beams, end=end)]
        if self.decoding == "sampling":
            drawing = {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}
            processors.append(SeededSampling(seeds, steps=steps, **drawing))  # type: ignore[arg-type]
        inputs = _padded(sources, model.config.pad_token_id, model.device)
        rows = model.generate(
            **inputs,
            generation_config=_search(model.generation_config, beams=beams, steps=steps),
            logits_processor=LogitsProcessorList(processors),
        ).tolist()
        pad = model.config.pad_token_id
        bodies = [list(takewhile(lambda token: token not in (end, pad), row[1:])) for row in rows]
        texts = words.decode(bodies)
        return [(text, len(body) < limit) for text, body, limit in zip(texts, bodies, limits, strict=True)]


def _padded(tokens: Sequence[Sequence[int]], pad: int, device: Any) -> dict[str, torch.Tensor]:
    longest = max(map(len, tokens))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in tokens])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def length_limit(source_tokens: int, positions: int) -> int:
    """Tokens that a translation may have: more than that is a loop, not a sentence."""
    return min(2 * source_tokens + 16, positions - 2)


def resolve_device(device: str) -> str:
    """``cuda`` or ``cpu`` for ``auto``, else the device itself.

    Raises:
        ValueError: there is no such device.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = f"device {device!r} cannot be used here ({str(error).splitlines()[0]}); choose `auto`, `cpu` or `cuda`."
        raise ValueError(msg) from error
    return device


def _search(checkpoint: GenerationConfig, *, beams: int, steps: int) -> GenerationConfig:
    """The checkpoint's own settings, such as its length penalty, with our beams and limit."""
    config = copy.deepcopy(checkpoint)
    config.update(
        do_sample=False, num_beams=beams, max_length=None, max_new_tokens=steps, temperature=None, top_k=None, top_p=None
    )
    return config


@lru_cache(maxsize=4)
def _load(folder: Path, dtype: Precision, device: str) -> Any:
    with _quiet():
        model: Any = MarianMTModel.from_pretrained(folder, dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)
    return model.to(device).eval()


@contextmanager
def _quiet() -> Generator[None]:
    """Transformers' progress bars and advice stay off the screen; the caller's settings come back."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _threads(wanted: int | None) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
