"""Marian checkpoints for CTranslate2: converted once, kept in the cache, checked and loaded once a process."""

import hashlib
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from augment.text.engines.protocol import MissingModel
from augment.text.quiet import quietly
from datasets_cache.claims import claim
from datasets_cache.files import discard, make_folder, problem_of, promise_of, room, staging_folder, sync
from datasets_cache.frozen import Frozen
from datasets_cache.manifest import FilePromise

Ct2Precision = Literal["int8", "int8_float16", "fp32"]

_COMPUTE_TYPES: dict[Ct2Precision, str] = {"int8": "int8_float32", "int8_float16": "int8_float16", "fp32": "float32"}
_RECORD = "conversion.json"
_FORMAT = 1
"""To be raised when `_specification` writes something else."""


class Conversion(Frozen):
    """What a converted folder promises, and what its checkpoint says of decoding."""

    files: dict[str, FilePromise]
    """Every other file of the folder."""
    end: int
    """Id of the end mark."""
    vocabulary: int
    """Ids of the target's side."""
    positions: int
    """Tokens that a text may have on either side, marks included."""
    suppressed: tuple[tuple[int, ...], ...]
    """Sequences of ids that are never said: the padding, and the checkpoint's `bad_words_ids`."""
    length_penalty: float
    """Beam search divides a score by this power of the length."""
    repetition_penalty: float
    """Above 1: what was said is less likely to be said again."""
    no_repeat_ngram_size: int
    """Sequences of this length are not said twice; 0: they may be."""


def library() -> Any:
    """The module `ctranslate2`.

    Raises:
        MissingModel: it is not installed.
    """
    try:
        return import_module("ctranslate2")
    except ImportError as error:
        msg = (
            f"the engine ctranslate2 needs the package ctranslate2 ({error}); install it with "
            "`pip install 'mmuda[ctranslate2]'`, or use `--text.engine marian`, which runs the same checkpoints."
        )
        raise MissingModel(msg) from error


@dataclass(frozen=True)
class Ct2Model:
    """A converted checkpoint, loaded once a process; and where it is, to load it again for a generator of its own."""

    folder: Path
    conversion: Conversion
    device: str
    compute: str
    threads: int
    """Batches at once, of all callers together."""
    translator: Any
    _turn: threading.BoundedSemaphore

    @contextmanager
    def with_generator(self, seed: int, first_draw: Callable[[Any], object]) -> Generator[Any]:
        """Another translator, of one thread, whose generator starts from `seed`; no more than `threads` work at once.

        CTranslate2 keeps a generator in each worker thread, and seeds it from one number a process when the thread first draws.
        So the thread has to be a new one, and makes its first draw while nobody else changes that number.

        Args:
            seed: any.
            first_draw: lets the translator draw, for as many sentences as will come at once: on CUDA a larger batch seeds anew.
        """
        translator = _open(self.folder, self.device, self.compute, threads=1)  # while others have their turn
        with self._turn:
            with _seeding:
                library().set_random_seed(seed % (2**32 - 1))  # 2³² - 1 stands for no seed
                first_draw(translator)
            yield translator


def load(checkpoint: Path, identity: str, precision: Ct2Precision, *, device: str, threads: int | None, root: Path) -> Ct2Model:
    """A checkpoint, converted where it has not been yet, and loaded once a process.

    Args:
        checkpoint: as `checkpoints.locate` gives it.
        identity: as `checkpoints.identity` gives it.
        precision: of weights and arithmetic.
        device: `auto`, `cpu` or `cuda`.
        threads: batches at once on the CPU; None: one a processor that this process may use.
        root: the cache.
    Raises:
        MissingModel: ctranslate2 is not installed.
        ValueError: the device is not there or does not have the precision, or the cache cannot be written.
    """
    ctranslate2 = library()
    device = _resolve(ctranslate2, device)
    compute = _COMPUTE_TYPES[precision]
    if compute not in ctranslate2.get_supported_compute_types(device):
        msg = f"CTranslate2 has no {precision} on {device}; use `--text.dtype int8` or fp32."
        raise ValueError(msg)
    at_once = (threads or _processors()) if device == "cpu" else 1
    with _loading:
        return _load(checkpoint, identity, precision, device, compute, at_once, root)


def converted(checkpoint: Path, identity: str, precision: Ct2Precision, *, root: Path) -> tuple[Path, Conversion]:
    """Folder of the converted checkpoint, and its record; converts it where it is not in the cache yet, or damaged there.

    It is written aside and renamed: nothing half is ever found. Of several processes one converts, the others wait for it.

    Args:
        checkpoint: as `checkpoints.locate` gives it; nothing else is read, and no code of it is run.
        identity: as `checkpoints.identity` gives it.
        precision: of the weights.
        root: the cache.
    Raises:
        MissingModel: ctranslate2 is not installed.
        ValueError: the cache cannot be written, or its disk is full.
    """
    content = hashlib.sha256(f"{_FORMAT}\n{identity}".encode()).hexdigest()[:16]
    folder = root / "models" / "ctranslate2" / f"{content}-{precision}-{library().__version__}"
    if sound := _sound(folder):
        return folder, sound
    with claim(root, f"ctranslate2-{folder.name}", wait=True):
        if not (sound := _sound(folder)):
            if folder.exists():
                discard(folder, root=root)
            sound = _convert(checkpoint, folder, precision, root=root)
    return folder, sound


def _sound(folder: Path) -> Conversion | None:
    """The record of a folder whose files are as promised, to the last byte."""
    try:
        record = Conversion.model_validate_json((folder / _RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    damaged = any(problem_of(folder / name, promise, checksum=True) for name, promise in record.files.items())
    return None if damaged else record


def _convert(checkpoint: Path, folder: Path, precision: Ct2Precision, *, root: Path) -> Conversion:
    make_folder(folder.parent, root=root)
    with staging_folder(root) as aside, room(root):
        written = aside / folder.name
        written.mkdir()
        specification, decoding = _specification(checkpoint)
        specification.validate()
        specification.optimize(quantization=None if precision == "fp32" else precision)
        specification.save(str(written))
        files = {path.name: promise_of(path) for path in sorted(written.iterdir())}
        record = Conversion(files=files, **decoding)
        (written / _RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in (*written.iterdir(), written):
            sync(path)
        written.rename(folder)
        sync(folder.parent)
    return record


def _specification(checkpoint: Path) -> tuple[Any, dict[str, Any]]:
    """The model as CTranslate2 describes it, with ids in place of tokens, and the fields of `Conversion` beside the files.

    CTranslate2's own `TransformersConverter` takes Marian checkpoints too, but drops the last row of the vocabulary as padding
    and starts from an embedding of zeros, whatever the checkpoint has there, gives both sides the vocabulary of the source,
    and does not know `bad_words_ids`. Its mapping of the weights is used, the rest is the checkpoint's own.
    """
    from ctranslate2.converters.transformers import BartLoader
    from torch import float32, no_grad  # needed to convert, not to translate
    from transformers import MarianMTModel

    with quietly(), no_grad():
        model: Any = MarianMTModel.from_pretrained(checkpoint, dtype=float32, local_files_only=True)
        model.config.normalize_before = False
        model.config.normalize_embedding = False
        loader: Any = BartLoader()
        specification = loader.get_model_spec(model)
    config, generation = model.config, model.generation_config
    start = str(config.decoder_start_token_id)
    specification.config.decoder_start_token = start
    specification.config.eos_token = str(config.eos_token_id)
    specification.config.bos_token = specification.config.unk_token = start  # never looked up, but they must be there
    source, target = model.get_encoder().embed_tokens, model.get_decoder().embed_tokens
    specification.register_source_vocabulary([str(number) for number in range(source.num_embeddings)])
    specification.register_target_vocabulary([str(number) for number in range(target.num_embeddings)])
    silent = dict.fromkeys(map(tuple, [[config.pad_token_id], *(generation.bad_words_ids or [])]))
    return specification, {
        "end": config.eos_token_id,
        "vocabulary": target.num_embeddings,
        "positions": min(config.max_position_embeddings, generation.max_length or config.max_position_embeddings),
        "suppressed": tuple(silent),
        "length_penalty": 1.0 if generation.length_penalty is None else generation.length_penalty,
        "repetition_penalty": generation.repetition_penalty or 1.0,
        "no_repeat_ngram_size": generation.no_repeat_ngram_size or 0,
    }


_loading = threading.Lock()
_seeding = threading.Lock()


@lru_cache(maxsize=8)
def _load(
    checkpoint: Path, identity: str, precision: Ct2Precision, device: str, compute: str, threads: int, root: Path
) -> Ct2Model:
    folder, conversion = converted(checkpoint, identity, precision, root=root)
    translator = _open(folder, device, compute, threads=threads)
    return Ct2Model(folder, conversion, device, compute, threads, translator, threading.BoundedSemaphore(threads))


def _open(folder: Path, device: str, compute: str, *, threads: int) -> Any:
    """A batch is always worked on by one thread: sums added by several depend on their number."""
    return library().Translator(str(folder), device=device, compute_type=compute, inter_threads=threads, intra_threads=1)


def _resolve(ctranslate2: Any, device: str) -> str:
    cards = ctranslate2.get_cuda_device_count()
    if device == "auto":
        return "cuda" if cards else "cpu"
    if device not in ("cpu", "cuda") or (device == "cuda" and not cards):
        msg = f"device {device!r} cannot be used here (CTranslate2 sees {cards} CUDA devices); choose `auto`, `cpu` or `cuda`."
        raise ValueError(msg)
    return device


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
