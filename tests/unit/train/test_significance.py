"""The paired bootstrap over test films."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from train.significance import average_precision, paired_bootstrap, rank


def systems(*, films=60, genres=3, seed=0, better=0.0):
    """Labels, and two systems that know something of them; the second `better` times more."""
    draw = np.random.default_rng(seed)
    labels = draw.random((films, genres)) < 0.3
    labels[0] = True  # each genre has a film
    one, two = (draw.normal(size=labels.shape) + gain * labels for gain in (1.0, 1.0 + better))
    return one, two, labels


def test_average_precision_with_a_film_counted_twice_is_the_one_worked_by_hand():
    # ranking film 2 (no), film 0 (yes), film 1 (yes), weights 1 2 1: precision 2/3 at gain 2/3, 3/4 at gain 1/3: 25/36
    ranking = rank(np.array([[0.5], [0.2], [0.9]]), np.array([[True], [True], [False]]))
    assert average_precision(ranking, np.array([[2, 1, 1]], dtype=np.int32)) == pytest.approx([25 / 36])


@given(st.integers(0, 10_000), st.integers(1, 4), st.booleans())
def test_weighted_average_precision_is_scikit_learns_ties_included(seed, genres, tied):
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, 4, (12, genres)).astype(float) if tied else draw.normal(size=(12, genres))
    labels = draw.random((12, genres)) < 0.4
    labels[0] = True
    weights = draw.integers(0, 3, (5, 12)).astype(np.int32)
    weights[:, 0] = 1  # at least one labelled pair counts
    expected = [
        average_precision_score(labels.ravel(), scores.ravel(), sample_weight=np.repeat(row, genres)) for row in weights
    ]
    assert average_precision(rank(scores, labels), weights) == pytest.approx(expected, abs=1e-12)


def test_a_weight_is_a_film_that_is_there_so_many_times():
    one, _, labels = systems(films=20)
    drawn = np.random.default_rng(3).integers(20, size=20)
    explicit = average_precision_score(labels[drawn].ravel(), one[drawn].ravel())
    weights = np.bincount(drawn, minlength=20)[None].astype(np.int32)
    assert average_precision(rank(one, labels), weights) == pytest.approx([explicit])


def test_without_a_labelled_film_there_is_no_average_precision():
    ranking = rank(np.array([[0.5], [0.2]]), np.array([[True], [False]]))
    assert np.isnan(average_precision(ranking, np.array([[0, 2]], dtype=np.int32))).all()
    assert np.isnan(average_precision(rank(np.zeros((2, 1)), np.zeros((2, 1), bool)), np.ones((1, 2), np.int32))).all()


def test_interval_and_p_are_those_of_a_naive_bootstrap_over_the_same_films():
    first = systems(seed=1, better=0.4)
    base, other, labels = [first[0], first[0] + 0.1 * first[1]], [first[1], first[1] - 0.1 * first[0]], first[2]
    found = paired_bootstrap(base, other, labels, resamples=200, rng=np.random.default_rng(7))
    rng, naive = np.random.default_rng(7), []
    for _ in range(200):
        drawn = rng.integers(len(labels), size=len(labels))
        scored = [
            [average_precision_score(labels[drawn].ravel(), scores[drawn].ravel()) for scores in system]
            for system in (base, other)
        ]
        naive.append(np.mean(scored[1]) - np.mean(scored[0]))
    assert (found.micro.low, found.micro.high) == pytest.approx(tuple(np.percentile(naive, (2.5, 97.5))))
    rarer = min(np.sum(np.array(naive) <= 0), np.sum(np.array(naive) >= 0))
    assert found.micro.p == pytest.approx(2 * (rarer + 1) / 201)


def test_macro_is_the_mean_over_the_genres_that_occur():
    one, two, labels = systems()
    labels[:, 2] = False
    found = paired_bootstrap([one], [two], labels, resamples=100, rng=np.random.default_rng(0))
    expected = [
        average_precision_score(labels[:, g], two[:, g]) - average_precision_score(labels[:, g], one[:, g]) for g in (0, 1)
    ]
    assert found.macro.observed == pytest.approx(np.mean(expected))
    assert [genre and pytest.approx(genre.observed) for genre in found.by_genre] == [*expected, None]


def test_two_equal_systems_differ_by_nothing():
    one, _, labels = systems()
    found = paired_bootstrap([one], [one.copy()], labels, resamples=100, rng=np.random.default_rng(0))
    assert found.micro == (0.0, 0.0, 0.0, 1.0)


def test_a_perfect_system_beside_one_that_guesses_is_beyond_noise():
    # every resample favours it: 2 · (0 + 1) / (100 + 1)
    one, _, labels = systems()
    found = paired_bootstrap([0 * one], [labels.astype(float)], labels, resamples=100, rng=np.random.default_rng(0))
    assert found.micro.low > 0
    assert found.micro.p == pytest.approx(2 / 101)


def test_swapping_the_systems_swaps_the_signs():
    one, two, labels = systems(better=0.2)
    there, back = (
        paired_bootstrap([first], [second], labels, resamples=100, rng=np.random.default_rng(5)).micro
        for first, second in ((one, two), (two, one))
    )
    assert there == pytest.approx((-back.observed, -back.high, -back.low, back.p))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    # two systems of one kind: the true difference is 0; 60 draws of 80 films, of which 95 % should hold it (57 ± 1.7)
    held = 0
    for seed in range(60):
        one, two, labels = systems(films=80, seed=seed)
        micro = paired_bootstrap([one], [two], labels, resamples=200, rng=np.random.default_rng(seed)).micro
        held += micro.low <= 0 <= micro.high
    assert 51 <= held <= 60


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base": []}, "0 and 1 seeds"),
        ({"base": [np.zeros((59, 3))]}, "of the same films"),
        ({"resamples": 10}, "too few"),
        ({"labels_FG": np.zeros((60, 3), bool)}, "no genre occurs"),
    ],
)
def test_what_cannot_be_compared_is_named(change, said):
    one, two, labels = systems()
    given = {"base": [one], "other": [two], "labels_FG": labels, "resamples": 100, "rng": np.random.default_rng(0)} | change
    with pytest.raises(ValueError, match=said):
        paired_bootstrap(**given)
