import math
import warnings

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from train.metrics import average_precision, scores

GENRES = ("drama", "comedy", "war")


def naive_average_precision(ranked, labels):
    """Sum of precision times the rise of recall over falling thresholds; equal scores share a threshold."""
    total, before, found = 0.0, 0, sum(labels)
    for threshold in sorted(set(ranked), reverse=True):
        chosen = [label for score, label in zip(ranked, labels, strict=True) if score >= threshold]
        hits = sum(chosen)
        total += hits / len(chosen) * (hits - before) / found
        before = hits
    return total


def test_average_precision_of_one_genre_is_the_one_worked_by_hand():
    # ranking by score: hit, miss, hit, miss: precision at the hits 1/1 and 2/3, mean 5/6
    result = average_precision([[0.9], [0.8], [0.7], [0.1]], [[1], [0], [1], [0]], genres=["drama"])
    assert result.by_genre == {"drama": pytest.approx(5 / 6)}
    assert result.macro == pytest.approx(5 / 6)
    assert result.micro == pytest.approx(5 / 6)


def test_micro_ranks_all_pairs_together_where_macro_averages_genres():
    # drama: hit .9, miss .05: AP 1. comedy: miss .15, hit .1: AP 1/2. Macro 3/4.
    # together .9 hit, .15 miss, .1 hit, .05 miss: (1/1 + 2/3) / 2 = 5/6
    result = average_precision([[0.9, 0.15], [0.05, 0.1]], [[1, 0], [0, 1]], genres=["drama", "comedy"])
    assert result.macro == pytest.approx(0.75)
    assert result.micro == pytest.approx(5 / 6)


def test_equal_scores_enter_the_ranking_together():
    # one threshold holds all four pairs, half of them hits: precision 1/2 at recall 1
    assert average_precision([[0.5]] * 4, [[1], [0], [0], [1]], genres=["drama"]).micro == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_a_naive_loop_with_ties(seed):
    rng = np.random.default_rng(seed)
    ranked = rng.integers(0, 6, (40, 3)) / 4  # many ties
    labels = rng.integers(0, 2, (40, 3))
    result = average_precision(ranked, labels, genres=GENRES)
    by_genre = [naive_average_precision(ranked[:, g].tolist(), labels[:, g].tolist()) for g in range(3)]
    assert list(result.by_genre.values()) == pytest.approx(by_genre)
    assert result.macro == pytest.approx(sum(by_genre) / 3)
    assert result.micro == pytest.approx(naive_average_precision(ranked.ravel().tolist(), labels.ravel().tolist()))


def test_a_genre_is_predicted_from_a_probability_of_one_half_on():
    # a logit of 0.25 is a probability of 0.56, one of -0.25 of 0.44: both genres of the film are told rightly
    found = scores(torch.tensor([[0.25, -0.25]]), torch.tensor([[1.0, 0.0]]), genres=["drama", "comedy"])
    assert (found.f1_micro, found.f1_macro) == (1.0, 1.0)


def test_a_genre_without_films_scores_none_and_counts_in_no_mean():
    logits = torch.tensor([[2.0, -1.0, 3.0], [-2.0, 1.0, 3.0]])
    labels = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = scores(logits, labels, genres=GENRES)
    assert result.ap_by_genre == {"drama": 1.0, "comedy": 1.0, "war": None}
    assert result.ap_macro == 1.0
    assert result.f1_macro == 1.0  # war is predicted twice and wrong, which only the micro mean sees
    assert result.f1_micro == pytest.approx(2 * 2 / (2 * 2 + 2))


def test_f1_is_the_one_worked_by_hand():
    # drama: true 1 1 0, predicted 1 0 0: TP 1 FN 1: 2/3. comedy: true 0 1 1, predicted 1 1 0: TP 1 FP 1 FN 1: 1/2.
    # Together TP 2, FP 1, FN 2: 4 / (4 + 3)
    logits = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]])
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    result = scores(logits, labels, genres=["drama", "comedy"])
    assert result.f1_macro == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result.f1_micro == pytest.approx(4 / 7)


def test_f1_macro_of_a_single_occurring_genre_looks_at_its_positives_alone():
    # TP 1, FN 1: 2/3; a mean over "has it" and "has it not" would be another number
    result = scores(torch.tensor([[1.0], [-1.0], [-1.0], [-1.0]]), torch.tensor([[1.0], [1.0], [0.0], [0.0]]), genres=["drama"])
    assert result.f1_macro == pytest.approx(2 / 3)


def test_a_genre_never_predicted_scores_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = scores(torch.full((3, 1), -1.0), torch.tensor([[1.0], [0.0], [0.0]]), genres=["drama"])
    assert (result.f1_micro, result.f1_macro) == (0.0, 0.0)


def test_probability_one_half_is_not_a_prediction():
    assert scores(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]]), genres=["drama"]).f1_micro == 0.0


def test_the_loss_is_torchs_cross_entropy():
    logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)) * 4
    labels = (torch.rand(7, 3, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).double()
    assert_close(torch.tensor(scores(logits, labels, genres=GENRES).loss, dtype=torch.float64), expected, atol=1e-6, rtol=0)


def test_the_loss_of_an_even_guess_is_ln_2_and_of_a_far_logit_stays_finite():
    even = scores(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]]), genres=["drama"])
    assert even.loss == pytest.approx(math.log(2))
    # label 1 at logit -1000: 1000 nats; label 0 at logit -1000: none; mean 500
    far = scores(torch.full((2, 1), -1000.0), torch.tensor([[1.0], [0.0]]), genres=["drama"])
    assert far.loss == pytest.approx(500.0)


def test_confident_logits_keep_their_order():
    # as float32 probabilities 20 and 30 are both 1 and would tie
    result = scores(torch.tensor([[30.0], [20.0]]), torch.tensor([[1.0], [0.0]]), genres=["drama"])
    assert result.ap_micro == 1.0


@pytest.mark.parametrize(
    ("logits", "labels", "said"),
    [
        ([[math.nan, 0.0]], [[1.0, 0.0]], "1 of 2 logits are not finite"),
        ([[0.0, 0.0]], [[0.0, 0.0]], "no genre occurs"),
        ([[0.0]], [[1.0]], "must both be"),
        ([[0.0, 1.0]], [[1.0]], "must both be"),
    ],
)
def test_scores_refuse_what_cannot_be_scored(logits, labels, said):
    with pytest.raises(ValueError, match=said):
        scores(torch.tensor(logits), torch.tensor(labels), genres=["drama", "comedy"])
