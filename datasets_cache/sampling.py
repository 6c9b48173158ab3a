"""A sample of a source: a share of each split, chosen by the hash of the ids, published as a shelf."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from datasets_cache import sources
from datasets_cache.duplicates import Watch, left_out
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.issues import count_issues, first_skipped, list_issues, refuse_empty, refuse_skipped
from datasets_cache.manifest import Manifest
from datasets_cache.pictures import Film, describe, films
from datasets_cache.progress import Track, untracked
from datasets_cache.rank import rank
from datasets_cache.readings import Reading, recall, remember
from datasets_cache.schema import SAMPLE_FEATURES, SPLITS, RowIssue, Split
from datasets_cache.sources import SourceSpec
from datasets_cache.sources.index import Record, SourceIndex
from datasets_cache.store import Cache

_PATHS = {"root", "table", "poster_folder", "augmented_poster_folder"}


class SampleSpec(Frozen):
    """What decides a sample beside the content of its source."""

    source: dict[str, Any]
    """The source's settings without its paths: where it lies does not matter."""
    share: float
    """Share of each split."""
    evaluation_share: float | None = None
    """Share of the validation and test splits, where it differs."""
    dedupe: bool = False
    """Whether training films that nearly repeat an evaluation film are left out."""
    given_text: bool = False
    """Whether the source brought augmented plots for its training films."""
    given_images: bool = False
    """Whether the source brought augmented posters for its training films."""
    genres: tuple[str, ...] | None = None
    """Genres in label order, where they come from the source's films; None where the source has a list of its own."""

    @property
    def shares(self) -> dict[Split, float]:
        """Share of each split."""
        evaluation = self.share if self.evaluation_share is None else self.evaluation_share
        return {"train": self.share, "validation": evaluation, "test": evaluation}

    @model_serializer(mode="wrap")
    def _only_what_differs(self, as_usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A sample with one share for all splits, or with a known list of genres, keeps the name that it always had."""
        spec = as_usual(self)
        for name in ("evaluation_share", "genres"):
            if spec[name] is None:
                del spec[name]
        return spec


@dataclass(frozen=True, slots=True)
class Sample:
    """A published sample, or the pool of unlabelled films beside one."""

    id: ShelfId
    """Its shelf."""
    manifest: Manifest
    """What the shelf says of itself."""
    reused: bool
    """Whether the shelf was there already."""
    issues: tuple[RowIssue, ...]
    """Every row that was looked at and skipped or left out, and every film of the shelf that was repaired."""


def publish_sample(
    source: SourceSpec,
    *,
    share: float,
    evaluation_share: float | None = None,
    cache: Cache,
    strict: bool = False,
    dedupe: bool = False,
    track: Track = untracked,
) -> Sample:
    """Publish the sample of a source, or find it published.

    The shelf is named by its content: a source that was moved or touched is read again and gives the same shelf, so that
    nothing made from it is made again. A source whose files have the names, sizes and times of an earlier reading is not read.

    Args:
        source: where the films come from.
        share: share of each split, above 0 and at most 1.
        evaluation_share: share of the validation and test splits; None: `share`.
        cache: where to publish.
        strict: refuse a source with rows that have to be skipped.
        dedupe: leave out training films that nearly repeat an evaluation film of the sample; the next in rank takes the place.
            They are reported in any case (``near_duplicates`` in the manifest's `quality`).
        track: progress.
    Raises:
        ValueError: a share is out of range, a split is left empty, the source is not where it should be, or, if `strict`,
            rows were skipped; the message lists them.

    Examples:
        >>> from datasets_cache.sources import BundledSource
        >>> publish_sample(BundledSource(), share=0.1, cache=Cache()).manifest.rows  # of 140, 20 and 40 films
        {'train': 14, 'validation': 2, 'test': 4}
    """
    for asked in (share, share if evaluation_share is None else evaluation_share):
        if not 0 < asked <= 1:
            msg = f"a sample has a share above 0 and at most 1 of each split, got {asked}; 0.3 takes 30 %."
            raise ValueError(msg)
    spec = _spec(source, share, evaluation_share, dedupe=dedupe)
    stat = sources.stat_digest(source)
    if published := recall_shelf(_settings(source, spec), stat, cache, strict=strict):
        return published
    sample = _publish(source, spec, cache=cache, strict=strict, track=track)
    remember(cache, _settings(source, spec), stat, Reading(sample=sample.id, issues=sample.issues))
    return sample


def find_sample(
    source: SourceSpec,
    *,
    share: float,
    evaluation_share: float | None = None,
    cache: Cache,
    strict: bool = False,
    dedupe: bool = False,
) -> Sample | None:
    """The published sample of a source that has not been touched since it was read; None where it has to be read.

    Raises:
        ValueError: the source is not where it should be, or, if `strict`, rows were skipped.
    """
    settings = _settings(source, _spec(source, share, evaluation_share, dedupe=dedupe))
    return recall_shelf(settings, sources.stat_digest(source), cache, strict=strict)


def by_rank(records: Iterable[Record]) -> list[Record]:
    """The films in rank order, whatever order they come in: a smaller sample is a beginning of a larger one."""
    return sorted(records, key=lambda record: rank(record.id))


def quantile(film: str) -> float:
    """About which share of all films come before a film in rank order.

    Examples:
        >>> round(quantile("b"), 3)  # its rank begins with 3e23: 0x3e23 / 0x10000
        0.243
    """
    return int.from_bytes(rank(film)[:8]) / 2**64


def settings_of(source: SourceSpec) -> dict[str, Any]:
    """A source's settings without its paths: where it lies does not matter."""
    return source.model_dump(mode="json", exclude=_PATHS)


def genre_drift(sample: Sequence[Record], full: Sequence[Record], genres: Sequence[str]) -> dict[str, float]:
    """For each genre, its share among the sample's films less its share among all films."""
    return {genre: round(_genre_share(sample, genre) - _genre_share(full, genre), 4) for genre in genres}


def recall_shelf(settings: dict[str, Any], stat: str, cache: Cache, *, strict: bool) -> Sample | None:
    """The shelf that an earlier reading of the untouched source gave, None where there is none.

    Raises:
        ValueError: rows were skipped, and `strict` allows none.
    """
    known = recall(cache, settings, stat)
    if not known or not cache.published(known.sample):
        return None
    refuse_skipped(known.issues, strict=strict)
    return Sample(known.sample, cache.open(known.sample).manifest, reused=True, issues=known.issues)


def _settings(source: SourceSpec, spec: SampleSpec) -> dict[str, Any]:
    own = {} if spec.evaluation_share is None else {"evaluation_share": spec.evaluation_share}
    return {"source": source.model_dump(mode="json", exclude={"root"}), "share": spec.share, "dedupe": spec.dedupe} | own


def _publish(source: SourceSpec, spec: SampleSpec, *, cache: Cache, strict: bool, track: Track) -> Sample:
    shares = spec.shares
    watch = Watch()

    def likely(film: str) -> bool:
        return quantile(film) < max(shares.values()) + 0.05

    def refuse(film: Film) -> RowIssue | None:
        pairs = watch.look(film.record, film.look)
        return left_out(pairs) if spec.dedupe and pairs else None

    with cache.stage("sample", SAMPLE_FEATURES) as stage, tempfile.TemporaryFile(dir=stage.folder) as scratch:
        index = sources.read_source(source, likely=likely, scratch=scratch, track=track)
        ranked: dict[Split, list[Record]] = {split: by_rank(_of(split, index.records)) for split in SPLITS}
        sizes: dict[Split, int] = {split: _size(split, len(ranked[split]), shares[split], index) for split in SPLITS}
        index.posters.load(likely_posters(ranked, sizes))
        issues = list(index.skipped)
        sampled: list[Record] = []
        digest = hashlib.sha256()
        films_of_sample = films(ranked, sizes, index.posters, issues, refuse)
        for film in track(films_of_sample, total=sum(sizes.values()), title="Sample"):
            stage.write(film.record.split, asdict(film.example))
            digest.update(describe(film).encode())
            sampled.append(film.record)
        refuse_skipped(issues, strict=strict)
        refuse_empty(sampled, issues)
        spec = spec.model_copy(update={"genres": index.genres if index.genres_are_own else None})
        shelf = shelf_id("sample", spec, (), content=digest.hexdigest())
        if published := cache.published(shelf):
            return Sample(shelf, published, reused=True, issues=tuple(issues))
        quality = _quality(sampled, index) | {"near_duplicates": watch.report(left_out=spec.dedupe)}
        quality |= {"read_as": list(index.notes)} if index.notes else {}
        quality |= {"skipped_rows": first} if (first := first_skipped(issues)) else {}
        manifest = stage.publish(shelf, spec=spec, genres=index.genres, counts=count_issues(issues), quality=quality)
        return Sample(shelf, manifest, reused=False, issues=tuple(issues))


def _spec(source: SourceSpec, share: float, evaluation_share: float | None, *, dedupe: bool) -> SampleSpec:
    return SampleSpec(
        source=settings_of(source),
        share=share,
        evaluation_share=None if evaluation_share == share else evaluation_share,
        dedupe=dedupe,
        given_text=source.has_given_text,
        given_images=source.has_given_images,
    )


def _size(split: Split, films: int, share: float, index: SourceIndex) -> int:
    """How many films of a split the sample has."""
    if size := round(share * films):
        return size
    if films:
        msg = f"a share of {share} of {films} films leaves none in {split}; choose at least {1 / films:.3g}."
    else:
        skipped = sum(issue.split in (split, None) for issue in index.skipped)
        msg = f"the source has no usable film in {split}; {skipped} rows were skipped. {list_issues(index.skipped)}"
    raise ValueError(msg)


def likely_posters(ranked: Mapping[Split, Sequence[Record]], sizes: Mapping[Split, int]) -> list[str]:
    """Posters to load at once: those of the wanted films, and of some that may have to take a place among them."""
    likely = [record for split in SPLITS for record in ranked[split][: sizes[split] + max(16, sizes[split] // 50)]]
    given = [record.given_poster for record in likely if record.given_poster]
    return [*(record.poster for record in likely), *given]


def _quality(sampled: Sequence[Record], index: SourceIndex) -> dict[str, Any]:
    full = {split: _of(split, index.records) for split in SPLITS}
    drift = {split: genre_drift(_of(split, sampled), full[split], index.genres) for split in SPLITS}
    largest = max(abs(value) for by_genre in drift.values() for value in by_genre.values())
    usable = {split: len(records) for split, records in full.items()}
    return {"usable_films": usable, "genre_drift": drift, "largest_genre_drift": largest}


def _of(split: Split, records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.split == split]


def _genre_share(records: Sequence[Record], genre: str) -> float:
    return sum(genre in record.genres for record in records) / len(records) if records else 0.0
