"""A model on films as they are, in evaluation mode.

Shape legend: B films, G genres.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from train.config import Modality
from train.metrics import scores
from train.predictions import Predictions
from train.records import Batch, Inputs, Scores


@torch.inference_mode()
def predict_split(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    genres: Sequence[str],
    accelerator: Accelerator,
    where: str,
    change: Callable[[Inputs], Inputs] = lambda films: films,
) -> Predictions:
    """Logits of untouched films; several processes share the batches, and each gets all films.

    Args:
        model: on the accelerator's device.
        batches: of one split.
        genres: names of the label columns.
        accelerator: where to compute.
        where: what is evaluated, for messages.
        change: made to the inputs before the model sees them.
    Raises:
        ValueError: there is no film.
    """
    model.eval()
    ids: list[str] = []
    labels: list[Tensor] = []
    mine: list[Tensor] = []
    order: list[int] = []
    for number, batch in enumerate(batches):
        first = len(ids)
        ids += batch.ids
        labels.append(batch.labels_BG)
        if number % accelerator.num_processes != accelerator.process_index:
            continue
        order += range(first, len(ids))
        with accelerator.autocast():
            mine.append(model(change(batch.original).to(accelerator.device)).float())
    if not ids:
        msg = f"{where}: no film; take a larger sample."
        raise ValueError(msg)
    logits_BG = torch.cat(mine) if mine else torch.zeros(0, len(genres), device=accelerator.device)
    return Predictions(
        tuple(ids), tuple(genres), _from_all(logits_BG, order, films=len(ids), accelerator=accelerator), torch.cat(labels).cpu()
    )


def evaluate(
    model: nn.Module, batches: Iterable[Batch], *, genres: Sequence[str], accelerator: Accelerator, where: str
) -> Scores:
    """Scores of untouched films.

    Raises:
        ValueError: there is no film, no film has a genre, or a logit is not finite.
    """
    return scores_of(predict_split(model, batches, genres=genres, accelerator=accelerator, where=where), where=where)


def scores_of(predictions: Predictions, *, where: str) -> Scores:
    """Scores of predictions.

    Raises:
        ValueError: no film has a genre, or a logit is not finite.
    """
    try:
        return scores(predictions.logits_BG, predictions.labels_BG, genres=predictions.genres)
    except ValueError as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def only(modality: Modality) -> Callable[[Inputs], Inputs]:
    """Inputs to the same inputs without the other modality."""
    if modality == "text":
        return lambda films: replace(films, image_BCHW=None, image_BND=None)
    return lambda films: replace(films, tokens_BL=None, mask_BL=None)


def _from_all(mine_BG: Tensor, rows: Sequence[int], *, films: int, accelerator: Accelerator) -> Tensor:
    """Logits of all films on the CPU, each from the process that computed it."""
    if accelerator.num_processes == 1:
        return mine_BG.cpu()
    all_BG = mine_BG.new_zeros(films, mine_BG.shape[1])
    all_BG[torch.tensor(rows, device=mine_BG.device, dtype=torch.long)] = mine_BG
    return cast("Tensor", accelerator.reduce(all_BG, reduction="sum")).cpu()
