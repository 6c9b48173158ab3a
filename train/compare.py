"""Results of several runs as one table: a row for each model and its settings, averaged over seeds."""

import io
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from datasets_cache.frozen import Frozen
from datasets_cache.genres import multi_hot
from datasets_cache.version import Version
from train.config import ModelName
from train.records import RunResult, Scores
from train.variants import Variant, variants

if TYPE_CHECKING:
    from datasets import Dataset

PRIORS_TITLE = "class priors"
HEADINGS = ("AP macro", "AP micro", "gap train − val.", "best epoch")


class Estimate(Frozen):
    """A quantity in percent (or percentage points) over seeds."""

    mean: float
    """Mean over seeds."""
    spread: float | None = None
    """Standard deviation over seeds (n - 1); None for one seed."""

    def __str__(self) -> str:
        """``72.3``, or ``72.3 ± 0.4`` over several seeds."""
        return f"{self.mean:.1f}" if self.spread is None else f"{self.mean:.1f} ± {self.spread:.1f}"


class Row(Frozen):
    """One row of the table."""

    kind: Literal["model", "yardstick", "priors"]
    """A trained `model`, a logistic regression on frozen features (`yardstick`), or the class `priors`."""
    title: str
    """``MMBT + UDA · unlabelled 1.0``."""
    model: ModelName | None = None
    """Model; None for rows that are none."""
    uda: bool | None = None
    """With or without UDA; None for rows that are no models."""
    seeds: tuple[int, ...] = ()
    """Seeds of the runs behind it."""
    ap_macro: Estimate
    """Test AP-macro, %."""
    ap_micro: Estimate
    """Test AP-micro, %: the one that counts, since genres are unbalanced."""
    f1_micro: Estimate
    """Test F1-micro at 0.5, %."""
    validation_ap_micro: Estimate | None = None
    """Validation AP-micro of the tested weights, %."""
    gap: Estimate | None = None
    """Training minus validation AP-micro of the tested weights in evaluation mode, points; None for rows that are no models."""
    best_epoch: Estimate | None = None
    """Epoch of the tested weights."""
    epochs: Estimate | None = None
    """Epochs trained."""

    @property
    def trained(self) -> str:
        """``8 of 13``: the tested epoch and all that were trained, means over seeds; a dash for rows that are no models."""
        return f"{self.best_epoch.mean:.3g} of {self.epochs.mean:.3g}" if self.best_epoch and self.epochs else "–"

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What stands under `HEADINGS`."""
        return str(self.ap_macro), str(self.ap_micro), str(self.gap) if self.gap else "–", self.trained


class Comparison(Frozen):
    """The table of one cache version."""

    version: str
    """Cache version of all runs."""
    rows: tuple[Row, ...]
    """Models in fixed order, each base before its UDA; then the yardsticks; the class priors last."""

    def as_rows(self) -> list[dict[str, Any]]:
        """Rows of plain values for JSON and Prefect's table artifacts; percent, rounded to two decimals."""
        return [_plain(row) for row in self.rows]


def compare(
    results: Sequence[RunResult], *, priors: Scores | None = None, yardsticks: Mapping[str, Scores] | None = None
) -> Comparison:
    """Gather runs into a table.

    Args:
        results: finished runs on one cache version, any models, settings and seeds.
        priors: scores of `class_priors`.
        yardsticks: scores of ``train.yardstick`` by what they read, such as ``text``.
    Raises:
        ValueError: no result, several versions, or one model, variant and seed twice.
    """
    rows = [_row(variant) for variant in variants(results)]
    for read, found in (yardsticks or {}).items():
        rows.append(_scored_row("yardstick", f"logistic regression on frozen {read} features", found))
    if priors:
        rows.append(_scored_row("priors", PRIORS_TITLE, priors))
    return Comparison(version=results[0].version, rows=tuple(rows))


def class_priors(version: Version) -> Scores:
    """Test scores of predicting, for every film, how frequent each genre is in training: what no model may stay under."""
    import torch  # only now: tables are made without it

    from train.metrics import scores

    train_BG, test_BG = (_labels(version.films(split), version.genres) for split in ("train", "test"))
    films = len(train_BG)
    frequency_G = np.clip(train_BG.mean(axis=0), 0.5 / films, 1 - 0.5 / films)  # finite logits, same order
    logits_G = torch.from_numpy(np.log(frequency_G / (1 - frequency_G)))
    return scores(logits_G.expand(len(test_BG), -1), torch.from_numpy(test_BG), genres=version.genres)


def as_table(comparison: Comparison) -> Table:
    """The comparison for a rich console."""
    table = Table(title=f"Test average precision, % · {comparison.version}", title_justify="left")
    table.add_column("model", overflow="fold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for row, below in zip(comparison.rows, [*comparison.rows[1:], None], strict=True):
        table.add_row(
            row.title, *row.cells, end_section=below is not None and (below.model, below.kind) != (row.model, row.kind)
        )
    return table


def as_text(comparison: Comparison, *, width: int = 100) -> str:
    """The comparison as plain text, at most `width` columns wide."""
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(as_table(comparison))
    return text.getvalue()


def as_markdown(comparison: Comparison) -> str:
    """The comparison as a Markdown table."""
    return markdown_table(("model", *HEADINGS), [(row.title, *row.cells) for row in comparison.rows])


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table, the first column to the left."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def estimate(values: Sequence[float], *, scale: float = 100.0) -> Estimate:
    """Mean and deviation of `values` times `scale`, at least one."""
    scaled = [scale * value for value in values]
    return Estimate(mean=fmean(scaled), spread=stdev(scaled) if len(scaled) > 1 else None)


def gap(results: Sequence[RunResult]) -> Estimate:
    """Training minus validation AP-micro of the tested weights, points."""
    return estimate([result.train.ap_micro - result.validation.ap_micro for result in results])


def _labels(films: "Dataset", genres: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([multi_hot(found, genres) for found in films["genres"]])


def _row(variant: Variant) -> Row:
    results = variant.results
    return Row(
        kind="model",
        title=variant.title,
        model=variant.model,
        uda=variant.uda,
        seeds=variant.seeds,
        ap_macro=estimate([result.test.ap_macro for result in results]),
        ap_micro=estimate([result.test.ap_micro for result in results]),
        f1_micro=estimate([result.test.f1_micro for result in results]),
        validation_ap_micro=estimate([result.validation.ap_micro for result in results]),
        gap=gap(results),
        best_epoch=estimate([result.best_epoch for result in results], scale=1),
        epochs=estimate([result.epochs for result in results], scale=1),
    )


def _scored_row(kind: Literal["yardstick", "priors"], title: str, found: Scores) -> Row:
    ap_macro, ap_micro, f1_micro = (estimate([value]) for value in (found.ap_macro, found.ap_micro, found.f1_micro))
    return Row(kind=kind, title=title, ap_macro=ap_macro, ap_micro=ap_micro, f1_micro=f1_micro)


def _plain(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = {"model": row.title, "uda": row.uda, "seeds": len(row.seeds)}
    spreads: dict[str, Any] = {}  # last: with one seed there are none, and they would push the numbers out of sight
    for name in ("ap_macro", "ap_micro", "f1_micro", "validation_ap_micro", "gap", "best_epoch", "epochs"):
        found: Estimate | None = getattr(row, name)
        plain[name] = round(found.mean, 2) if found else None
        spreads[f"{name}_spread"] = round(found.spread, 2) if found and found.spread is not None else None
    return plain | spreads
