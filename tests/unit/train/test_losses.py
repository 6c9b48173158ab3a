"""The supervised term, worked by hand and against torch's own loss and a naive loop."""

import math

import pytest
import torch
from torch.testing import assert_close

from train.losses import supervised_loss

LN3 = math.log(3)  # sigmoid(ln 3) = 3/4


def drawn(seed: int, *, films: int = 6, genres: int = 5):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(films, genres, generator=draw) * 2, (torch.rand(films, genres, generator=draw) > 0.5).float()


def naive(logits, labels, *, weights=None, threshold=None):
    """Pair by pair, in double precision, as the reference code words it."""
    total, count = 0.0, 0
    for row, label_row in zip(logits.double().tolist(), labels.tolist(), strict=True):
        for genre, (logit, label) in enumerate(zip(row, label_row, strict=True)):
            p = 1 / (1 + math.exp(-logit))
            if threshold is not None and (p if label else 1 - p) > threshold:
                continue
            total -= (weights[genre] if weights else 1) * math.log(p) if label else math.log(1 - p)
            count += 1
    return total / max(1, count)


def test_supervised_loss_is_the_mean_cross_entropy_of_a_naive_loop():
    logits, labels = drawn(4)
    assert supervised_loss(logits, labels).item() == pytest.approx(naive(logits, labels), abs=1e-6)


def test_a_positive_weight_counts_positive_labels_alone():
    # p = 3/4 for both genres, the first is present, the second absent; weights 3 and 5:
    # (3 · -ln 3/4 + -ln 1/4) / 2 = (0.863046 + 1.386294) / 2
    loss = supervised_loss(torch.tensor([[LN3, LN3]]), torch.tensor([[1.0, 0.0]]), positive_weights_G=torch.tensor([3.0, 5.0]))
    assert_close(loss, torch.tensor(1.124670), atol=1e-5, rtol=0)


def test_positive_weights_agree_with_torchs_own():
    logits, labels = drawn(5)
    weights = torch.tensor([0.5, 1.0, 2.0, 7.0, 30.0])
    expected = torch.nn.BCEWithLogitsLoss(pos_weight=weights)(logits, labels)
    assert_close(supervised_loss(logits, labels, positive_weights_G=weights), expected)


def test_annealing_drops_a_label_that_is_predicted_above_the_threshold():
    # both present, p = 3/4 and 1/4, threshold 0.6: the first is dropped, the second alone makes the mean, -ln 1/4
    loss = supervised_loss(torch.tensor([[LN3, -LN3]]), torch.ones(1, 2), annealing_threshold=0.6)
    assert_close(loss, torch.tensor(1.386294), atol=1e-5, rtol=0)


def test_annealing_drops_an_absent_genre_that_is_predicted_absent():
    # both absent, p = 1/4 and 3/4, so 1 - p = 3/4 and 1/4: again -ln 1/4
    loss = supervised_loss(torch.tensor([[-LN3, LN3]]), torch.zeros(1, 2), annealing_threshold=0.6)
    assert_close(loss, torch.tensor(1.386294), atol=1e-5, rtol=0)


def test_a_label_predicted_exactly_at_the_threshold_counts():
    # logit 0 is exactly 1/2, present or absent: ln 2 each
    loss = supervised_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), annealing_threshold=0.5)
    assert_close(loss, torch.tensor(0.693147), atol=1e-5, rtol=0)


def test_one_pair_of_a_film_is_dropped_without_the_others():
    # film 1: 3/4 and 1/4 of its labels, film 2: 1/4 and 3/4; two pairs remain, one of each film: (1.386294 + 1.386294) / 2
    logits = torch.tensor([[LN3, -LN3], [-LN3, LN3]])
    loss = supervised_loss(logits, torch.ones(2, 2), annealing_threshold=0.6)
    assert_close(loss, torch.tensor(1.386294), atol=1e-5, rtol=0)


def test_where_no_pair_counts_the_loss_and_its_gradient_are_zero():
    logits = torch.tensor([[LN3, LN3]], requires_grad=True)
    loss = supervised_loss(logits, torch.ones(1, 2), annealing_threshold=0.5)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert_close(logits.grad, torch.zeros(1, 2))


def test_only_pairs_that_count_have_a_gradient():
    # d/dz of the mean over the one pair that counts: p - 1 = 1/4 - 1
    logits = torch.tensor([[LN3, -LN3]], requires_grad=True)
    supervised_loss(logits, torch.ones(1, 2), annealing_threshold=0.6).backward()
    assert logits.grad is not None
    assert_close(logits.grad, torch.tensor([[0.0, -0.75]]))


def test_a_threshold_of_one_lets_every_pair_count():
    logits, labels = drawn(6)
    assert_close(supervised_loss(logits, labels, annealing_threshold=1.0), supervised_loss(logits, labels))


@pytest.mark.parametrize("threshold", [0.5, 0.62, 0.9])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0, 7.0, 30.0]])
def test_annealing_with_weights_agrees_with_a_naive_loop(threshold: float, weights: list[float] | None):
    logits, labels = drawn(7)
    given = None if weights is None else torch.tensor(weights)
    loss = supervised_loss(logits, labels, positive_weights_G=given, annealing_threshold=threshold)
    assert loss.item() == pytest.approx(naive(logits, labels, weights=weights, threshold=threshold), abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("threshold", [None, 0.7])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_extreme_logits_give_a_finite_loss_and_gradient(dtype: torch.dtype, threshold: float | None, label: float):
    logits = torch.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = supervised_loss(
        logits, torch.full((1, 3), label), positive_weights_G=torch.tensor([1.0, 9.0, 2.0]), annealing_threshold=threshold
    )
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_saturated_wrong_logits_cost_what_they_are_wrong():
    # -ln sigmoid(-100) = 100 for both
    assert supervised_loss(torch.tensor([[100.0, -100.0]]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx(100.0)


def test_a_logit_that_is_not_a_number_shows_in_the_loss_under_annealing():
    assert supervised_loss(torch.tensor([[math.nan, 0.0]]), torch.ones(1, 2), annealing_threshold=0.5).isnan()


@pytest.mark.parametrize("threshold", [None, 0.7])
def test_half_precision_logits_are_reduced_in_float32(threshold: float | None):
    logits, labels = drawn(8)
    loss = supervised_loss(logits.bfloat16(), labels, annealing_threshold=threshold)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(naive(logits.bfloat16(), labels, threshold=threshold), abs=1e-6)


@pytest.mark.parametrize("threshold", [None, 0.7])
def test_no_value_is_read_back_to_the_host(threshold: float | None):
    # tensors of the meta device have no values: whatever asked for one would raise
    logits, labels = torch.empty(4, 3, device="meta"), torch.empty(4, 3, device="meta")
    weights = torch.empty(3, device="meta")
    assert supervised_loss(logits, labels, positive_weights_G=weights, annealing_threshold=threshold).is_meta


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="logits and labels have shapes"):
        supervised_loss(torch.zeros(2, 3), torch.zeros(2, 1))


def test_weights_that_would_only_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"positive weights have shape \(1,\); expected one for each of 3 genres"):
        supervised_loss(torch.zeros(2, 3), torch.zeros(2, 3), positive_weights_G=torch.ones(1))
