"""What a run reads of a cache version, in memory: ids, token ids and which views belong to which film. Posters stay on disk.

Shape legend: G genres.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from datasets_cache.genres import multi_hot
from datasets_cache.schema import SPLITS
from datasets_cache.version import Version, rows_by_id
from train.config import READS, Modality, RunConfig
from train.models import text_encoder
from train.models.mmbt import text_budget
from train.texts import Encoder, Texts, tokenizer_identity

COLUMNS: dict[Modality, str] = {"text": "plot", "image": "poster_256"}
"""Where films and views have what a model reads."""

_Openers = dict[Modality, Callable[[], Dataset | None]]


@dataclass(frozen=True)
class Rows:
    """Films or augmented views in memory; a modality that is not read of them is None."""

    ids: tuple[str, ...]
    texts: Texts | None
    posters: Dataset | None

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, 0 where texts are not read."""
        return self.texts.lengths() if self.texts else np.zeros(len(self.ids), dtype=np.int64)


@dataclass(frozen=True)
class Views:
    """Augmented views of some films in one modality."""

    rows: Rows
    of_film: list[list[int]]
    """Rows of each film's views, in the order of the films and of the views."""

    @property
    def truncated(self) -> int:
        """Views of these films that lost their end."""
        return sum(int(self.rows.texts.cut[views].sum()) for views in self.of_film) if self.rows.texts else 0

    def take(self, films: Sequence[int], turns: Sequence[int]) -> list[int]:
        """Row of one view of each film: the one whose turn it is (turn modulo views)."""
        found = (self.of_film[film] for film in films)
        return [views[turn % len(views)] for views, turn in zip(found, turns, strict=True)]


@dataclass(frozen=True)
class Pool:
    """Films that only the consistency term reads. Whatever is said of their genres never gets in here."""

    films: Rows
    views: Mapping[Modality, Views]
    """Their augmented views, of each modality that is augmented."""
    ratio: float
    """Films of the pool for each labelled one."""


@dataclass(frozen=True)
class Source:
    """The films of one part of a version and their views, as they lie on disk."""

    films: Dataset
    views: Mapping[Modality, Dataset]


def sources(version: Version, config: RunConfig) -> tuple[Source, Source | None]:
    """Training films and unlabelled pool of a run, both with the views that it asks for.

    Raises:
        ValueError: the version lacks a split, the views or the pool; all problems at once.
    """
    problems = [f"no film in {split}" for split in SPLITS if not version.sample.manifest.rows.get(split)]
    if problems:
        msg = f"{version.id}: {', '.join(problems)}; training, choosing and testing need one each: take a larger sample."
        raise ValueError(msg)
    made: _Openers = {"text": version.text_views, "image": version.image_views}
    found: dict[Modality, Dataset | None] = {kind: made[kind]() for kind in config.augmented}
    if lacking := [kind for kind, views in found.items() if views is None]:
        msg = (
            f"{version.id} has no {' and no '.join(lacking)} views, which UDA of {config.model} trains on; "
            "publish a version with them (`mmuda augment`) or train without UDA."
        )
        raise ValueError(msg)
    return Source(version.films("train"), _present(found)), _pool_source(version, config)


def open_pool(source: Source, config: RunConfig, encode: Encoder | None, *, version: str) -> Pool:
    """The first share `uda.unlabelled` of the pool, in rank order as it lies there; at least one film.

    Raises:
        ValueError: a film of it has no view.
    """
    assert config.uda is not None
    films = take(source.films, config, encode)
    size = max(1, round(config.uda.unlabelled * len(films.ids)))
    texts = films.texts.first(size) if films.texts else None
    films = Rows(films.ids[:size], texts, films.posters)
    views = open_views(films.ids, source.views, encode, version=version, of="unlabelled")
    return Pool(films, views, config.uda.unlabelled_ratio)


def open_views(
    films: Sequence[str], views: Mapping[Modality, Dataset], encode: Encoder | None, *, version: str, of: str = "training"
) -> dict[Modality, Views]:
    """The views of `films`, by id.

    Raises:
        ValueError: a film has none.
    """
    opened: dict[Modality, Views] = {}
    for kind, rows in views.items():
        by_id = rows_by_id(rows)
        if lacking := [film for film in films if film not in by_id]:
            msg = f"{version}: {len(lacking)} {of} films have no {kind} view, such as {lacking[:3]}; "
            msg += "make them again (`mmuda augment`)."
            raise ValueError(msg)
        opened[kind] = Views(_rows(rows, (kind,), encode), [by_id[film] for film in films])
    return opened


def take(films: Dataset, config: RunConfig, encode: Encoder | None) -> Rows:
    """What the model of a run reads of films; their genres are not among it."""
    return _rows(films, READS[config.model], encode)


def open_encoder(version: Version, config: RunConfig) -> tuple[Encoder | None, int]:
    """What turns plots into token ids (None where the model reads none), and the id of padding.

    Raises:
        MissingWeights: the tokenizer is not on this machine.
        ValueError: no room for text beside the image tokens.
    """
    if "text" not in READS[config.model]:
        return None, 0
    tokenizer = text_encoder.load_tokenizer(name=config.text.name, revision=config.text.revision)
    limit = config.text.max_tokens
    if config.model == "mmbt":
        limit = text_budget(max_tokens=limit, image_tokens=config.image.tokens)
    encode = Encoder(
        tokenizer=tokenizer,
        max_tokens=limit,
        special_tokens=config.model == "bert",
        folder=version.sample.folder.parents[1] / "tokens",  # <cache>/shelves/<sample>
        identity=tokenizer_identity(tokenizer),
    )
    return encode, cast("int | None", tokenizer.pad_token_id) or 0


def labels(films: Dataset, genres: Sequence[str]) -> Tensor:
    """Float32 [films, G]: 1 where a film has the genre."""
    return torch.from_numpy(np.stack([multi_hot(row, genres) for row in films["genres"]]))


def _pool_source(version: Version, config: RunConfig) -> Source | None:
    if config.uda is None or not config.uda.unlabelled:
        return None
    films = version.unlabelled()
    made: _Openers = {"text": version.unlabelled_text_views, "image": version.unlabelled_image_views}
    views: dict[Modality, Dataset | None] = {kind: made[kind]() for kind in config.augmented}
    lacking = [f"{kind} views of them" for kind, rows in views.items() if rows is None]
    if films is None or lacking:
        msg = (
            f"{version.id} has no {'unlabelled films' if films is None else ' and no '.join(lacking)}, which uda.unlabelled "
            f"{config.uda.unlabelled:g} of {config.model} trains on; publish a version with them "
            "(`mmuda augment ... --unlabelled 1.0`) or leave uda.unlabelled at 0."
        )
        raise ValueError(msg)
    return Source(films.select_columns(["id", *COLUMNS.values()]), _present(views))


def _present(views: Mapping[Modality, Dataset | None]) -> dict[Modality, Dataset]:
    return {kind: rows for kind, rows in views.items() if rows is not None}


def _rows(rows: Dataset, reads: Sequence[Modality], encode: Encoder | None) -> Rows:
    return Rows(
        ids=tuple(rows["id"][:]),
        texts=encode(rows[COLUMNS["text"]][:]) if encode and "text" in reads else None,
        posters=rows.select_columns(COLUMNS["image"]) if "image" in reads else None,
    )
