"""Marian checkpoints (opus-mt) through transformers, on CPU or CUDA."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import KW_ONLY, dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from transformers import MarianMTModel

from augment.text.engines import checkpoints, tokens
from augment.text.engines.batching import by_token_budget, length_limit
from augment.text.engines.decoding import SeededSampling, generate, is_plain, likeliest, search
from augment.text.engines.packed import pack
from augment.text.engines.protocol import Encoded, Problem, Translated
from augment.text.engines.slots import slots
from augment.text.engines.tokens import Tokens
from augment.text.quiet import quietly
from augment.text.spec import Decoding, Precision

BATCH_TOKENS = {"cpu": 1024, "cuda": 16384}
"""Source tokens of a batch, padding included, where the caller names none; with beams that many of all beams together."""


@dataclass(frozen=True)
class MarianTranslator:
    """One direction by one Marian checkpoint.

    A translation depends on the sentence and its seed; on the batch only as far as floating-point sums do. Equal calls make
    equal batches, so on a CPU they give equal texts, whatever the number of threads and whoever else translates. CUDA cannot
    promise that: a batch that does not fit into the free memory is halved, and kernels may sum in another order.
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
    """CPU: batches translated at once, each in one thread; by default as many threads as torch takes."""
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
        room = _positions(model) // 2
        rows = words.encode(sentences)
        return [Encoded(sentence, ids) if len(ids) <= room else None for sentence, ids in zip(sentences, rows, strict=True)]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        """Translate `sentences` in batches of like length, the longest first; each batch is yielded when it is done.

        All calls in the process share the threads of a device. A sentence that does not fit into the device's memory even
        alone has the problem `engine failed`.

        Raises:
            ValueError: see `load`.
        """
        words, model = self._loaded()
        rows = [sentence.tokens for sentence in sentences]
        budget = self.batch_tokens or BATCH_TOKENS.get(model.device.type, BATCH_TOKENS["cpu"])
        batches = by_token_budget([len(row) for row in rows], max(1, budget // self._rows_each))
        pool = slots(model.device.type, self.threads)
        running = {
            pool.submit(self._translate, words, model, [rows[at] for at in batch], [seeds[at] for at in batch]): batch
            for batch in batches
        }
        try:
            for done in as_completed(running):
                made = done.result()
                for position, (text, problem) in zip(running.pop(done), made, strict=True):
                    yield Translated(position, text, problem)
        finally:
            for future in running:
                future.cancel()

    @property
    def _rows_each(self) -> int:
        """Rows of a batch that a sentence takes."""
        return self.beams if self.decoding == "beam" else 1

    def _loaded(self) -> tuple[Tokens, Any]:
        folder = checkpoints.locate(self.model, self.revision, source=self.source, target=self.target)
        words = tokens.load(folder, target=self.target, target_code=self.target_code, source=self.source)
        with _loading:
            return words, _load(folder, self.dtype, resolve_device(self.device))

    def _translate(
        self, words: Tokens, model: Any, rows: Sequence[Sequence[int]], seeds: Sequence[int]
    ) -> list[tuple[str, Problem | None]]:
        """Text and problem of each sentence of a batch, which is halved where it does not fit into the memory."""
        found: list[tuple[str, Problem | None]] = [("", "engine failed")] * len(rows)
        pending = [range(len(rows))]
        while pending:
            part = pending.pop()
            size = len(part) * max(len(rows[at]) for at in part) * self._rows_each
            if len(part) > 1 and size > _fits.get(id(model), size):
                pending += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            try:
                made = self._decode(model, [rows[at] for at in part], [seeds[at] for at in part])
            except torch.OutOfMemoryError:
                made = None
            if made is not None:
                limits = [_limit(model, rows[at]) for at in part]
                for at, text, body, limit in zip(part, words.decode(made), made, limits, strict=True):
                    found[at] = text, None if len(body) < limit else "unfinished"
                continue
            torch.cuda.empty_cache()  # out of the handler, whose traceback held what the attempt had taken
            if len(part) > 1:
                _fits[id(model)] = min(size // 2, _fits.get(id(model), size))
                pending.append(part)
        return found

    def _decode(self, model: Any, rows: Sequence[Sequence[int]], seeds: Sequence[int]) -> list[list[int]]:
        """Tokens of each translation, without the end mark."""
        limits = [_limit(model, row) for row in rows]
        sampling = None
        if self.decoding == "sampling":
            sampling = SeededSampling(
                seeds, steps=max(limits) + 1, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p,
                device=model.device,
            )  # fmt: skip
        inputs = _padded(rows, model.config.pad_token_id, model.device)
        if self.decoding != "beam" and is_plain(model.generation_config):
            return search(model, inputs, limits, sampling.choose if sampling else likeliest)
        return generate(model, inputs, limits, beams=self._rows_each, sampling=sampling)


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


def _padded(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> dict[str, torch.Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    mask = torch.arange(longest) < torch.tensor([[len(row)] for row in rows])
    inputs = {"input_ids": ids, "attention_mask": mask.long()}
    if device.type != "cuda":
        return {name: tensor.to(device) for name, tensor in inputs.items()}
    return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in inputs.items()}


def _positions(model: Any) -> int:
    """Tokens that a text may have, marks included."""
    return min(model.config.max_position_embeddings, model.generation_config.max_length or model.config.max_position_embeddings)


def _limit(model: Any, row: Sequence[int]) -> int:
    return length_limit(len(row), _positions(model))


_loading = Lock()
_fits: dict[int, int] = {}
"""Source tokens of a batch, by model: what may fit, once a batch did not."""


@cache
def _load(folder: Path, dtype: Precision, device: str) -> Any:
    with quietly():
        model: Any = MarianMTModel.from_pretrained(folder, dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)
    model = model.to(device).eval()
    if model.device.type == "cpu":
        pack(model)
    return model
