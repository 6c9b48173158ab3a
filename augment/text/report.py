"""How good a shelf of back-translations is: figures for its manifest, and the pairs worth reading."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from augment.text import measures, similarity
from augment.text.measures import ORDERS, BleuCounts

if TYPE_CHECKING:
    from datasets import Dataset

COMPARED_PLOTS = 500
"""Plots whose similarity is measured: the first in the sample's order, which is the order of a hash and so a random choice."""
PAIRS = 10
"""Best, worst and random pairs that are named."""


class Pair(NamedTuple):
    """One augmented plot, and how near it is to its original."""

    id: str
    view: int
    original: str
    augmented: str
    chrf: float
    cosine: float | None


def quality_of(tally: Mapping[str, Any], rows: "Dataset", films: "Dataset") -> dict[str, Any]:
    """Figures of a shelf.

    Args:
        tally: sums over all shards (see `shelf`).
        rows: the shelf's rows.
        films: the sample's training films, with `id` and `plot`.
    Returns:
        Shares of sentences changed and kept; means over plots of the length ratio, of chrF against the original and of
        distinct-1 and distinct-2 (also of the originals); corpus BLEU against the originals; the mean cosine similarity of
        `COMPARED_PLOTS` plots where the embedded encoder is installed; and the best, worst and random pairs by id.
    Source:
        chrF2: Popovic, WMT 2015; BLEU: Papineni et al., ACL 2002, as sacrebleu has them. distinct-n: Li et al., NAACL 2016.
        Deviation: distinct-n is the mean over plots, so that it does not fall with the number of films.
    """
    counts, sums = tally["counts"], tally["sums"]
    plots, sentences = max(1, counts["plots"]), max(1, counts["sentences"])
    kept = sum(count for name, count in counts.items() if name.startswith("kept: "))
    pairs = pairs_of(rows, films)
    cosines = [pair.cosine for pair in pairs if pair.cosine is not None]
    return {
        "sentences changed": round(counts["changed"] / sentences, 4),
        "sentences kept": round(kept / sentences, 4),
        **{name: round(total / plots, 4) for name, total in sums.items()},
        "bleu": round(measures.bleu(_bleu_from_numbers(tally["bleu"])), 2),
        "cosine": round(sum(cosines) / len(cosines), 4) if cosines else None,
        "cosine of plots": len(cosines),
        "pairs": {
            kind: [{"id": pair.id, "view": pair.view, "chrf": round(pair.chrf, 2), "cosine": pair.cosine} for pair in chosen]
            for kind, chosen in notable(pairs).items()
        },
    }


def bleu_to_numbers(counts: BleuCounts) -> dict[str, int]:
    """Counts as named numbers, which add up."""
    orders = {f"{name} {n}": count for name in ("matches", "totals") for n, count in enumerate(getattr(counts, name), start=1)}
    return {**orders, "translation": counts.translation, "original": counts.original}


def _bleu_from_numbers(numbers: Mapping[str, int]) -> BleuCounts:
    matches, totals = (tuple(numbers[f"{name} {n}"] for n in range(1, ORDERS + 1)) for name in ("matches", "totals"))
    return BleuCounts(matches, totals, numbers["translation"], numbers["original"])


def pairs_of(rows: "Dataset", films: "Dataset") -> list[Pair]:
    """The first `COMPARED_PLOTS` rows with their originals; their similarity, where the embedded encoder is installed."""
    views = [dict(row) for row in rows.select(range(min(COMPARED_PLOTS, len(rows))))]
    wanted = {view["id"] for view in views}
    originals: dict[str, str] = {}
    for film in map(dict, films):  # rows and films lie in the same order, so this ends early
        if film["id"] in wanted:
            originals[film["id"]] = film["plot"]
        if len(originals) == len(wanted):
            break
    return paired(views, originals)


def paired(views: Sequence[Mapping[str, Any]], originals: Mapping[str, str]) -> list[Pair]:
    """Each of `views` (rows of a text shelf) with its original."""
    befores = [originals[view["id"]] for view in views]
    cosines: Sequence[float | None] = [None] * len(views)
    if similarity.available():
        cosines = [round(cosine, 4) for cosine in similarity.cosine(befores, [view["plot"] for view in views])]
    return [
        Pair(view["id"], view["view"], before, view["plot"], view["chrf"], cosine)
        for view, before, cosine in zip(views, befores, cosines, strict=True)
    ]


def notable(pairs: Sequence[Pair], count: int = PAIRS) -> dict[str, list[Pair]]:
    """The `best`, the `worst` and some `random` pairs among those that changed, by cosine similarity, else by chrF."""
    changed = [pair for pair in pairs if pair.augmented != pair.original]
    ranked = sorted(changed, key=lambda pair: (-_nearness(pair), pair.id, pair.view))
    return {"best": ranked[:count], "worst": ranked[::-1][:count], "random": changed[:count]}


def _nearness(pair: Pair) -> float:
    return pair.chrf / 100 if pair.cosine is None else pair.cosine
