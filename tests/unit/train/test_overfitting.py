import pytest

from train.overfitting import ogr


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # O .1 -> .2, G .6 -> .5: .1 / -.1
        ((0.5, 0.6), (0.3, 0.5), 1.0),
        # both fall alike: O .1 -> .1
        ((0.5, 0.6), (0.3, 0.4), 0.0),
        # O .1 -> .25, G .6 -> .55: .15 / -.05
        ((0.5, 0.6), (0.3, 0.55), 3.0),
        # validation gets worse: O .2 -> .5, G .5 -> .6: .3 / .1
        ((0.3, 0.5), (0.1, 0.6), 3.0),
        # O falls: .3 -> .25, G .6 -> .5: -.05 / -.1
        ((0.3, 0.6), (0.25, 0.5), 0.5),
    ],
)
def test_the_ratio_is_worked_by_hand(before, after, expected):
    assert ogr(before, after) == pytest.approx(expected)


def test_the_first_epoch_has_no_ratio():
    assert ogr(None, (0.5, 0.6)) is None


def test_a_validation_loss_that_stays_has_no_ratio():
    assert ogr((0.5, 0.6), (0.3, 0.6)) is None


def test_going_back_gives_the_ratio_of_going_there():
    assert ogr((0.3, 0.55), (0.5, 0.6)) == pytest.approx(3.0)
