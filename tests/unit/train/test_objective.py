import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train.config import ImageEncoderConfig, OptimConfig, RunConfig, UdaConfig
from train.consistency import consistency_loss
from train.hardware import accelerator
from train.learner import adamw, compile_encoders, learner
from train.models import build
from train.models.resnet import Resnet
from train.objective import Objective, as_teacher, step_losses
from train.records import Batch, Inputs, Pair

UDA = Objective(consistency=consistency_loss)


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
    losses = step_losses(model, batch([0], [1], [[1.0]]), UDA)
    assert_close(losses.supervised.detach(), torch.tensor(0.2877), atol=1e-4, rtol=0)
    assert losses.consistency is not None
    assert_close(losses.consistency.detach(), torch.tensor(0.1308), atol=1e-4, rtol=0)


def test_the_consistency_term_moves_the_augmented_pass_alone():
    # d KL / d logit = q - p = 1/2 - 3/4 in the augmented row; nothing reaches the teacher's row
    model = Table([[math.log(3.0)], [0.0]])
    losses = step_losses(model, batch([0], [1], [[1.0]]), UDA)
    assert losses.consistency is not None
    losses.consistency.backward()
    assert_close(model.rows.weight.grad, torch.tensor([[0.0], [-0.25]]))


def test_the_supervised_term_moves_the_original_pass_alone():
    # d BCE / d logit = p - y = 3/4 - 1
    model = Table([[math.log(3.0)], [0.0]])
    step_losses(model, batch([0], [1], [[1.0]]), UDA).supervised.backward()
    assert_close(model.rows.weight.grad, torch.tensor([[-0.25], [0.0]]))


def test_the_teacher_costs_no_third_pass():
    model = Table([[1.0], [2.0]])
    step_losses(model, batch([0], [1], [[1.0]]), UDA)
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
    for reduction, factor in (("mean", 1), ("joint", 2), ("batch-sum", 4)):
        losses = step_losses(model, films, Objective(partial(consistency_loss, reduction=reduction)))
        assert losses.consistency is not None
        assert_close(losses.consistency.detach(), torch.tensor(0.13081 * factor), atol=1e-4, rtol=0)


def test_consistency_without_augmented_films_is_refused():
    with pytest.raises(ValueError, match="needs augmented films"):
        step_losses(Table([[1.0]]), batch([0], None, [[1.0]]), UDA)


def test_unlabelled_films_are_averaged_with_the_labelled_ones_and_only_their_augmented_pass_learns():
    # KL(3/4 || 1/2) = 0.1308 for the labelled film, KL(4/5 || 1/2) = 4/5 ln 8/5 + 1/5 ln 2/5 = 0.1927 for the other: 0.1618.
    # d/d logit: (q - p) / 2 films = -1/8 and -3/20 at the students; neither teacher takes a gradient
    model = Table([[math.log(3.0)], [0.0], [math.log(4.0)], [0.0]])
    films = batch([0], [1], [[1.0]])
    other = batch([2], [3], [[0.0]])
    assert other.augmented is not None
    losses = step_losses(model, replace(films, unlabelled=Pair(other.ids, other.original, other.augmented)), UDA)
    assert losses.consistency is not None
    assert_close(losses.consistency.detach(), torch.tensor(0.1618), atol=1e-4, rtol=0)
    losses.consistency.backward()
    assert_close(model.rows.weight.grad, torch.tensor([[0.0], [-0.125], [0.0], [-0.15]]))
    assert len(losses.logits_BG) == 1


def test_a_teacher_of_its_own_gives_the_targets():
    # the teacher says p = 1/2 whatever the model says: KL(1/2 || 1/2) = 0
    model = Table([[math.log(3.0)], [0.0]])
    losses = step_losses(model, batch([0], [1], [[1.0]]), replace(UDA, teacher=lambda _: torch.zeros(1, 1)))
    assert losses.consistency is not None
    assert float(losses.consistency.detach()) == pytest.approx(0.0, abs=1e-7)


def test_a_teacher_of_its_own_is_asked_about_unlabelled_films_too():
    # the model says 3/4 of either film and 1/2 of its view, the teacher 1/2 of all: KL(1/2 || 1/2) = 0
    model = Table([[math.log(3.0)], [0.0]])
    films = batch([0], [1], [[1.0]])
    with_pool = replace(films, unlabelled=Pair(films.ids, films.original, films.augmented))
    losses = step_losses(model, with_pool, replace(UDA, teacher=lambda _: torch.zeros(1, 1)))
    assert losses.consistency is not None
    assert float(losses.consistency.detach()) == pytest.approx(0.0, abs=1e-7)


def test_a_separate_pass_teaches_without_dropout_or_gradient_and_leaves_all_modes_as_they_were():
    model = nn.Sequential(Table([[1.0] * 1000]), nn.Dropout(0.5), nn.BatchNorm1d(1000))
    model[2].eval()  # as a frozen part would be
    taught = as_teacher(model)(Inputs(tokens_BL=torch.tensor([[0]])))
    assert_close(taught, torch.full((1, 1000), 1.0), atol=1e-4, rtol=0)  # running statistics 0 and 1 change nothing
    assert not taught.requires_grad
    assert [module.training for module in model] == [True, True, False]


def test_annealing_and_class_weights_reach_the_supervised_term():
    # p(correct) = 3/4 > threshold 0.7 drops the first genre; the second, logit 0 and label 1 with weight 3: 3 ln 2
    model = Table([[math.log(3.0), 0.0]])
    objective = Objective(positive_weights_G=torch.tensor([1.0, 3.0]), annealing_threshold=0.7)
    losses = step_losses(model, batch([0], None, [[1.0, 1.0]]), objective)
    assert float(losses.supervised.detach()) == pytest.approx(3 * math.log(2), abs=1e-5)


def test_biases_and_norms_do_not_decay():
    model = nn.Sequential(
        nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1), nn.Linear(4, 2)
    )
    decaying, still = adamw(model, learning_rate=1e-3, weight_decay=0.1).param_groups
    assert decaying["weight_decay"] == 0.1
    assert still["weight_decay"] == 0.0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(parameter)] for parameter in decaying["params"]} == {"0.weight", "1.weight", "3.weight", "5.weight"}
    assert {names[id(parameter)] for parameter in still["params"]} == {
        "1.bias", "2.weight", "2.bias", "3.bias", "4.weight", "4.bias", "5.bias",
    }  # fmt: skip


def made(model, optim):
    config = RunConfig(version="none", model="bert", optim=optim)
    with accelerator(device=torch.device("cpu")) as one:
        return learner(model, config, accelerator=one, steps_per_epoch=1)


def test_new_layers_have_their_own_rate_which_the_plateau_lowers_too():
    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "classifier": nn.Linear(2, 1)})
    learning = made(model, OptimConfig(learning_rate=0.1, head_learning_rate=0.4, plateau_patience=0, plateau_factor=0.5))
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    def rates() -> dict[str, float]:
        return {names[id(weight)]: group["lr"] for group in learning.optimizer.param_groups for weight in group["params"]}

    assert rates() == {"encoder.weight": 0.1, "encoder.bias": 0.1, "classifier.weight": 0.4, "classifier.bias": 0.4}
    for value in (0.5, 0.4):
        learning.rates.after_epoch(value)
    assert rates() == {"encoder.weight": 0.05, "encoder.bias": 0.05, "classifier.weight": 0.2, "classifier.bias": 0.2}
    assert learning.rates.learning_rate == 0.05


def test_the_rate_halves_after_more_than_plateau_patience_epochs_without_gain():
    # gains are rises over the best: .50, then .51 is one (however small); .51 .51 .51 are three without, over patience 2
    learning = made(nn.Linear(1, 1), OptimConfig(learning_rate=1.0, plateau_patience=2, plateau_factor=0.5))
    rates = []
    for value in (0.50, 0.500001, 0.500001, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6):
        learning.rates.after_epoch(value)
        rates.append(learning.rates.learning_rate)
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_only_the_ema_teacher_keeps_an_average():
    uda = {teacher: UdaConfig(teacher=teacher) for teacher in ("same-pass", "separate-pass", "ema")}
    for teacher, term in uda.items():
        with accelerator(device=torch.device("cpu")) as one:
            config = RunConfig(version="none", model="bert", uda=term)
            kept = learner(nn.Linear(1, 1), config, accelerator=one, steps_per_epoch=1).average
        assert (kept is not None) == (teacher == "ema")


def test_the_average_has_averaged_batch_norm_statistics():
    # decay 1/2: the first update copies a running mean of 2; with 4 after it the average is 3
    uda = UdaConfig(teacher="ema", ema_decay=0.5)
    model = nn.BatchNorm1d(1)
    with accelerator(device=torch.device("cpu")) as one:
        config = RunConfig(version="none", model="bert", uda=uda)
        average = learner(model, config, accelerator=one, steps_per_epoch=1).average
    for mean in (2.0, 4.0):
        model.running_mean.fill_(mean)
        average.update_parameters(model)
    assert average.module.running_mean.item() == 3.0


def test_compiled_encoders_keep_the_names_of_their_weights_and_their_logits():
    config = RunConfig.model_validate(
        {"version": "none", "model": "resnet", "image": ImageEncoderConfig(name="resnet18", weights="random")}
    )
    plain = build(config, genres=2).eval()
    assert isinstance(plain, Resnet)
    names, films = list(plain.state_dict()), Inputs(image_BCHW=torch.rand(1, 3, 64, 64))
    with torch.no_grad():
        expected = plain(films)
    torch.compiler.reset()
    compile_encoders(plain, backend="eager")
    with torch.no_grad():
        assert_close(plain(films), expected)
    assert list(plain.state_dict()) == names
