"""The back-translations worth distrusting, found by the columns of their shelf: only the plots that are shown are read."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasets_cache.version import Version
from train.report.passages import Compared, compared

if TYPE_CHECKING:
    from datasets import Dataset

SHOWN = 4
"""Plots of each kind."""
UNCHANGED = 100.0
"""chrF of a plot that came back as it was."""
_FIGURES = ("id", "view", "sentences", "kept", "numbers_lost", "names_lost", "chrf")

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Translation:
    """One back-translation beside its original."""

    title: str
    """Of the film."""
    why: tuple[str, ...]
    """Its figures, in words."""
    plots: Compared


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be bad, and the plots that are worst in it."""

    title: str
    note: str
    found: int
    """Plots of this kind in the whole shelf."""
    worst: tuple[Translation, ...]
    """The worst first, without those that stand under an earlier kind."""


_KINDS: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
    (
        "Furthest from the original",
        "Lowest chrF, the share of the original’s letter sequences that came back. Low is not always bad: another word for the "
        "same thing lowers it too.",
        lambda row: UNCHANGED - row["chrf"] if row["chrf"] is not None else 0.0,
    ),
    (
        "Numbers and names lost",
        "Sentences whose back-translation lacks a number or a name of the original, the most first.",
        lambda row: (row["numbers_lost"] or 0) + (row["names_lost"] or 0),
    ),
    (
        "Most sentences kept",
        "The largest share of sentences that a guard kept as the original: here augmentation does least.",
        lambda row: len(row["kept"] or ()) / max(1, row["sentences"] or 0),
    ),
)
"""Title, note, and how bad a row is; rows at 0 do not belong to the kind."""


def worst(version: Version, *, shown: int = SHOWN) -> list[Kind]:
    """The worst back-translations of the training plots, by kind; kinds that no plot belongs to are left out.

    The plots of the shelf are not read, but for those that are shown. A shelf without a figure has no plot of its kind.
    """
    views, films = version.text_views(), version.films("train")
    if views is None:
        return []
    rows = _figures(views)
    taken: set[int] = set()
    kinds: list[tuple[str, str, int, list[int]]] = []
    for title, note, badness in _KINDS:
        found = [number for number, row in enumerate(rows) if badness(row) > 0]
        ranked = sorted(found, key=lambda number: (-badness(rows[number]), rows[number]["id"], rows[number]["view"]))  # noqa: B023
        chosen = [number for number in ranked if number not in taken][:shown]
        taken.update(chosen)
        kinds.append((title, note, len(found), chosen))
    pairs = _pairs(views, films, rows, taken)
    return [
        Kind(title, note, found, tuple(pairs[number] for number in chosen)) for title, note, found, chosen in kinds if chosen
    ]


def _figures(views: "Dataset") -> list[Figures]:
    """The rows without their plots; figures that an older shelf lacks are None."""
    known = [name for name in _FIGURES if name in views.column_names]
    columns: Mapping[str, Sequence[Any]] = views.select_columns(known)[:]
    rows = zip(*(columns[name] for name in known), strict=True)
    return [dict.fromkeys(_FIGURES) | dict(zip(known, row, strict=True)) for row in rows]


def _pairs(views: "Dataset", films: "Dataset", rows: Sequence[Figures], wanted: set[int]) -> dict[int, Translation]:
    ids = {rows[number]["id"] for number in wanted}
    places = {film: place for place, film in enumerate(films["id"]) if film in ids}
    plots, texts = films.select_columns(["title", "plot"]), views.select_columns(["plot"])
    found: dict[int, Translation] = {}
    for number in wanted:
        row = rows[number]
        film: Mapping[str, Any] = plots[places[row["id"]]]
        plots_of_both = compared(film["plot"], texts[number]["plot"], skip=True)
        found[number] = Translation(film["title"] or row["id"], _why(row, plots_of_both), plots_of_both)
    return found


def _why(row: Figures, plots: Compared) -> tuple[str, ...]:
    said = [f"{100 * plots.changed:.0f}% of words changed"]
    if row["chrf"] is not None:
        said.append(f"chrF {row['chrf']:.0f} of 100")
    for lost, what in (("numbers_lost", "number"), ("names_lost", "name")):
        if count := row[lost]:
            said.append(f"{_sentences(count)} lost a {what}")
    if row["kept"]:
        kept = ", ".join(f"{reason} ×{count}" for reason, count in Counter(row["kept"]).most_common())  # noqa: RUF001
        said.append(f"{len(row['kept'])} of {_sentences(row['sentences'])} kept: {kept}")
    return tuple(said)


def _sentences(count: int) -> str:
    return f"{count} sentence{'' if count == 1 else 's'}"
