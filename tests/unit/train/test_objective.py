import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train.config import OptimConfig
from train.losses import consistency_loss
from train.objective import adamw, learner, step_losses
from train.records import Batch, Inputs


class Table(nn.Module):
    """Logits of a film are the row of its first token; counts its passes."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Embedding.from_pretrained(torch.tensor(rows), freeze=False)
        self.passes = 0

    def forward(self, inputs):
        self.passes += 1
        return self.rows(inputs.tokens_BL[:, 0])


def batch(original, augmented, labels):
    as_inputs = lambda tokens: Inputs(tokens_BL=torch.tensor(tokens)[:, None])  # noqa: E731
    return Batch(
        ids=tuple(map(str, original)),
        labels_BG=torch.tensor(labels),
        original=as_inputs(original),
        augmented=as_inputs(augmented) if augmented else None,
    )


def test_both_terms_are_the_ones_worked_by_hand():
    # original p = 3/4 (logit ln 3), label 1: BCE = -ln 3/4 = 0.2877. Augmented q = 1/2: KL = 3/4 ln 3/2 + 1/4 ln 1/2 = 0.1308
    model = Table([[math.log(3.0)], [0.0]])
    losses = step_losses(model, batch([0], [1], [[1.0]]), consistency=consistency_loss)
    assert_close(losses.supervised.detach(), torch.tensor(0.2877), atol=1e-4, rtol=0)
    assert losses.consistency is not None
    assert_close(losses.consistency.detach(), torch.tensor(0.1308), atol=1e-4, rtol=0)


def test_the_consistency_term_moves_the_augmented_pass_alone():
    # d KL / d logit = q - p = 1/2 - 3/4 in the augmented row; nothing reaches the teacher's row
    model = Table([[math.log(3.0)], [0.0]])
    losses = step_losses(model, batch([0], [1], [[1.0]]), consistency=consistency_loss)
    assert losses.consistency is not None
    losses.consistency.backward()
    assert_close(model.rows.weight.grad, torch.tensor([[0.0], [-0.25]]))


def test_the_supervised_term_moves_the_original_pass_alone():
    # d BCE / d logit = p - y = 3/4 - 1
    model = Table([[math.log(3.0)], [0.0]])
    step_losses(model, batch([0], [1], [[1.0]]), consistency=consistency_loss).supervised.backward()
    assert_close(model.rows.weight.grad, torch.tensor([[-0.25], [0.0]]))


def test_the_teacher_costs_no_third_pass():
    model = Table([[1.0], [2.0]])
    step_losses(model, batch([0], [1], [[1.0]]), consistency=consistency_loss)
    assert model.passes == 2


def test_a_plain_step_makes_one_pass_and_has_no_consistency():
    model = Table([[1.0], [2.0]])
    losses = step_losses(model, batch([0], [1], [[1.0]]))
    assert model.passes == 1
    assert losses.consistency is None
    assert_close(losses.logits_BG, torch.tensor([[1.0]]))
    assert not losses.logits_BG.requires_grad


def test_the_reduction_reaches_the_objective():
    # two films, two genres, each pair's KL 0.1308: the joint KL of a film is twice that, the batch's sum four times
    model = Table([[math.log(3.0)] * 2, [0.0] * 2])
    films = batch([0, 0], [1, 1], [[1.0, 1.0]] * 2)
    for reduction, factor in (("mean", 1), ("joint", 2), ("batch_sum", 4)):
        losses = step_losses(model, films, consistency=partial(consistency_loss, reduction=reduction))
        assert losses.consistency is not None
        assert_close(losses.consistency.detach(), torch.tensor(0.13081 * factor), atol=1e-4, rtol=0)


def test_consistency_without_augmented_films_is_refused():
    with pytest.raises(ValueError, match="needs augmented films"):
        step_losses(Table([[1.0]]), batch([0], None, [[1.0]]), consistency=consistency_loss)


def test_biases_and_norms_do_not_decay_and_frozen_parts_are_left_out():
    model = nn.Sequential(
        nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1), nn.Linear(4, 2)
    )
    for parameter in model[5].parameters():
        parameter.requires_grad = False
    decaying, still = adamw(model, learning_rate=1e-3, weight_decay=0.1).param_groups
    assert decaying["weight_decay"] == 0.1
    assert still["weight_decay"] == 0.0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(parameter)] for parameter in decaying["params"]} == {"0.weight", "1.weight", "3.weight"}
    assert {names[id(parameter)] for parameter in still["params"]} == {
        "1.bias", "2.weight", "2.bias", "3.bias", "4.weight", "4.bias",
    }  # fmt: skip


def test_new_layers_have_their_own_rate_which_the_plateau_lowers_too():
    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "classifier": nn.Linear(2, 1)})
    optim = OptimConfig(learning_rate=0.1, head_learning_rate=0.4, plateau_patience=0, plateau_factor=0.5)
    made = learner(model, optim, device=torch.device("cpu"))
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    def rates() -> dict[str, float]:
        return {names[id(weight)]: group["lr"] for group in made.optimizer.param_groups for weight in group["params"]}

    assert rates() == {"encoder.weight": 0.1, "encoder.bias": 0.1, "classifier.weight": 0.4, "classifier.bias": 0.4}
    for value in (0.5, 0.4):
        made.schedule.step(value)
    assert rates() == {"encoder.weight": 0.05, "encoder.bias": 0.05, "classifier.weight": 0.2, "classifier.bias": 0.2}
    assert made.learning_rate == 0.05


def test_the_rate_halves_after_more_than_plateau_patience_epochs_without_gain():
    # gains are rises over the best: .50, then .51 is one (however small); .51 .51 .51 are three without, over patience 2
    optim = OptimConfig(learning_rate=1.0, plateau_patience=2, plateau_factor=0.5)
    made = learner(nn.Linear(1, 1), optim, device=torch.device("cpu"))
    rates = []
    for value in (0.50, 0.500001, 0.500001, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6):
        made.schedule.step(value)
        rates.append(made.learning_rate)
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
