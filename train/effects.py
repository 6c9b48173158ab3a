"""What UDA changed: each variant minus its base, seed by seed, and whether other test films could undo it.

Shape legend: F films, G genres.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from datasets_cache.frozen import Frozen
from datasets_cache.progress import Track, untracked
from train import predictions
from train.compare import Estimate, estimate, gap, markdown_table
from train.predictions import Predictions
from train.records import RunResult
from train.significance import Bootstrapped, Difference, paired_bootstrap
from train.variants import Variant, base_of, variants

if TYPE_CHECKING:
    from torch import Tensor

RESAMPLES = 1000
SEED = 1
"""Of the resampled films; the same for all effects, so that they are compared on the same resamples."""
FEWEST_FILMS = 30
"""Test films below which there is no interval and no verdict: percentile intervals of so few films hold the truth too seldom
(measured in ``docs/comparison.md``)."""
FEW_FILMS = 300
"""Below it, `caution` says that percentile intervals come out too narrow."""
_TOLERANCE = 1e-4
"""Between a result's scores and those that its predictions give, fractions of 1."""
HEADINGS = ("seeds", "AP micro", "95 %", "p", "AP macro", "95 %", "p", "gap train − val.")


class Interval(Frozen):
    """What resampled test films say of a difference."""

    low: float
    """Lower end of the 95 % interval, points."""
    high: float
    """Upper end."""
    p: float
    """Two-sided p-value of no difference."""

    @property
    def holds_zero(self) -> bool:
        """Whether no difference is among what the test films allow."""
        return self.low <= 0 <= self.high

    def __str__(self) -> str:
        """``−1.2 to 2.0``."""
        return f"{_signless(self.low)} to {_signless(self.high)}"


class Change(Frozen):
    """UDA minus base of one figure, percentage points."""

    by_seed: tuple[float, ...]
    """For each common seed."""
    mean: float
    """Mean over seeds."""
    spread: float | None
    """Standard deviation over seeds (n - 1); None for one seed."""
    interval: Interval | None
    """Over resampled test films, seeds as they are; None where the predictions are not there any more, and of fewer than
    `FEWEST_FILMS` test films."""

    def __str__(self) -> str:
        """``+0.4``, or ``+0.4 ± 0.8`` over several seeds."""
        return signed(self.mean) + ("" if self.spread is None else f" ± {self.spread:.1f}")


class Effect(Frozen):
    """One variant with UDA beside its base."""

    title: str
    """Of the variant: ``MMBT + UDA · unlabelled 1.0``."""
    base: str
    """Of its base: ``MMBT``."""
    seeds: tuple[int, ...]
    """Seeds that both have; others count in neither."""
    test_films: int | None
    """Films that both were tested on; None where the predictions are not there any more."""
    ap_micro: Change
    """Test AP-micro."""
    ap_macro: Change
    """Test AP-macro."""
    by_genre: dict[str, Change | None]
    """Test AP of each genre; None where no test film has it."""
    gap_base: Estimate
    """Training minus validation AP-micro of the base, points."""
    gap_uda: Estimate
    """With UDA."""

    @property
    def plain_title(self) -> str:
        """The title without ``+ UDA``, for where that is what is spoken of: ``MMBT · unlabelled 1.0``."""
        return self.title.replace(" + UDA", "", 1)

    @property
    def sentence(self) -> str:
        """``MMBT: +0.4 points AP micro (95 % −1.2 to 2.0, p = 0.61; 3 seeds, ± 0.8): within noise.`` or not."""
        seeds = "1 seed" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds, ± {self.ap_micro.spread or 0:.1f}"
        change, interval = self.ap_micro, self.ap_micro.interval
        tested = f"95 % {interval}, {said_p(interval.p)}; " if interval else ""
        return (
            f"{self.plain_title}: {signed(change.mean)} points AP micro ({tested}{seeds}): {verdict(change, self.test_films)}."
        )


def effects(results: Sequence[RunResult], *, resamples: int = RESAMPLES, track: Track = untracked) -> list[Effect]:
    """Compare every variant with UDA with the base of the same model and settings, on the seeds that both have.

    Args:
        results: finished runs on one cache version.
        resamples: of the test films.
        track: shows the comparisons.
    Returns:
        In the order of the table. A variant without such a base, or without a seed in common, is left out (`uncompared`).
    Raises:
        ValueError: see `train.variants.variants`; or predictions that are damaged, or not of these runs.
    """
    found = variants(results)
    pairs = _pairs(found)
    shown = track(pairs, total=len(pairs), title="Resampling the test films", unit="comparisons")
    return [_effect(base, uda, resamples) for base, uda in shown]


def uncompared(results: Sequence[RunResult]) -> list[str]:
    """Titles of the variants with UDA that no base stands beside.

    Raises:
        ValueError: see `train.variants.variants`.
    """
    found = variants(results)
    compared = {uda.title for _, uda in _pairs(found)}
    return [variant.title for variant in found if variant.uda and variant.title not in compared]


def verdict(change: Change, test_films: int | None = None) -> str:
    """What may be said of a change on so many test films, in plain words."""
    if test_films is not None and test_films < FEWEST_FILMS:
        return f"too few test films to tell, {test_films} where at least {FEWEST_FILMS} are needed"
    if change.interval is None:
        return "not tested, the predictions are not there any more"
    if change.interval.holds_zero:
        return "within noise"
    direction = "better" if change.mean > 0 else "worse"
    if len(change.by_seed) == 1:
        return f"{direction}, by more than the choice of test films explains, with one seed"
    if any((one > 0) != (change.mean > 0) for one in change.by_seed):
        return f"{direction}, by more than the choice of test films explains, but not with every seed"
    return f"{direction}, beyond noise"


def caution(found: Sequence[Effect]) -> str:
    """What the intervals do not cover, or why there are none."""
    films = min((effect.test_films for effect in found if effect.test_films), default=FEW_FILMS)
    if films < FEWEST_FILMS:
        return (
            f"With fewer than {FEWEST_FILMS} test films there is no interval: resampling so few understates how much others "
            f"would change."
        )
    parts = ["The intervals cover which films are tested, not which films are trained on."]
    if any(len(effect.seeds) == 1 for effect in found):
        parts.append("Nor do they cover the seed: of one seed, another may differ by more than the interval is wide.")
    else:
        parts.append("Nor do they cover the seed: ± is the standard deviation over the seeds.")
    if films < FEW_FILMS:
        parts.append(f"{films} test films are few: such intervals come out rather too narrow.")
    return " ".join(parts)


def as_table(found: Sequence[Effect]) -> Table:
    """The effects for a rich console, two lines each, which 80 columns hold."""
    table = Table(title="UDA − base on the test split, points", title_justify="left")
    table.add_column("model", overflow="fold")
    table.add_column("")
    for heading in HEADINGS[1:4]:
        table.add_column("UDA − base" if heading == "AP micro" else heading, justify="right", no_wrap=True)
    for effect in found:
        shown = cells(effect)
        table.add_row(effect.title, "AP micro", *shown[1:4])
        table.add_row("", "AP macro", *shown[4:7], end_section=True)
    return table


def as_markdown(found: Sequence[Effect]) -> str:
    """The effects as a Markdown table."""
    return markdown_table(("UDA − base, points", *HEADINGS), [(effect.title, *cells(effect)) for effect in found])


def cells(effect: Effect) -> tuple[str, ...]:
    """What stands under `HEADINGS`."""
    tested = [
        (str(change), str(change.interval), said_p(change.interval.p).removeprefix("p = ").removeprefix("p "))
        if change.interval
        else (str(change), "–", "–")
        for change in (effect.ap_micro, effect.ap_macro)
    ]
    return str(len(effect.seeds)), *tested[0], *tested[1], f"{effect.gap_base.mean:.1f} → {effect.gap_uda.mean:.1f}"


def said_p(p: float) -> str:
    """``p = 0.61``, ``p = 0.004``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2f}" if p >= 0.01 else f"p = {p:.3f}"


def signed(value: float) -> str:
    """``+0.4`` or ``−0.4``."""
    return f"{value:+.1f}".replace("-", "−")


def _signless(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _pairs(found: Sequence[Variant]) -> list[tuple[Variant, Variant]]:
    pairs = [(base, variant) for variant in found if variant.uda and (base := base_of(variant, found))]
    return [(base, uda) for base, uda in pairs if set(base.seeds) & set(uda.seeds)]


def _effect(base: Variant, uda: Variant, resamples: int) -> Effect:
    seeds = tuple(seed for seed in uda.seeds if seed in base.seeds)
    firsts, seconds = ([one for one in variant.results if one.seed in seeds] for variant in (base, uda))
    pairs = list(zip(firsts, seconds, strict=True))
    tested, films = _tested(firsts, seconds, resamples) or (None, None)
    genres = firsts[0].genres
    return Effect(
        title=uda.title,
        base=base.title,
        seeds=seeds,
        test_films=films,
        ap_micro=_change([two.test.ap_micro - one.test.ap_micro for one, two in pairs], tested and tested.micro),
        ap_macro=_change([two.test.ap_macro - one.test.ap_macro for one, two in pairs], tested and tested.macro),
        by_genre={genre: _of_genre(genre, pairs, tested and tested.by_genre[number]) for number, genre in enumerate(genres)},
        gap_base=gap(firsts),
        gap_uda=gap(seconds),
    )


def _of_genre(genre: str, pairs: Sequence[tuple[RunResult, RunResult]], tested: Difference | None) -> Change | None:
    scored = [(one.test.ap_by_genre.get(genre), two.test.ap_by_genre.get(genre)) for one, two in pairs]
    differences = [two - one for one, two in scored if one is not None and two is not None]
    return _change(differences, tested) if differences else None


def _change(differences: Sequence[float], tested: Difference | None) -> Change:
    found = estimate(differences)
    interval = Interval(low=100 * tested.low, high=100 * tested.high, p=tested.p) if tested else None
    return Change(by_seed=tuple(100 * one for one in differences), mean=found.mean, spread=found.spread, interval=interval)


def _tested(
    firsts: Sequence[RunResult], seconds: Sequence[RunResult], resamples: int
) -> tuple[Bootstrapped | None, int] | None:
    """The bootstrap (None of fewer than `FEWEST_FILMS`) and the number of films; None where predictions are missing."""
    runs = (*firsts, *seconds)
    if not all((run.path / predictions.TEST).is_file() for run in runs):
        return None
    said = [predictions.load(run.path / predictions.TEST) for run in runs]
    ids, labels_FG = sorted(said[0].ids), _in_order(said[0], said[0].labels_BG)
    scores: list[NDArray[np.float32]] = []
    for run, found in zip(runs, said, strict=True):
        if sorted(found.ids) != ids or found.genres != run.genres or not (_in_order(found, found.labels_BG) == labels_FG).all():
            msg = f"{run.path / predictions.TEST}: other films, genres or labels than those of {runs[0].run}; train it again."
            raise ValueError(msg)
        scores.append(_in_order(found, found.logits_BG))
    if len(ids) < FEWEST_FILMS:
        return None, len(ids)
    rng, labelled_FG, half = np.random.default_rng(SEED), labels_FG > 0, len(firsts)
    tested = paired_bootstrap(scores[:half], scores[half:], labelled_FG, resamples=resamples, rng=rng)
    reported = estimate([two.test.ap_micro - one.test.ap_micro for one, two in zip(firsts, seconds, strict=True)], scale=1).mean
    if abs(tested.micro.observed - reported) > _TOLERANCE:
        msg = f"the test predictions of {', '.join(run.run for run in runs)} do not give the scores in their results: "
        msg += f"a difference in AP micro of {tested.micro.observed:.4f}, not {reported:.4f}. Train them again."
        raise ValueError(msg)
    return tested, len(ids)


def _in_order(found: Predictions, values_FG: "Tensor") -> NDArray[np.float32]:
    """Rows by film id: what is compared film by film is paired by id."""
    return values_FG.numpy()[np.argsort(np.asarray(found.ids))]
