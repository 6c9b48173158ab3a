"""A cache version as batches: films paired with their augmented views by id, shuffled by seed and epoch.

Shape legend: B films of a batch, G genres.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from datasets_cache.genres import multi_hot
from datasets_cache.schema import SPLITS, Split
from datasets_cache.version import Version, rows_by_id
from train import posters, texts
from train.config import ModelName, RunConfig
from train.models import image_encoder, text_encoder
from train.models.mmbt import text_budget
from train.records import Batch, Inputs
from train.texts import Texts

EVALUATION_BATCH = 32
"""Films a batch without gradients."""
POOL_BATCHES = 16
"""Batches whose films are sorted by length together: more pads less, and lets chance decide less who meets whom."""
_AHEAD, _THREADS = 4, 2

T = TypeVar("T")
U = TypeVar("U")
Tokenize = Callable[[Sequence[str]], Texts]


@dataclass(frozen=True)
class Rows:
    """Films or augmented views in memory; a modality that the model does not read is None."""

    ids: tuple[str, ...]
    texts: Texts | None
    posters: Dataset | None


@dataclass(frozen=True)
class Views:
    """Augmented views of the training films."""

    rows: Rows
    of_film: list[list[int]]
    """Rows of each training film's views, in the order of the films."""


@dataclass(frozen=True)
class RunData:
    """What a run reads."""

    genres: tuple[str, ...]
    """Names of the label columns."""
    sizes: dict[Split, int]
    """Films of each split."""
    truncated: dict[str, int]
    """Texts that lost their end at the token limit: of each split, and of the ``augmented`` views; empty without texts."""
    films: dict[Split, Rows]
    """The films as they are."""
    labels: dict[Split, Tensor]
    """Their labels, float32 [films, G]."""
    views: Views | None
    """Their augmented views; None without UDA."""
    batch_size: int
    """Films of a training batch."""
    seed: int
    """Seed of the order."""
    pad_id: int
    """Token id of padding."""
    mean_std: image_encoder.MeanStd | None
    """Normalisation of the posters."""

    @property
    def steps_per_epoch(self) -> int:
        """Training batches of an epoch; the last films make a smaller one, none are left out."""
        return -(-self.sizes["train"] // self.batch_size)

    def train(self, epoch: int) -> Generator[Batch]:
        """Batches of one epoch: all training films once, in an order that (seed, epoch) decides.

        With several views of a film, each epoch takes the next (epoch modulo views).
        """
        films = self.films["train"]
        lengths = films.texts.lengths() if films.texts else np.zeros(self.sizes["train"], dtype=np.int64)
        order = shuffled_batches(lengths, batch_size=self.batch_size, seed=self.seed, epoch=epoch)
        return in_threads(lambda rows: self._batch("train", rows, epoch=epoch), order)

    def evaluation(self, split: Split) -> Generator[Batch]:
        """All films of `split` as they are, longest first so that little is padded; never an augmented view."""
        texts = self.films[split].texts
        order = np.argsort(-texts.lengths(), kind="stable") if texts else np.arange(self.sizes[split])
        batches = [order[start : start + EVALUATION_BATCH].tolist() for start in range(0, len(order), EVALUATION_BATCH)]
        return in_threads(lambda rows: self._batch(split, rows, epoch=None), batches)

    def _batch(self, split: Split, rows: Sequence[int], *, epoch: int | None) -> Batch:
        films = self.films[split]
        original = self._inputs(films, rows)
        batch = Batch(tuple(films.ids[row] for row in rows), self.labels[split][torch.tensor(rows)], original)
        if self.views and epoch is not None:
            of_film = (self.views.of_film[row] for row in rows)
            views = self._inputs(self.views.rows, [found[epoch % len(found)] for found in of_film])
            # a model of both modalities has its text augmented and its poster left as it is
            image = views.image_BCHW if views.image_BCHW is not None else original.image_BCHW
            batch = replace(batch, augmented=replace(views, image_BCHW=image))
        # copies from page-locked memory to the GPU do not block
        return batch.map(Tensor.pin_memory) if torch.cuda.is_available() else batch

    def _inputs(self, source: Rows, rows: Sequence[int]) -> Inputs:
        inputs = Inputs()
        if source.texts:
            tokens_BL, mask_BL = texts.pad([source.texts.tokens[row] for row in rows], pad_id=self.pad_id)
            inputs = replace(inputs, tokens_BL=tokens_BL, mask_BL=mask_BL)
        if source.posters and self.mean_std:
            mean, std = self.mean_std
            inputs = replace(inputs, image_BCHW=posters.load(source.posters, rows, mean=mean, std=std))
        return inputs


def open_data(version: Version, config: RunConfig) -> RunData:
    """Read a version for a run: ids, labels and token ids into memory, posters left on disk.

    Raises:
        MissingWeights: the tokenizer is not on this machine.
        ValueError: `config` asks for UDA and the version lacks the views, or a view of a film; a split is missing.
    """
    found = _view_rows(version, config.model) if config.uda else None
    reads_posters = config.model != "bert"
    tokenize, pad_id = _tokenize(config) if config.model != "resnet" else (None, 0)
    rows = {split: version.films(split) for split in SPLITS}
    films: dict[Split, Rows] = {split: _rows(rows[split], tokenize, reads_posters=reads_posters) for split in SPLITS}
    views = None
    if found:
        of_film = _views_of_films(films["train"].ids, found, version=version.id)
        views = Views(_rows(found, tokenize, reads_posters=config.model == "resnet"), of_film)
    counted: dict[str, Rows] = {**films, "augmented": views.rows} if views else {**films}
    return RunData(
        genres=version.genres,
        sizes={split: len(films[split].ids) for split in SPLITS},
        truncated={name: part.texts.truncated for name, part in counted.items() if part.texts},
        films=films,
        labels={split: _labels(rows[split], version.genres) for split in SPLITS},
        views=views,
        batch_size=config.optim.batch_size,
        seed=config.seed,
        pad_id=pad_id,
        mean_std=image_encoder.normalisation(name=config.image.name) if reads_posters else None,
    )


def shuffled_batches(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Rows of an epoch's batches: films are shuffled, sorted by length within a pool of batches, and the batches shuffled.

    Args:
        lengths: tokens of each film; all equal leaves plain shuffling.
        batch_size: films of a batch; the last of the last pool may have fewer.
        seed: of the run.
        epoch: of the run.
    """
    draw = np.random.default_rng([seed, epoch])
    films = draw.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(films), batch_size * POOL_BATCHES):
        pool = films[start : start + batch_size * POOL_BATCHES]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + batch_size].tolist() for first in range(0, len(pool), batch_size)]
    return [batches[number] for number in draw.permutation(len(batches))]


def in_threads(make: Callable[[T], U], items: Iterable[T]) -> Generator[U]:
    """``map(make, items)`` in order, a few items ahead of the reader: posters decode while the model computes."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="batches")
    pending: deque[Future[U]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(make, item))
            if len(pending) > _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _tokenize(config: RunConfig) -> tuple[Tokenize, int]:
    """What turns the plots of a run into token ids, and the id of padding."""
    tokenizer = text_encoder.load_tokenizer(name=config.text.name, revision=config.text.revision)
    limit = config.text.max_tokens
    if config.model == "mmbt":
        limit = text_budget(max_tokens=limit, image_tokens=config.image.tokens)
    tokenize = partial(texts.encode, tokenizer=tokenizer, max_tokens=limit, special_tokens=config.model == "bert")
    return tokenize, cast("int | None", tokenizer.pad_token_id) or 0


def _rows(rows: Dataset, tokenize: Tokenize | None, *, reads_posters: bool) -> Rows:
    return Rows(
        ids=tuple(rows["id"]),
        texts=tokenize(rows["plot"]) if tokenize else None,
        posters=rows.select_columns("poster_256") if reads_posters else None,
    )


def _view_rows(version: Version, model: ModelName) -> Dataset:
    rows, kind = (version.image_views(), "image") if model == "resnet" else (version.text_views(), "text")
    if rows is None:
        msg = (
            f"{version.id} has no {kind} views, which UDA of {model} trains on; publish a version with them (`mmuda augment`) "
        )
        msg += "or train without UDA."
        raise ValueError(msg)
    return rows


def _views_of_films(films: Sequence[str], views: Dataset, *, version: str) -> list[list[int]]:
    by_id = rows_by_id(views)
    lacking = [film for film in films if film not in by_id]
    if lacking:
        msg = (
            f"{version}: {len(lacking)} training films have no view, such as {lacking[:3]}; make them again (`mmuda augment`)."
        )
        raise ValueError(msg)
    return [by_id[film] for film in films]


def _labels(films: Dataset, genres: Sequence[str]) -> Tensor:
    return torch.from_numpy(np.stack([multi_hot(row, genres) for row in films["genres"]]))
