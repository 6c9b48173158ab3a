"""Training films that nearly repeat an evaluation film: its plot with small edits, or its poster saved once more.

Evaluation films come first and are indexed; every training film is then looked up, so that nothing is kept of training films.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from datasets_cache.likeness import SHARED, Keys, Look, PlotIndex, PosterIndex, shingles
from datasets_cache.schema import Reason, RowIssue, Split
from datasets_cache.sources.index import Record

LISTED = 50
"""Pairs that the manifest lists."""

LEFT_OUT: tuple[Reason, ...] = (
    "plot nearly in validation",
    "plot nearly in test",
    "poster nearly in validation",
    "poster nearly in test",
)
"""Reasons for which a training film is left out on demand: nothing is wrong with its row."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A training film and the evaluation film that it is nearest to."""

    film: str
    title: str
    split: Split
    other: str
    other_title: str
    kind: Literal["plot", "poster"]
    similarity: float
    """Plots: share of the shorter one's shingles that the other has. Posters: share of the hashes' bits that agree."""

    @property
    def reason(self) -> Reason:
        """Why the training film is left out, where that is wanted."""
        if self.kind == "plot":
            return "plot nearly in test" if self.split == "test" else "plot nearly in validation"
        return "poster nearly in test" if self.split == "test" else "poster nearly in validation"


class Watch:
    """Looks at the films of a sample one by one, evaluation films before training films, and remembers their pairs."""

    def __init__(self) -> None:
        self._told: list[tuple[Record, Keys]] = []
        self._shown: list[tuple[Record, Look]] = []
        self._indexes: tuple[PlotIndex, PosterIndex] | None = None
        self._counts: Counter[Reason] = Counter()
        self._films = 0
        self._listed: list[Pair] = []
        self._silent: Counter[str] = Counter()

    def look(self, record: Record, look: Look | None) -> list[Pair]:
        """Take note of an evaluation film, or find the nearest plot and the nearest poster to a training film's."""
        keys = shingles(record.plot)
        self._silent["plots too short"] += len(keys) < SHARED
        self._silent["posters nearly uniform"] += look is None
        if record.split != "train":
            assert self._indexes is None, "evaluation films come before training films"
            self._told.append((record, keys))
            self._shown += [(record, look)] if look else []
            return []
        plots, posters = self._indexed()
        found = {"plot": plots.nearest(keys), "poster": posters.nearest(look) if look else None}
        pairs = [_pair(record, kind, *near) for kind, near in found.items() if near]
        self._counts.update(pair.reason for pair in pairs)
        self._films += bool(pairs)
        self._listed += pairs[: LISTED - len(self._listed)]
        return pairs

    def report(self, *, left_out: bool) -> dict[str, Any]:
        """What the manifest says: training films by reason and altogether, the first pairs, and what was no evidence.

        Args:
            left_out: whether the training films of the pairs are not in the sample.
        """
        return {
            "counts": dict(sorted(self._counts.items())),
            "training_films": self._films,
            "left_out": left_out,
            "no_evidence": {what: films for what, films in sorted(self._silent.items()) if films},
            "pairs": [asdict(pair) for pair in self._listed],
        }

    def _indexed(self) -> tuple[PlotIndex, PosterIndex]:
        if self._indexes is None:
            self._indexes = PlotIndex.of(self._told), PosterIndex.of(self._shown)
            self._silent["evaluation posters shared by many"] = int(self._indexes[1].shared.sum())
            self._told, self._shown = [], []
        return self._indexes


def left_out(pairs: Sequence[Pair]) -> RowIssue:
    """The issue with a training film that has these pairs."""
    named = [f"{pair.kind} of {pair.split} film {pair.other} ({pair.other_title}): {pair.similarity:.2f}" for pair in pairs]
    return RowIssue(pairs[0].film, "train", "skipped", pairs[0].reason, "; ".join(named))


def _pair(record: Record, kind: str, other: Record, similarity: float) -> Pair:
    named = "plot" if kind == "plot" else "poster"
    return Pair(record.id, record.title, other.split, other.id, other.title, named, round(similarity, 3))
