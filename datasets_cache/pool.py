"""The unlabelled pool beside a sample: training films that the sample left, with plots and posters and without genres.

Labels are thrown away when the films are taken, so that nothing that reads the pool can know them.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from datasets_cache import sources
from datasets_cache.duplicates import Watch, left_out
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.issues import count_issues, list_issues, refuse_skipped
from datasets_cache.pictures import Film, describe, films
from datasets_cache.progress import Track, untracked
from datasets_cache.rank import rank
from datasets_cache.readings import Reading, remember
from datasets_cache.sampling import Sample, by_rank, likely_posters, quantile, recall_shelf, settings_of
from datasets_cache.schema import SAMPLE_FEATURES, SPLITS, RowIssue, Split
from datasets_cache.sources import SourceSpec
from datasets_cache.sources.index import Record
from datasets_cache.store import Cache, Shelf


class PoolSpec(Frozen):
    """What decides a pool beside its sample and the content of its source."""

    unlabelled: float
    """Share of the training films that the sample left."""


def publish_pool(
    source: SourceSpec,
    *,
    share: float,
    unlabelled: float,
    sample: ShelfId,
    cache: Cache,
    strict: bool = False,
    dedupe: bool = False,
    track: Track = untracked,
) -> Sample:
    """Publish the unlabelled pool beside a sample, or find it published.

    The films are those that follow the sample's last training film in rank order; a smaller pool is the beginning of a larger
    one. A film that the sample looked at and did not take is not among them. Rows are those of a sample's training split, with
    an empty list of genres. Equal films give the same shelf, whatever their genres are, as long as they have one of the task.

    Args:
        source: where the films come from, as it was when the sample was taken.
        share: the sample's share of the training split.
        unlabelled: share of the training films that the sample left, above 0 and at most 1.
        sample: the sample's shelf.
        cache: where to publish.
        strict: refuse a pool for which films have to be skipped.
        dedupe: as it was for the sample: whether films that nearly repeat an evaluation film of the sample are left out.
        track: progress.
    Raises:
        ValueError: the share is out of range or leaves no film, the sample is missing, damaged, or has other settings, the
            source is not where it should be or has changed since, or, if `strict`, films were skipped.
    """
    if not 0 < unlabelled <= 1:
        msg = f"a pool has a share above 0 and at most 1 of the films that the sample left, got {unlabelled}; 1 takes all."
        raise ValueError(msg)
    opened = cache.open(sample)
    _check_sample(opened, source, share, dedupe=dedupe)
    stat = sources.stat_digest(source)
    settings = _settings(source, unlabelled, sample)
    if published := recall_shelf(settings, stat, cache, strict=strict):
        return published
    pool = _publish(source, PoolSpec(unlabelled=unlabelled), opened, cache=cache, strict=strict, track=track)
    remember(cache, settings, stat, Reading(sample=pool.id, issues=pool.issues))
    return pool


def find_pool(source: SourceSpec, *, unlabelled: float, sample: ShelfId, cache: Cache, strict: bool = False) -> Sample | None:
    """The published pool of a source that has not been touched since it was read; None where it has to be read.

    Raises:
        ValueError: the source is not where it should be, or, if `strict`, films were skipped.
    """
    return recall_shelf(_settings(source, unlabelled, sample), sources.stat_digest(source), cache, strict=strict)


def _settings(source: SourceSpec, unlabelled: float, sample: ShelfId) -> dict[str, Any]:
    """The sample's name stands for its shares and for `dedupe`."""
    return {"source": source.model_dump(mode="json", exclude={"root"}), "unlabelled": unlabelled, "sample": sample}


def _check_sample(sample: Shelf, source: SourceSpec, share: float, *, dedupe: bool) -> None:
    expected = {"source": settings_of(source), "share": share, "dedupe": dedupe}
    found = {name: sample.manifest.spec.get(name) for name in expected}
    if found != expected:
        msg = (
            f"{sample.id} was taken with {found}, the pool is to be taken with {expected}; take it with the sample's settings."
        )
        raise ValueError(msg)


def _publish(source: SourceSpec, spec: PoolSpec, sample: Shelf, *, cache: Cache, strict: bool, track: Track) -> Sample:
    watch, dedupe = Watch(), bool(sample.manifest.spec["dedupe"])
    taken: dict[Split, frozenset[str]] = {split: frozenset(sample.split(split)["id"]) for split in SPLITS}
    share = float(sample.manifest.spec["share"])
    reach = share + (1 - share) * spec.unlabelled + 0.05

    def likely(film: str) -> bool:
        return film in taken["validation"] or film in taken["test"] or (film not in taken["train"] and quantile(film) < reach)

    def refuse(film: Film) -> RowIssue | None:
        pairs = watch.look(film.record, film.look)
        return left_out(pairs) if dedupe and pairs else None

    with cache.stage("pool", SAMPLE_FEATURES) as stage, tempfile.TemporaryFile(dir=stage.folder) as scratch:
        index = sources.read_source(source, likely=likely, scratch=scratch, track=track)
        ranked = _ranked(index.records, taken, sample.id)
        sizes: dict[Split, int] = {split: len(ranked[split]) for split in SPLITS}
        sizes["train"] = _size(sizes["train"], spec.unlabelled, sample.id)
        index.posters.load(likely_posters(ranked, sizes))
        issues: list[RowIssue] = []
        told = dict.fromkeys(SPLITS, 0)
        digest = hashlib.sha256()
        for film in track(films(ranked, sizes, index.posters, issues, refuse), total=sum(sizes.values()), title="Pool"):
            told[film.record.split] += 1
            if film.record.split == "train":  # evaluation films are only looked at, for what nearly repeats them
                stage.write("train", asdict(film.example))
                digest.update(describe(film).encode())
        if any(told[split] != sizes[split] for split in ("validation", "test")):
            raise _changed(sample.id)
        own = tuple(issue for issue in issues if issue.split == "train")
        refuse_skipped(own, strict=strict)
        if not told["train"]:
            msg = f"no film that {sample.id} left can be used; {len(own)} were looked at. {list_issues(own)}"
            raise ValueError(msg)
        shelf = shelf_id("pool", spec, (sample.id,), content=digest.hexdigest())
        if published := cache.published(shelf):
            return Sample(shelf, published, reused=True, issues=own)
        quality = {"usable_films": {"train": len(ranked["train"])}, "near_duplicates": watch.report(left_out=dedupe)}
        manifest = stage.publish(shelf, spec=spec, parents=(sample.id,), counts=count_issues(own), quality=quality)
        return Sample(shelf, manifest, reused=False, issues=own)


def _ranked(records: Sequence[Record], taken: Mapping[Split, frozenset[str]], sample: ShelfId) -> dict[Split, list[Record]]:
    """Evaluation films of the sample and, without their genres, the training films that follow its last."""
    train = [record for record in records if record.split == "train"]
    ranked: dict[Split, list[Record]] = {
        split: by_rank(record for record in records if record.split == split and record.id in taken[split]) for split in SPLITS
    }
    if any(len(ranked[split]) != len(taken[split]) for split in SPLITS):
        raise _changed(sample)
    last = rank(ranked["train"][-1].id)
    ranked["train"] = by_rank(replace(record, genres=()) for record in train if rank(record.id) > last)
    return ranked


def _size(films_left: int, unlabelled: float, sample: ShelfId) -> int:
    """How many films the pool has."""
    if size := round(unlabelled * films_left):
        return size
    if films_left:
        few = f"a share of {unlabelled} of the {films_left} training films that {sample} left is none"
        msg = f"{few}; choose at least {1 / films_left:.3g}."
    else:
        cure = "take a smaller sample (`--sample`; `--evaluation_sample` keeps all evaluation films)"
        msg = f"{sample} leaves no training film for a pool; {cure}."
    raise ValueError(msg)


def _changed(sample: ShelfId) -> ValueError:
    return ValueError(f"the source no longer has every film of {sample}; take the sample again, then the pool.")
