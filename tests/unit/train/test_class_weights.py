"""Weights of rare genres, worked by hand and against a geometric sum and scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch.testing import assert_close

from train.class_weights import class_balance, positive_weights

counts = st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any)


def weights(kind, positives, films):
    genres = tuple(f"genre {number}" for number in range(len(positives)))
    return positive_weights(kind, positives_G=torch.tensor(positives), films=films, genres=genres)


def effective(beta: float, count: int) -> float:
    """The effective number as the sum that it abbreviates: 1 + β + … + β^(n-1)."""
    return sum(beta**power for power in range(count))


def test_balanced_is_films_without_the_genre_by_films_with_it():
    # of 10 films 2, 5 and 1: 8/2, 5/5, 9/1
    assert weights("balanced", [2, 5, 1], 10).tolist() == [4, 1, 9]


def test_balanced_agrees_with_scikit_learn():
    # its weights of the two classes, relative to the negative one
    labels = np.array([1] * 3 + [0] * 11)
    negative, positive = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert weights("balanced", [3], 14).item() == pytest.approx(positive / negative)


def test_inverse_frequency_is_films_by_films_with_the_genre():
    # 10/2, 10/5, 10/1
    assert weights("inverse-frequency", [2, 5, 1], 10).tolist() == [5, 2, 10]


def test_effective_number_has_a_mean_of_one():
    # 4 films: β = 3/4. 1, 2 and 4 of them: E = 1, 1.75, 2.734375; 1/E = 1, 0.571429, 0.365714, their mean 0.645714
    expected = torch.tensor([1.548673, 0.884956, 0.566372])
    assert_close(weights("effective-number", [1, 2, 4], 4), expected, atol=1e-5, rtol=0)


@given(positives=counts, others=st.integers(0, 20))
@settings(max_examples=50, deadline=None)
def test_effective_number_agrees_with_the_geometric_sum(positives: list[int], others: int):
    films = max(positives) + others
    inverse = [1 / effective((films - 1) / films, count) if count else None for count in positives]
    present = [value for value in inverse if value is not None]
    scale = len(present) / sum(present)
    expected = torch.tensor([1.0 if value is None else value * scale for value in inverse])
    assert_close(weights("effective-number", positives, films), expected)


@pytest.mark.parametrize("kind", ["balanced", "inverse-frequency", "effective-number"])
def test_a_genre_without_films_weighs_one(kind: str):
    assert weights(kind, [3, 0, 5], 10)[1].item() == 1


def test_a_genre_without_films_does_not_enter_the_mean():
    assert_close(weights("effective-number", [1, 2, 4, 0], 4)[:3], weights("effective-number", [1, 2, 4], 4))


@pytest.mark.parametrize("kind", ["balanced", "inverse-frequency"])
def test_a_genre_of_every_film_weighs_one(kind: str):
    assert weights(kind, [10, 5], 10)[0].item() == 1


@pytest.mark.parametrize("kind", ["balanced", "inverse-frequency", "effective-number"])
def test_the_rarer_genre_weighs_more(kind: str):
    frequent, rare = weights(kind, [400, 7], 1000).tolist()
    assert rare > frequent


@pytest.mark.parametrize("kind", ["balanced", "inverse-frequency", "effective-number"])
def test_a_single_film_is_enough(kind: str):
    assert weights(kind, [1, 0], 1).tolist() == [1, 1]


@pytest.mark.parametrize("kind", ["balanced", "inverse-frequency", "effective-number"])
def test_weights_are_float32_whatever_counts_the_films(kind: str):
    positives = torch.tensor([2.0, 5.0], dtype=torch.float64)
    given_as_float = positive_weights(kind, positives_G=positives, films=10, genres=("drama", "war"))
    assert given_as_float.dtype == torch.float32
    assert_close(given_as_float, weights(kind, [2, 5], 10))


def test_no_films_are_refused():
    with pytest.raises(ValueError, match="need labelled training films, got 0; take a larger sample"):
        weights("balanced", [0], 0)


def test_counts_for_other_genres_are_refused():
    with pytest.raises(ValueError, match=r"have shape \(2,\); expected one for each of 1 genres"):
        positive_weights("balanced", positives_G=torch.tensor([1, 2]), films=3, genres=("drama",))


def test_a_genre_with_more_films_than_there_are_is_named():
    with pytest.raises(ValueError, match="from 0 to the 3 of the training split, got {'war': 4}"):
        positive_weights("balanced", positives_G=torch.tensor([1, 4]), films=3, genres=("drama", "war"))


def test_class_balance_is_the_inverse_effective_number_with_a_mean_of_one():
    # β = 1/2; 1, 2 and 0 films, none counts as one: E = 1, 1.5, 1; 1/E = 1, 2/3, 1, their mean 8/9
    expected = torch.tensor([1.125, 0.75, 1.125])
    assert_close(class_balance(0.5, positives_G=torch.tensor([1, 2, 0])), expected)


def test_class_balance_near_zero_weighs_all_genres_alike():
    assert_close(class_balance(1e-6, positives_G=torch.tensor([1, 50, 900])), torch.ones(3), atol=1e-5, rtol=0)


def test_class_balance_near_one_weighs_genres_by_their_rarity():
    # 1/n = 1, 1/4, their mean 0.625
    assert_close(class_balance(0.9999999, positives_G=torch.tensor([1, 4])), torch.tensor([1.6, 0.4]), atol=1e-5, rtol=0)


@given(positives=counts, beta=st.floats(0.001, 0.999))
@settings(max_examples=50, deadline=None)
def test_class_balance_agrees_with_the_geometric_sum(positives: list[int], beta: float):
    inverse = torch.tensor([1 / effective(beta, max(1, count)) for count in positives])
    assert_close(class_balance(beta, positives_G=torch.tensor(positives)), inverse / inverse.mean())
