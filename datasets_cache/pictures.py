"""Films of a sample with their pictures: read and decoded ahead in threads, handed over in order."""

import hashlib
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from datasets_cache.fingerprint import canonical_json
from datasets_cache.likeness import Look, look_of
from datasets_cache.posters import PosterError, prepare
from datasets_cache.schema import SPLITS, Example, Reason, RowIssue, Split
from datasets_cache.sources.index import Posters, Record

_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Film:
    """A film of the sample with its pictures.

    `given` holds the augmented poster as the source had it; `look` is what near-duplicates of the poster are found by.
    """

    record: Record
    example: Example
    given: bytes | None
    look: Look | None
    repairs: tuple[Reason, ...]


def films(
    ranked: Mapping[Split, Sequence[Record]],
    sizes: Mapping[Split, int],
    posters: Posters,
    issues: list[RowIssue],
    refuse: Callable[[Film], RowIssue | None],
) -> Iterator[Film]:
    """The films of the sample: test, validation, then train, each in rank order.

    What `refuse` has an issue with and whose poster fails goes to `issues`, and the next in rank takes the place.
    """
    with ThreadPoolExecutor(_THREADS, "posters") as pool, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # what Pillow says of a damaged file ends up in `issues`
        for split in reversed(SPLITS):
            for film in _films_of_split(ranked[split], sizes[split], posters, issues, refuse, pool):
                issues += [RowIssue(film.record.id, split, "repaired", reason) for reason in film.repairs]
                yield film


def _films_of_split(
    ranked: Sequence[Record],
    size: int,
    posters: Posters,
    issues: list[RowIssue],
    refuse: Callable[[Film], RowIssue | None],
    pool: ThreadPoolExecutor,
) -> Iterator[Film]:
    """Decode ahead in threads (Pillow releases the interpreter's lock), but never more films than are still wanted."""
    waiting: deque[tuple[Record, Future[Film]]] = deque()
    candidates = iter(ranked)
    done = 0
    while done < size:
        while len(waiting) < min(4 * _THREADS, size - done) and (record := next(candidates, None)):
            waiting.append((record, pool.submit(_with_pictures, record, posters)))
        if not waiting:
            return
        record, future = waiting.popleft()
        try:
            film = future.result()
        except PosterError as error:
            issues.append(RowIssue(record.id, record.split, "skipped", error.reason, error.detail))
            continue
        if issue := refuse(film):
            issues.append(issue)
            continue
        done += 1
        yield film


def _with_pictures(record: Record, posters: Posters) -> Film:
    poster = posters.read(record.poster)
    prepared = prepare(poster)
    repairs: list[Reason] = [*record.repairs, *prepared.repairs]
    given, given_square = None, None
    if record.given_poster:
        try:
            given = posters.read(record.given_poster)
            given_square = prepare(given).square
        except PosterError:
            given = None
            repairs.append("given poster unusable")
    example = Example(
        id=record.id,
        title=record.title,
        plot=record.plot,
        poster=poster,
        poster_256=prepared.square,
        genres=record.genres,
        given_plot=record.given_plot,
        given_poster_256=given_square,
    )
    return Film(record, example, given, look_of(prepared.grey), tuple(repairs))


def describe(film: Film) -> str:
    """What a row is made from. The 256x256 copy is left out: another Pillow may round a pixel differently."""
    example = film.example
    pictures = [hashlib.sha256(data).hexdigest() if data is not None else None for data in (example.poster, film.given)]
    texts = [film.record.split, example.id, example.title, example.plot, list(example.genres), example.given_plot]
    return canonical_json([*texts, *pictures])
