"""Two cache versions side by side, on the films that both have."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from augment.text.measures import chrf
from datasets_cache import version as versions
from datasets_cache.progress import Track, untracked
from datasets_cache.store import Cache, Shelf
from datasets_cache.version import Version
from flows.quality import figures

if TYPE_CHECKING:
    from datasets import Dataset

PAIRS = 10


@dataclass(frozen=True)
class Apart:
    """A film whose augmented plots differ."""

    id: str
    view: int
    chrf: float
    """Of the second against the first, 0 to 100."""
    original: str
    first: str
    second: str


@dataclass(frozen=True)
class Difference:
    """What differs between two versions."""

    first: str
    second: str
    settings: dict[str, tuple[Any, Any]]
    """Settings with different values, by shelf and name."""
    shared: tuple[str, ...]
    """Shelves that both have."""
    figures: dict[str, tuple[float | None, float | None]]
    """Figures of the augmented plots."""
    films: int
    """Training films that both have."""
    plots: int
    """Augmented plots that both have."""
    plots_differ: int
    chrf: float | None
    """Mean chrF of the second's plots against the first's."""
    posters: int
    """Augmented posters that both have."""
    posters_differ: int
    unlabelled: int
    """Films that both have in their pools."""
    apart: tuple[Apart, ...]
    """The plots that differ most, the farthest first."""


def compare(cache: Cache, first: str, second: str, *, track: Track = untracked) -> Difference:
    """Compare two versions on the training films that both have.

    Args:
        cache: holds both.
        first: a version.
        second: another one.
        track: shows the plots.

    Raises:
        ValueError: a version is unknown, a shelf of it is missing or damaged, or they have no training film in common.
    """
    a, b = versions.open_version(cache, first), versions.open_version(cache, second)
    common = set(a.films("train")["id"]) & set(b.films("train")["id"])
    if not common:
        msg = f"{a.id} and {b.id} have no training film in common; compare versions of one source."
        raise ValueError(msg)
    views = a.text_views()
    compared = _apart(a, b, common)
    plots = list(track(compared, total=len(views) if views else 0, title="Comparing plots", unit="plots"))
    differing = sorted((pair for pair in plots if pair.first != pair.second), key=lambda pair: (pair.chrf, pair.id, pair.view))
    posters, posters_differ = _posters(a, b, common)
    return Difference(
        first=a.id,
        second=b.id,
        settings=_settings(a, b),
        shared=tuple(sorted(set(a.manifest.parents) & set(b.manifest.parents))),
        figures=_figures(a, b),
        films=len(common),
        plots=len(plots),
        plots_differ=len(differing),
        chrf=round(fmean(pair.chrf for pair in plots), 2) if plots else None,
        posters=posters,
        posters_differ=posters_differ,
        unlabelled=len(_pool_ids(a) & _pool_ids(b)),
        apart=tuple(differing[:PAIRS]),
    )


def _settings(a: Version, b: Version) -> dict[str, tuple[Any, Any]]:
    pools = a.pool is not None and b.pool is not None  # where one has none, the settings of the other's views say no more
    one, two = _spec(a, pools=pools), _spec(b, pools=pools)
    return {name: (one.get(name), two.get(name)) for name in [*one, *(two.keys() - one)] if one.get(name) != two.get(name)}


def _spec(version: Version, *, pools: bool) -> dict[str, Any]:
    shelves: dict[str, Shelf | None] = {"sample": version.sample, "text": version.text, "image": version.image}
    shelves["pool"] = version.pool
    if pools:
        shelves |= {"pool.text": version.pool_text, "pool.image": version.pool_image}
    return {f"{kind}.{name}": value for kind, shelf in shelves.items() if shelf for name, value in shelf.manifest.spec.items()}


def _pool_ids(version: Version) -> set[str]:
    films = version.unlabelled()
    return set(films["id"]) if films else set()


def _figures(a: Version, b: Version) -> dict[str, tuple[float | None, float | None]]:
    one, two = (figures(version.text.manifest) if version.text else {} for version in (a, b))
    return {name: (one.get(name), two.get(name)) for name in [*one, *(two.keys() - one)]}


def _apart(a: Version, b: Version, films: set[str]) -> Iterator[Apart]:
    views_a, views_b = a.text_views(), b.text_views()
    if views_a is None or views_b is None:
        return
    plots = {row["id"]: row["plot"] for row in _rows(a.films("train"), ["id", "plot"]) if row["id"] in films}
    second = {(row["id"], row["view"]): row["plot"] for row in _rows(views_b, ["id", "view", "plot"])}
    for row in _rows(views_a, ["id", "view", "plot"]):
        key = (row["id"], row["view"])
        if row["id"] in films and key in second:
            yield Apart(*key, round(chrf(row["plot"], second[key]), 2), plots[row["id"]], row["plot"], second[key])


def _posters(a: Version, b: Version, films: set[str]) -> tuple[int, int]:
    views_a, views_b = a.image_views(), b.image_views()
    if views_a is None or views_b is None:
        return 0, 0
    columns = ["id", "view", "ops"]
    second = {(row["id"], row["view"]): row["ops"] for row in _rows(views_b, columns)}
    both = [
        (row["ops"], second[row["id"], row["view"]])
        for row in _rows(views_a, columns)
        if row["id"] in films and (row["id"], row["view"]) in second
    ]
    return len(both), sum(one != two for one, two in both)


def _rows(rows: "Dataset", columns: list[str]) -> Iterator[dict[str, Any]]:
    for row in rows.select_columns(columns):
        yield dict(row)
