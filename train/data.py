"""A cache version as batches: films paired with their augmented views by id, shuffled by seed and epoch.

Shape legend: B films of a batch, G genres.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets_cache.progress import Track, untracked
from datasets_cache.schema import SPLITS, Split
from datasets_cache.version import Version
from train import posters, rows, texts
from train.config import Modality, RunConfig
from train.models import image_encoder
from train.records import Batch, Inputs, Pair
from train.rows import Pool, Rows, Views
from train.sampler import Reading, probe_rows, share_of, shuffled_batches, unlabelled_batches

EVALUATION_BATCH = 32
"""Films a batch without gradients."""
_AHEAD, _THREADS = 4, 2  # benchmarks/data_wait.py

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class RunData:
    """What a run reads."""

    genres: tuple[str, ...]
    """Names of the label columns."""
    sizes: dict[Split, int]
    """Films of each split."""
    truncated: dict[str, int]
    """Texts that lost their end at the token limit: of each split, of the ``augmented`` views, of the ``unlabelled`` films and
    of their views (``unlabelled augmented``); empty without texts."""
    films: dict[Split, Rows]
    """The films as they are."""
    labels: dict[Split, Tensor]
    """Their labels, float32 [films, G]."""
    views: Mapping[Modality, Views]
    """Augmented views of the training films, of each modality that is augmented; empty without UDA."""
    pool: Pool | None
    """Unlabelled films, None where the run reads none."""
    batch_size: int
    """Films of a training batch, over all processes."""
    seed: int
    """Seed of the order."""
    pad_id: int
    """Token id of padding."""
    mean_std: image_encoder.MeanStd | None
    """Normalisation of the posters."""
    track: Track = untracked
    """Shows the passes over films as they are."""

    @property
    def batches_per_epoch(self) -> int:
        """Training batches of an epoch; the last films make a smaller one, none are left out."""
        return -(-self.sizes["train"] // self.batch_size)

    @property
    def positives_G(self) -> Tensor:  # noqa: N802  (the shape is part of the name)
        """Training films of each genre, float32."""
        return self.labels["train"].sum(dim=0)

    def train(
        self, epoch: int, *, start: int = 0, augmented: bool = True, rank: int = 0, processes: int = 1
    ) -> Generator[Batch]:
        """Batches of one epoch: all training films once, in an order that (seed, epoch) decides.

        With several views of a film, each epoch takes the next (epoch modulo views); of an unlabelled film, each pass through
        the pool does.

        Args:
            epoch: from 1.
            start: number of the first batch, from 0; those before it are not made.
            augmented: whether augmented and unlabelled films come along; without UDA there are none in any case.
            rank: number of this process, from 0.
            processes: how many share each batch; see `train.sampler.share_of`.
        """
        assert epoch >= 1
        assert 0 <= start <= self.batches_per_epoch
        assert 0 <= rank < processes
        order = shuffled_batches(self.films["train"].lengths(), batch_size=self.batch_size, seed=self.seed, epoch=epoch)
        companions: list[list[Reading]] = [[] for _ in order]
        if self.pool and augmented:
            companions = unlabelled_batches(
                self.pool.films.lengths(),
                [len(batch) for batch in order],
                ratio=self.pool.ratio,
                seed=self.seed,
                epoch=epoch,
                processes=processes,
            )

        def make(number: int) -> Batch:
            own, weight = share_of(order[number], rank=rank, processes=processes)
            batch = replace(self._batch("train", own), weight=weight)
            if self.views and augmented:
                batch = replace(batch, augmented=self._augmented(batch.original, self.views, own, [epoch] * len(own)))
            return _pinned(replace(batch, unlabelled=self._unlabelled(companions[number][rank::processes])))

        return in_threads(make, range(start, len(order)))

    def evaluation(self, split: Split) -> Generator[Batch]:
        """All films of `split` as they are, longest first so that little is padded; never an augmented view."""
        return self._untouched(split, np.arange(self.sizes[split]))

    def probe(self) -> Generator[Batch]:
        """Training films as they are, as many as validation has where there are as many; always the same. For measuring."""
        count = min(self.sizes["train"], self.sizes["validation"])
        return self._untouched("train", probe_rows(self.sizes["train"], count=count, seed=self.seed))

    def _untouched(self, split: Split, chosen: NDArray[np.int64]) -> Generator[Batch]:
        order = chosen[np.argsort(-self.films[split].lengths()[chosen], kind="stable")]
        batches = [order[start : start + EVALUATION_BATCH].tolist() for start in range(0, len(order), EVALUATION_BATCH)]
        made = in_threads(lambda films: _pinned(self._batch(split, films)), batches)
        yield from self.track(made, total=len(batches), title=f"Reading the {split} films", unit="batches")

    def _batch(self, split: Split, chosen: Sequence[int]) -> Batch:
        films = self.films[split]
        labels_BG = self.labels[split][torch.tensor(chosen)]
        return Batch(tuple(films.ids[row] for row in chosen), labels_BG, self._inputs(films, chosen))

    def _unlabelled(self, readings: Sequence[Reading]) -> Pair | None:
        if not readings:
            return None
        assert self.pool is not None
        chosen, passes = [row for row, _ in readings], [number for _, number in readings]
        original = self._inputs(self.pool.films, chosen)
        augmented = self._augmented(original, self.pool.views, chosen, passes)
        return Pair(tuple(self.pool.films.ids[row] for row in chosen), original, augmented)

    def _augmented(
        self, original: Inputs, views: Mapping[Modality, Views], chosen: Sequence[int], turns: Sequence[int]
    ) -> Inputs:
        """The same films with what is augmented replaced; the rest is the very tensors of `original`."""
        for of_kind in views.values():
            made = self._inputs(of_kind.rows, of_kind.take(chosen, turns))
            if made.tokens_BL is not None:
                original = replace(original, tokens_BL=made.tokens_BL, mask_BL=made.mask_BL)
            if made.image_BCHW is not None:
                original = replace(original, image_BCHW=made.image_BCHW)
        return original

    def _inputs(self, source: Rows, chosen: Sequence[int]) -> Inputs:
        inputs = Inputs()
        if source.texts:
            tokens_BL, mask_BL = texts.pad([source.texts.tokens[row] for row in chosen], pad_id=self.pad_id)
            inputs = replace(inputs, tokens_BL=tokens_BL, mask_BL=mask_BL)
        if source.posters and self.mean_std:
            mean, std = self.mean_std
            inputs = replace(inputs, image_BCHW=posters.load(source.posters, chosen, mean=mean, std=std))
        return inputs


def open_data(version: Version, config: RunConfig, *, track: Track = untracked) -> RunData:
    """Read a version for a run: ids, labels and token ids into memory, posters left on disk.

    Args:
        version: the films.
        config: of the run.
        track: shows the passes over films as they are.
    Raises:
        MissingWeights: the tokenizer is not on this machine.
        ValueError: a split is missing; or `config` asks for views or unlabelled films that the version lacks.
    """
    labelled, unlabelled = rows.sources(version, config)
    encode, pad_id = rows.open_encoder(version, config)
    on_disk = {split: version.films(split) for split in SPLITS}
    films: dict[Split, Rows] = {split: rows.take(on_disk[split], config, encode) for split in SPLITS}
    views = rows.open_views(films["train"].ids, labelled.views, encode, version=version.id)
    pool = rows.open_pool(unlabelled, config, encode, version=version.id) if unlabelled else None
    return RunData(
        genres=version.genres,
        sizes={split: len(films[split].ids) for split in SPLITS},
        truncated=_truncated(films, views, pool),
        films=films,
        labels={split: rows.labels(on_disk[split], version.genres) for split in SPLITS},
        views=views,
        pool=pool,
        batch_size=config.optim.batch_size,
        seed=config.seed,
        pad_id=pad_id,
        mean_std=image_encoder.normalisation(name=config.image.name) if films["train"].posters else None,
        track=track,
    )


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


def _truncated(films: Mapping[Split, Rows], views: Mapping[Modality, Views], pool: Pool | None) -> dict[str, int]:
    parts: dict[str, texts.Texts | Views | None] = {split: found.texts for split, found in films.items()}
    parts["augmented"] = views.get("text")
    if pool:
        parts |= {"unlabelled": pool.films.texts, "unlabelled augmented": pool.views.get("text")}
    return {name: part.truncated for name, part in parts.items() if part}


def _pinned(batch: Batch) -> Batch:
    """The batch in page-locked memory where there is a GPU: copies from there do not block."""
    return batch.map(Tensor.pin_memory) if torch.cuda.is_available() else batch
