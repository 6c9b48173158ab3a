"""Both terms of the objective, worked by hand."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence
from torch.testing import assert_close

from train.losses import consistency_loss, supervised_loss

LN3 = math.log(3)  # sigmoid(ln 3) = 3/4
LN9 = math.log(9)  # sigmoid(ln 9) = 9/10

# KL(3/4 || 1/2) = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812
# KL(1/2 || 3/4) = 1/2 ln(2/3) + 1/2 ln(2)   = 0.143841
# film 1 differs in both genres, 0.274653; film 2 only in the second, 0.130812
TEACHER = torch.tensor([[LN3, 0.0], [LN3, LN3]])
STUDENT = torch.tensor([[0.0, LN3], [LN3, 0.0]])


def approximately(value: float) -> torch.Tensor:
    return torch.tensor(value)


def test_consistency_is_the_bernoulli_kl_worked_by_hand():
    loss = consistency_loss(torch.tensor([[3.0]]).log(), torch.zeros(1, 1))
    assert_close(loss, approximately(0.1308), atol=1e-4, rtol=0)


def test_joint_reduction_sums_genres_and_averages_films():
    # (0.274653 + 0.130812) / 2
    assert_close(consistency_loss(TEACHER, STUDENT, reduction="joint"), approximately(0.2027325), atol=1e-5, rtol=0)


def test_joint_is_the_default_reduction():
    assert_close(consistency_loss(TEACHER, STUDENT), approximately(0.2027325), atol=1e-5, rtol=0)


def test_mean_reduction_averages_genres_and_films():
    # 0.405465 / 4
    assert_close(consistency_loss(TEACHER, STUDENT, reduction="mean"), approximately(0.1013662), atol=1e-5, rtol=0)


def test_batch_sum_reduction_sums_genres_and_films():
    assert_close(consistency_loss(TEACHER, STUDENT, reduction="batch_sum"), approximately(0.405465), atol=1e-5, rtol=0)


def test_consistency_agrees_with_torch_distributions_on_random_logits():
    draw = torch.Generator().manual_seed(3)
    teacher, student = torch.randn(5, 7, generator=draw) * 3, torch.randn(5, 7, generator=draw) * 3
    expected = kl_divergence(Bernoulli(logits=teacher), Bernoulli(logits=student)).sum(1).mean()
    assert_close(consistency_loss(teacher, student), expected)


def test_equal_views_are_consistent():
    assert consistency_loss(TEACHER, TEACHER).item() == 0


def test_the_temperature_sharpens_the_teacher_alone():
    # T = 1/2 doubles the teacher's logit: p = 0.9. The student stays at 3/4:
    # 0.9 ln(0.9 / 0.75) + 0.1 ln(0.1 / 0.25) = 0.072460
    loss = consistency_loss(torch.tensor([[LN3]]), torch.tensor([[LN3]]), temperature=0.5)
    assert_close(loss, approximately(0.072460), atol=1e-5, rtol=0)


def test_genres_with_an_unsure_teacher_add_nothing_and_still_count_in_the_mean():
    # the second genre's teacher (3/4) is below 0.8; the first (9/10) against 1/2: 0.9 ln 1.8 + 0.1 ln 0.2 = 0.368064
    teacher = torch.tensor([[LN9, LN3]])
    assert_close(consistency_loss(teacher, torch.zeros(1, 2), min_confidence=0.8), approximately(0.368064), atol=1e-5, rtol=0)
    mean = consistency_loss(teacher, torch.zeros(1, 2), min_confidence=0.8, reduction="mean")
    assert_close(mean, approximately(0.184032), atol=1e-5, rtol=0)


def test_a_teacher_sure_that_the_genre_is_absent_counts_as_sure():
    # p = 1/10: the same number by symmetry
    loss = consistency_loss(torch.tensor([[-LN9]]), torch.zeros(1, 1), min_confidence=0.8)
    assert_close(loss, approximately(0.368064), atol=1e-5, rtol=0)


def test_the_mask_looks_at_the_teacher_before_sharpening():
    # sharpened it would be 0.9 sure, unsharpened it is 3/4
    assert consistency_loss(torch.tensor([[LN3]]), torch.zeros(1, 1), temperature=0.5, min_confidence=0.8).item() == 0


def test_a_teacher_exactly_as_sure_as_asked_is_kept():
    # logit 0 is exactly 1/2 sure
    assert consistency_loss(torch.zeros(1, 1), torch.tensor([[LN3]]), min_confidence=0.5).item() == pytest.approx(
        0.143841, abs=1e-5
    )


def test_the_gradient_reaches_the_student_alone():
    # d KL / d student logit = q - p = 1/2 - 3/4, over one film
    teacher, student = torch.tensor([[LN3]], requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    consistency_loss(teacher, student).backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert_close(student.grad, torch.tensor([[-0.25]]))


@pytest.mark.parametrize(("teacher", "student"), [(100.0, -100.0), (-100.0, 100.0)])
def test_saturated_logits_give_a_finite_loss_and_gradient(teacher: float, student: float):
    # p = 1, log q = -100: the loss is 100, its gradient q - p = -1 (or 1 the other way round)
    augmented = torch.tensor([[student]], requires_grad=True)
    loss = consistency_loss(torch.tensor([[teacher]]), augmented)
    loss.backward()
    assert_close(loss.detach(), approximately(100.0))
    assert augmented.grad is not None
    assert_close(augmented.grad, torch.tensor([[math.copysign(1.0, student)]]))


def test_half_precision_logits_are_reduced_in_float32():
    loss = consistency_loss(TEACHER.bfloat16(), STUDENT.bfloat16())
    assert loss.dtype == torch.float32
    assert supervised_loss(TEACHER.bfloat16(), torch.ones(2, 2)).dtype == torch.float32


def test_views_of_different_shape_are_refused():
    with pytest.raises(ValueError, match=r"original and augmented logits have shapes \(2, 2\) and \(1, 2\)"):
        consistency_loss(TEACHER, STUDENT[:1])


def test_supervised_loss_is_the_mean_cross_entropy_of_a_naive_loop():
    draw = torch.Generator().manual_seed(4)
    logits, labels = torch.randn(3, 5, generator=draw), (torch.rand(3, 5, generator=draw) > 0.5).float()
    total = 0.0
    for logit, label in zip(logits.flatten().tolist(), labels.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        total -= label * math.log(p) + (1 - label) * math.log(1 - p)
    assert supervised_loss(logits, labels).item() == pytest.approx(total / 15, abs=1e-6)


def test_supervised_loss_of_saturated_wrong_logits_is_finite():
    assert supervised_loss(torch.tensor([[100.0, -100.0]]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx(100.0)


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="logits and labels have shapes"):
        supervised_loss(torch.zeros(2, 3), torch.zeros(2, 1))
