"""Results of several runs as one table: model × {base, UDA}, averaged over seeds."""

import io
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from rich.table import Table

from datasets_cache.frozen import Frozen
from datasets_cache.genres import multi_hot
from datasets_cache.version import Version
from train.config import MODELS
from train.metrics import scores
from train.records import RunResult, Scores

MODEL_TITLES = {"bert": "BERT", "resnet": "ResNet", "mmbt": "MMBT"}
PRIORS_TITLE = "class priors"


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

    model: str
    """Model, or `class priors`."""
    uda: bool | None
    """With or without UDA; None for the priors."""
    seeds: tuple[int, ...]
    """Seeds of the runs behind it."""
    ap_macro: Estimate
    """Test AP-macro, %."""
    ap_micro: Estimate
    """Test AP-micro, %: the one that counts, since genres are unbalanced."""
    f1_micro: Estimate
    """Test F1-micro at 0.5, %."""
    validation_ap_micro: Estimate | None
    """Validation AP-micro of the tested weights, %."""
    gap: Estimate | None
    """Training minus validation AP-micro of the tested weights in evaluation mode, points; None for the priors."""
    best_epoch: Estimate | None
    """Epoch of the tested weights."""
    epochs: Estimate | None
    """Epochs trained."""

    @property
    def title(self) -> str:
        """``MMBT + UDA``."""
        return f"{MODEL_TITLES.get(self.model, self.model)}{' + UDA' if self.uda else ''}"

    @property
    def trained(self) -> str:
        """``8 of 13``: the tested epoch and all that were trained, means over seeds; a dash for the priors."""
        return f"{self.best_epoch.mean:.3g} of {self.epochs.mean:.3g}" if self.best_epoch and self.epochs else "–"


class Comparison(Frozen):
    """The table of one cache version."""

    version: str
    """Cache version of all runs."""
    rows: tuple[Row, ...]
    """Models in fixed order, base before UDA; the class priors last."""

    def as_rows(self) -> list[dict[str, Any]]:
        """Rows of plain values for JSON and Prefect's table artifacts; percent, rounded to two decimals."""
        return [_plain(row) for row in self.rows]


def compare(results: Sequence[RunResult], *, priors: Scores | None = None) -> Comparison:
    """Gather runs into a table.

    Args:
        results: finished runs on one cache version, any models and seeds.
        priors: scores of `class_priors`, the yardstick row.
    Raises:
        ValueError: no result, several versions, or two runs of one cell.
    """
    versions = sorted({result.version for result in results})
    if len(versions) != 1:
        found = f"results of {len(versions)} cache versions: {versions}" if versions else "no result"
        msg = f"{found}; a comparison needs finished runs on one version."
        raise ValueError(msg)
    cells: dict[tuple[str, bool], dict[int, RunResult]] = {}
    for result in results:
        seeds = cells.setdefault((result.model, result.uda), {})
        if result.seed in seeds:
            msg = f"{seeds[result.seed].run} and {result.run} are the same cell with different settings; compare one of them."
            raise ValueError(msg)
        seeds[result.seed] = result
    ordered = sorted(cells, key=lambda cell: (MODELS.index(cell[0]), cell[1]))  # pyright: ignore[reportArgumentType]
    rows = [_row([result for _, result in sorted(cells[cell].items())]) for cell in ordered]
    if priors:
        rows.append(_priors_row(priors))
    return Comparison(version=versions[0], rows=tuple(rows))


def class_priors(version: Version) -> Scores:
    """Test scores of predicting, for every film, how frequent each genre is in training: what no model may stay under."""
    train_BG, test_BG = (_labels(version.films(split), version.genres) for split in ("train", "test"))
    films = len(train_BG)
    frequency_G = np.clip(train_BG.mean(axis=0), 0.5 / films, 1 - 0.5 / films)  # finite logits, same order
    logits_G = torch.from_numpy(np.log(frequency_G / (1 - frequency_G)))
    return scores(logits_G.expand(len(test_BG), -1), torch.from_numpy(test_BG), genres=version.genres)


def as_table(comparison: Comparison) -> Table:
    """The comparison for a rich console."""
    table = Table(title=f"Test average precision, % · {comparison.version}", title_justify="left")
    table.add_column("model")
    for heading in ("AP macro", "AP micro", "gap train − val.", "best epoch"):
        table.add_column(heading, justify="right")
    for row in comparison.rows:
        cells = (row.title, str(row.ap_macro), str(row.ap_micro), str(row.gap) if row.gap else "–", row.trained)
        table.add_row(*cells, end_section=row.uda is True)
    return table


def as_text(comparison: Comparison, *, width: int = 100) -> str:
    """The comparison as plain text, at most `width` columns wide."""
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(as_table(comparison))
    return text.getvalue()


def _labels(films: Dataset, genres: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([multi_hot(found, genres) for found in films["genres"]])


def _estimate(values: Sequence[float], *, scale: float = 100.0) -> Estimate:
    scaled = [scale * value for value in values]
    return Estimate(mean=fmean(scaled), spread=stdev(scaled) if len(scaled) > 1 else None)


def _row(results: Sequence[RunResult]) -> Row:
    return Row(
        model=results[0].model,
        uda=results[0].uda,
        seeds=tuple(result.seed for result in results),
        ap_macro=_estimate([result.test.ap_macro for result in results]),
        ap_micro=_estimate([result.test.ap_micro for result in results]),
        f1_micro=_estimate([result.test.f1_micro for result in results]),
        validation_ap_micro=_estimate([result.validation.ap_micro for result in results]),
        gap=_estimate([result.train.ap_micro - result.validation.ap_micro for result in results]),
        best_epoch=_estimate([result.best_epoch for result in results], scale=1),
        epochs=_estimate([result.epochs for result in results], scale=1),
    )


def _priors_row(priors: Scores) -> Row:
    return Row(
        model=PRIORS_TITLE,
        uda=None,
        seeds=(),
        ap_macro=_estimate([priors.ap_macro]),
        ap_micro=_estimate([priors.ap_micro]),
        f1_micro=_estimate([priors.f1_micro]),
        validation_ap_micro=None,
        gap=None,
        best_epoch=None,
        epochs=None,
    )


def _plain(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = {"model": row.title, "uda": row.uda, "seeds": len(row.seeds)}
    for name in ("ap_macro", "ap_micro", "f1_micro", "validation_ap_micro", "gap", "best_epoch", "epochs"):
        estimate: Estimate | None = getattr(row, name)
        plain[name] = round(estimate.mean, 2) if estimate else None
        plain[f"{name}_spread"] = round(estimate.spread, 2) if estimate and estimate.spread is not None else None
    return plain
