"""The threshold of training signal annealing, worked by hand."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.annealing import threshold
from train.config import Annealing

KINDS: tuple[Annealing, ...] = get_args(Annealing)
share = st.floats(0, 1)


@pytest.mark.parametrize(
    ("kind", "progress", "expected"),
    [
        ("linear", 0.0, 0.5),  # 0 · 1/2 + 1/2
        ("linear", 0.5, 0.75),
        ("linear", 1.0, 1.0),
        ("exp", 0.0, 0.503369),  # e^-5 = 0.006738
        ("exp", 0.8, 0.683940),  # e^-1 = 0.367879
        ("exp", 1.0, 1.0),
        ("log", 0.0, 0.5),
        ("log", 0.2, 0.816060),  # 1 - e^-1 = 0.632121
        ("log", 1.0, 0.996631),  # 1 - e^-5 = 0.993262
    ],
)
def test_the_threshold_is_the_schedule_scaled_to_run_from_one_half(kind: Annealing, progress: float, expected: float):
    assert threshold(kind, progress=progress) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_after_the_rise_the_threshold_stays(kind: Annealing):
    assert threshold(kind, progress=3.0) == threshold(kind, progress=1.0)


@pytest.mark.parametrize("kind", KINDS)
@given(one=share, other=share)
def test_the_threshold_never_falls_and_stays_within_one_half_and_one(kind: Annealing, one: float, other: float):
    earlier, later = threshold(kind, progress=min(one, other)), threshold(kind, progress=max(one, other))
    assert 0.5 <= earlier <= later <= 1


def test_exp_holds_labels_back_longest_and_log_shortest():
    # half way: e^-2.5 = 0.082, 1/2, 1 - e^-2.5 = 0.918
    at_half = {kind: threshold(kind, progress=0.5) for kind in KINDS}
    assert at_half["exp"] < at_half["linear"] < at_half["log"]
