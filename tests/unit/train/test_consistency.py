"""The consistency term, worked by hand and against torch.distributions and the formulas in double precision."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Categorical, kl_divergence
from torch.testing import assert_close

from train.config import ConsistencyKind, Reduction
from train.consistency import consistency_loss

KINDS: tuple[ConsistencyKind, ...] = get_args(ConsistencyKind)
REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)

LN3 = math.log(3)  # sigmoid(ln 3) = 3/4, softmax(ln 3, 0) = (3/4, 1/4)
LN9 = math.log(9)  # sigmoid(ln 9) = 9/10, softmax(ln 9, 0) = (9/10, 1/10)

# KL(3/4 || 1/2) = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812
# KL(1/2 || 3/4) = 1/2 ln(2/3) + 1/2 ln(2)   = 0.143841
# film 1 differs in both genres, 0.274653; film 2 only in the second, 0.130812
TEACHER = torch.tensor([[LN3, 0.0], [LN3, LN3]])
STUDENT = torch.tensor([[0.0, LN3], [LN3, 0.0]])

ONE_GENRE_SURE, ONE_GENRE_EVEN = torch.tensor([[LN3]]), torch.zeros(1, 1)
TWO_GENRES_SURE, TWO_GENRES_EVEN = torch.tensor([[LN3, 0.0]]), torch.zeros(1, 2)

logit = st.floats(-20, 20, width=32)


@st.composite
def views(draw):
    """Two views of 1 to 3 films with 1 to 4 genres."""
    films, genres = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    row = st.lists(logit, min_size=genres, max_size=genres)
    both = [draw(st.lists(row, min_size=films, max_size=films)) for _ in range(2)]
    return torch.tensor(both[0]), torch.tensor(both[1])


def random_views():
    draw = torch.Generator().manual_seed(3)
    return torch.randn(5, 7, generator=draw) * 3, torch.randn(5, 7, generator=draw) * 3


def is_about(loss: torch.Tensor, expected: float) -> None:
    assert_close(loss, torch.tensor(expected), atol=1e-5, rtol=0)


def in_double_precision(teacher, student, kind):
    """Terms [B, G] as the formulas are written, without a thought for large logits."""
    teacher, student = teacher.double(), student.double()
    if kind == "categorical-kl":
        p, q = torch.softmax(teacher, 1), torch.softmax(student, 1)
        return p * (p / q).log()
    p, q = torch.sigmoid(teacher), torch.sigmoid(student)
    match kind:
        case "bernoulli-kl":
            return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
        case "mse":
            return (p - q) ** 2
        case "bce":
            return -p * q.log() - (1 - p) * (1 - q).log()


# the kinds


def test_consistency_is_the_bernoulli_kl_worked_by_hand():
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_EVEN), 0.130812)


def test_categorical_kl_has_one_softmax_over_the_genres():
    # teacher (3/4, 1/4), student (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2)
    is_about(consistency_loss(TWO_GENRES_SURE, TWO_GENRES_EVEN, kind="categorical-kl"), 0.130812)


def test_categorical_kl_does_not_see_a_shift_of_all_logits():
    is_about(consistency_loss(TWO_GENRES_SURE, TWO_GENRES_SURE + 5, kind="categorical-kl"), 0.0)


def test_mse_is_of_the_probabilities():
    # (3/4 - 1/2)²
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_EVEN, kind="mse"), 0.0625)


def test_bce_is_the_cross_entropy_with_the_teachers_probability():
    # -3/4 ln(1/2) - 1/4 ln(1/2) = ln 2
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_EVEN, kind="bce"), 0.693147)


def test_bce_of_equal_views_is_the_teachers_entropy():
    # -3/4 ln(3/4) - 1/4 ln(1/4) = 0.215762 + 0.346574
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_SURE, kind="bce"), 0.562335)


def test_bce_has_the_gradient_of_the_bernoulli_kl():
    teacher, student = random_views()
    gradients = []
    for kind in ("bernoulli-kl", "bce"):
        leaf = student.clone().requires_grad_()
        consistency_loss(teacher, leaf, kind=kind).backward()
        gradients.append(leaf.grad)
    assert_close(gradients[0], gradients[1])


def test_bernoulli_kl_agrees_with_torch_distributions():
    teacher, student = random_views()
    expected = kl_divergence(Bernoulli(logits=teacher), Bernoulli(logits=student)).sum(1).mean()
    assert_close(consistency_loss(teacher, student), expected)


def test_categorical_kl_agrees_with_torch_distributions():
    teacher, student = random_views()
    expected = kl_divergence(Categorical(logits=teacher), Categorical(logits=student)).mean()
    assert_close(consistency_loss(teacher, student, kind="categorical-kl"), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_gradient_are_those_of_the_formula_in_double_precision(kind: ConsistencyKind):
    teacher, student = random_views()
    ours, theirs = student.clone().requires_grad_(), student.clone().requires_grad_()
    loss = consistency_loss(teacher, ours, kind=kind)
    expected = in_double_precision(teacher, theirs, kind).sum(1).mean()
    loss.backward()
    expected.backward()
    assert_close(loss, expected.float())
    assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@given(pair=views())
@settings(max_examples=60, deadline=None)
def test_a_distance_is_not_negative(kind: ConsistencyKind, pair: tuple[torch.Tensor, torch.Tensor]):
    # but for rounding: terms are up to 20, of 24 bits each
    assert consistency_loss(*pair, kind=kind).item() >= -1e-5


@pytest.mark.parametrize("kind", ["bernoulli-kl", "categorical-kl", "mse"])
@given(pair=views())
@settings(max_examples=30, deadline=None)
def test_equal_views_are_consistent(kind: ConsistencyKind, pair: tuple[torch.Tensor, torch.Tensor]):
    assert consistency_loss(pair[0], pair[0], kind=kind).item() == 0


# the reductions


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("joint", 0.2027325),  # (0.274653 + 0.130812) / 2
        ("mean", 0.1013662),  # 0.405465 / 4
        ("batch-sum", 0.405465),
    ],
)
def test_a_reduction_is_what_its_name_says(reduction: Reduction, expected: float):
    is_about(consistency_loss(TEACHER, STUDENT, reduction=reduction), expected)


def test_joint_is_the_default_reduction():
    is_about(consistency_loss(TEACHER, STUDENT), 0.2027325)


@pytest.mark.parametrize("kind", KINDS)
def test_joint_is_genres_times_the_mean_and_the_sum_is_films_times_joint(kind: ConsistencyKind):
    # 7 genres, 5 films
    joint, mean, total = (consistency_loss(*random_views(), kind=kind, reduction=reduction) for reduction in REDUCTIONS)
    assert_close(joint, 7 * mean)
    assert_close(total, 5 * joint)


# temperature and confidence


def test_the_temperature_sharpens_the_teacher_alone():
    # T = 1/2 doubles the teacher's logit: p = 0.9. The student stays at 3/4:
    # 0.9 ln(0.9 / 0.75) + 0.1 ln(0.1 / 0.25) = 0.072460
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_SURE, temperature=0.5), 0.072460)


def test_the_temperature_sharpens_the_softmax():
    # logits (2 ln 3, 0): (9/10, 1/10) against (3/4, 1/4), the same number
    loss = consistency_loss(TWO_GENRES_SURE, TWO_GENRES_SURE, kind="categorical-kl", temperature=0.5)
    is_about(loss, 0.072460)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mse", 0.0225),  # (0.9 - 3/4)²
        ("bce", 0.397543),  # -0.9 ln(3/4) - 0.1 ln(1/4) = 0.258914 + 0.138629
    ],
)
def test_mse_and_bce_are_against_the_sharpened_teacher(kind: ConsistencyKind, expected: float):
    is_about(consistency_loss(ONE_GENRE_SURE, ONE_GENRE_SURE, kind=kind, temperature=0.5), expected)


def test_genres_with_an_unsure_teacher_add_nothing_and_still_count_in_the_mean():
    # the second genre's teacher (3/4) is below 0.8; the first (9/10) against 1/2: 0.9 ln 1.8 + 0.1 ln 0.2 = 0.368064
    teacher = torch.tensor([[LN9, LN3]])
    is_about(consistency_loss(teacher, torch.zeros(1, 2), min_confidence=0.8), 0.368064)
    is_about(consistency_loss(teacher, torch.zeros(1, 2), min_confidence=0.8, reduction="mean"), 0.184032)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mse", 0.16),  # the second genre is masked, the first: (0.9 - 1/2)²
        ("bce", 0.693147),  # likewise: ln 2
    ],
)
def test_mse_and_bce_are_masked_by_genre(kind: ConsistencyKind, expected: float):
    is_about(consistency_loss(torch.tensor([[LN9, LN3]]), torch.zeros(1, 2), kind=kind, min_confidence=0.8), expected)


def test_categorical_kl_is_masked_by_film():
    # film 1: (9/10, 1/10) against (1/2, 1/2) is sure enough, with both its genres: 0.9 ln 1.8 + 0.1 ln 0.2 = 0.368064
    # film 2: its likeliest genre has 3/4 and adds zero; two films in the mean
    teacher = torch.tensor([[LN9, 0.0], [LN3, 0.0]])
    is_about(consistency_loss(teacher, torch.zeros(2, 2), kind="categorical-kl", min_confidence=0.8), 0.184032)


def test_a_teacher_sure_that_the_genre_is_absent_counts_as_sure():
    # p = 1/10: the same number by symmetry
    is_about(consistency_loss(torch.tensor([[-LN9]]), torch.zeros(1, 1), min_confidence=0.8), 0.368064)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_looks_at_the_teacher_before_sharpening(kind: ConsistencyKind):
    # sharpened it would be 0.9 sure (of the genre, or of the film's likeliest), unsharpened it is 3/4
    teacher = TWO_GENRES_SURE if kind == "categorical-kl" else ONE_GENRE_SURE
    assert consistency_loss(teacher, torch.zeros_like(teacher), kind=kind, temperature=0.5, min_confidence=0.8).item() == 0


@pytest.mark.parametrize(
    ("kind", "genres", "student", "expected"),
    [
        ("bernoulli-kl", 1, [[LN3]], 0.143841),  # logit 0 is exactly 1/2 sure
        ("categorical-kl", 2, [[LN3, 0.0]], 0.143841),  # two equal logits: exactly 1/2
    ],
)
def test_a_teacher_exactly_as_sure_as_asked_is_kept(kind: ConsistencyKind, genres: int, student, expected: float):
    is_about(consistency_loss(torch.zeros(1, genres), torch.tensor(student), kind=kind, min_confidence=0.5), expected)


# weights of genres


def test_weights_multiply_each_genres_term():
    # film 1: 0.130812 · 1/2 + 0.143841 · 3/2 = 0.281168; film 2: 0 + 0.130812 · 3/2 = 0.196218; their mean
    is_about(consistency_loss(TEACHER, STUDENT, weights_G=torch.tensor([0.5, 1.5])), 0.238693)


def test_a_genres_categorical_term_is_zero_only_for_equal_probabilities():
    # first genre alone, twice: 2 (3/4 ln(3/2) - 3/4 + 1/2) = 2 · 0.054099
    loss = consistency_loss(TWO_GENRES_SURE, TWO_GENRES_EVEN, kind="categorical-kl", weights_G=torch.tensor([2.0, 0.0]))
    is_about(loss, 0.108198)


@pytest.mark.parametrize("kind", ["bernoulli-kl", "categorical-kl", "mse", "bce"])
def test_equal_views_are_where_the_weighted_term_has_no_gradient(kind: ConsistencyKind):
    # what is learned stays the teacher's prediction, whatever the genres weigh
    student = TEACHER.clone().requires_grad_()
    consistency_loss(TEACHER, student, kind=kind, weights_G=torch.tensor([0.2, 1.8])).backward()
    assert student.grad is not None
    assert_close(student.grad, torch.zeros(2, 2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_one_change_nothing(kind: ConsistencyKind):
    teacher, student = random_views()
    plain = consistency_loss(teacher, student, kind=kind)
    assert_close(consistency_loss(teacher, student, kind=kind, weights_G=torch.ones(7)), plain)


@given(pair=views(), weight=st.floats(0, 4, width=32))
@settings(max_examples=60, deadline=None)
def test_a_weighted_categorical_term_is_not_negative(pair: tuple[torch.Tensor, torch.Tensor], weight: float):
    weights = torch.ones(pair[0].shape[1])
    weights[0] = weight
    assert consistency_loss(*pair, kind="categorical-kl", weights_G=weights).item() >= -1e-5


# gradients and number formats


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bernoulli-kl", -0.25),  # q - p = 1/2 - 3/4, over one film
        ("mse", -0.125),  # 2 (q - p) q (1 - q) = 2 · -1/4 · 1/4
        ("bce", -0.25),  # q - p
    ],
)
def test_the_gradient_reaches_the_student_alone(kind: ConsistencyKind, expected: float):
    teacher, student = torch.tensor([[LN3]], requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    consistency_loss(teacher, student, kind=kind).backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert_close(student.grad, torch.tensor([[expected]]))


def test_the_gradient_of_the_categorical_kl_reaches_the_student_alone():
    # q - p = (1/2, 1/2) - (3/4, 1/4)
    teacher, student = TWO_GENRES_SURE.clone().requires_grad_(), torch.zeros(1, 2, requires_grad=True)
    consistency_loss(teacher, student, kind="categorical-kl").backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert_close(student.grad, torch.tensor([[-0.25, 0.25]]))


@pytest.mark.parametrize(("teacher", "student"), [(100.0, -100.0), (-100.0, 100.0)])
def test_saturated_logits_keep_their_distance_and_gradient(teacher: float, student: float):
    # p = 1, log q = -100: the loss is 100, its gradient q - p = -1 (or 1 the other way round)
    augmented = torch.tensor([[student]], requires_grad=True)
    loss = consistency_loss(torch.tensor([[teacher]]), augmented)
    loss.backward()
    is_about(loss.detach(), 100.0)
    assert augmented.grad is not None
    assert_close(augmented.grad, torch.tensor([[math.copysign(1.0, student)]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_extreme_logits_give_a_finite_loss_and_gradient(kind: ConsistencyKind, dtype: torch.dtype, temperature: float):
    teacher = torch.tensor([[1e4, -1e4, 1e4, -1e4, 0.0, 1e4]], dtype=dtype)
    student = torch.tensor([[-1e4, 1e4, 1e4, -1e4, 1e4, 0.0]], dtype=dtype, requires_grad=True)
    weights = torch.tensor([0.1, 1.0, 2.0, 0.5, 1.0, 1.4])
    loss = consistency_loss(teacher, student, kind=kind, temperature=temperature, min_confidence=0.8, weights_G=weights)
    loss.backward()
    assert loss.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_logits_are_reduced_in_float32(kind: ConsistencyKind):
    teacher, student = (view.bfloat16() for view in random_views())
    loss = consistency_loss(teacher, student, kind=kind)
    assert loss.dtype == torch.float32
    assert_close(loss, in_double_precision(teacher, student, kind).sum(1).mean().float())


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_does_not_coarsen_the_term(kind: ConsistencyKind):
    plain = consistency_loss(*random_views(), kind=kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = consistency_loss(*random_views(), kind=kind)
    assert_close(loss, plain)


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_is_read_back_to_the_host(kind: ConsistencyKind):
    # tensors of the meta device have no values: whatever asked for one would raise
    view, weights = torch.empty(4, 3, device="meta"), torch.empty(3, device="meta")
    assert consistency_loss(view, view, kind=kind, min_confidence=0.8, weights_G=weights).is_meta


def test_a_logit_that_is_not_a_number_shows_though_it_is_masked():
    teacher = torch.tensor([[math.nan, LN9]])
    assert consistency_loss(teacher, torch.zeros(1, 2), min_confidence=0.8).isnan()


# what is refused


def test_views_of_different_shape_are_refused():
    with pytest.raises(ValueError, match=r"original and augmented logits have shapes \(2, 2\) and \(1, 2\)"):
        consistency_loss(TEACHER, STUDENT[:1])


def test_weights_that_would_only_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"genre weights have shape \(1,\); expected one for each of 2 genres"):
        consistency_loss(TEACHER, STUDENT, weights_G=torch.ones(1))
