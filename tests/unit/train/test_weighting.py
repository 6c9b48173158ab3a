import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.weighting import WeightState, after_epoch, ramp, start, weight_at

ADAPTIVE = {"kind": "adaptive", "target_gap": 0.1, "gain": 5.0, "smoothing": 0.5, "lowest": 0.05, "highest": 20.0}


def steer(gaps, *, weight=1.0, **changes):
    """States after each epoch of the given gaps."""
    states, state = [], start(weight)
    for gap in gaps:
        state = after_epoch(state, gap=gap, **(ADAPTIVE | changes))
        states.append(state)
    return states


def close_the_loop(*, undamped_gap, effect, epochs, weight=1.0, **changes):
    """States where λ acts on the gap of the next epoch: gap = undamped_gap - effect · log λ."""
    states, state = [], start(weight)
    for _ in range(epochs):
        gap = undamped_gap - effect * math.log(state.weight)
        state = after_epoch(state, gap=gap, **(ADAPTIVE | changes))
        states.append(state)
    return states


# at t = 0, 1/4, 1/2, 1. cosine: (1 - cos 45°) / 2 = (1 - .7071) / 2 = .1464. sigmoid: exp(-5) = .00674,
# exp(-5 · 9/16) = exp(-2.8125) = .06005, exp(-5/4) = .28650; down at 1/4: exp(-5/16) = .73162, at 1 the stated exact 0
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("adaptive", [1.0, 1.0, 1.0, 1.0]),
        ("linear-up", [0.0, 0.25, 0.5, 1.0]),
        ("linear-down", [1.0, 0.75, 0.5, 0.0]),
        ("cosine-up", [0.0, 0.1464, 0.5, 1.0]),
        ("cosine-down", [1.0, 0.8536, 0.5, 0.0]),
        ("sigmoid-up", [0.00674, 0.06005, 0.28650, 1.0]),
        ("sigmoid-down", [1.0, 0.73162, 0.28650, 0.0]),
    ],
)
def test_a_ramp_has_the_values_worked_by_hand(kind, expected):
    assert [ramp(kind, progress=t) for t in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("kind", ["linear-down", "cosine-down", "sigmoid-down"])
def test_every_ramp_down_ends_with_the_term_off(kind):
    assert ramp(kind, progress=1.0) == 0.0
    assert ramp(kind, progress=7.5) == 0.0


@pytest.mark.parametrize("kind", ["linear-up", "cosine-up", "sigmoid-up"])
def test_every_ramp_up_ends_at_the_full_weight_and_stays(kind):
    assert ramp(kind, progress=1.0) == 1.0
    assert ramp(kind, progress=7.5) == 1.0


def test_a_sigmoid_ramp_down_approaches_exp_of_minus_five_before_it_is_off():
    assert ramp("sigmoid-down", progress=0.999999) == pytest.approx(math.exp(-5), rel=1e-4)


@given(st.sampled_from(["linear", "cosine", "sigmoid"]), st.floats(0.001, 0.999))
def test_a_ramp_down_is_the_ramp_up_mirrored_in_time(shape, t):
    assert ramp(f"{shape}-down", progress=t) == pytest.approx(ramp(f"{shape}-up", progress=1 - t), abs=1e-12)


@given(st.sampled_from(["linear", "cosine", "sigmoid"]), st.floats(-1, 2), st.floats(-1, 2))
def test_ramps_never_turn_back_and_stay_between_0_and_1(shape, first, second):
    earlier, later = sorted((first, second))
    assert 0 <= ramp(f"{shape}-up", progress=earlier) <= ramp(f"{shape}-up", progress=later) <= 1
    assert 1 >= ramp(f"{shape}-down", progress=earlier) >= ramp(f"{shape}-down", progress=later) >= 0


def test_the_weight_of_a_step_is_the_ramps_share_of_the_whole():
    # 3 epochs of 40 steps, of a ramp of 5 epochs, and 20 steps more: t = 3.5 / 5 = .7; λ = 8 · .7
    assert weight_at(start(8.0), kind="linear-up", progress=(3 + 20 / 40) / 5) == pytest.approx(5.6)


def test_an_adaptive_weight_has_the_values_worked_by_hand():
    # epoch 1: smoothed = .3, λ = 2 · exp(5 · (.3 - .1)) = 2e = 5.4366
    # epoch 2: smoothed = .5 · .3 + .5 · 0 = .15, λ = 2e · exp(5 · .05) = 2 exp(1.25) = 6.9807
    # epoch 3: smoothed = .5 · .15 + .5 · (-.05) = .05, λ = 2 exp(1.25 - .25) = 2e
    states = steer([0.3, 0.0, -0.05], weight=2.0)
    assert [state.smoothed_gap for state in states] == pytest.approx([0.3, 0.15, 0.05])
    assert [state.weight for state in states] == pytest.approx([5.4366, 6.9807, 5.4366], abs=1e-4)


def test_without_smoothing_each_gap_counts_as_it_is():
    # exp(5 · .2) · exp(5 · -.1) = exp(.5)
    assert steer([0.3, 0.0], smoothing=0.0)[-1].weight == pytest.approx(1.6487, abs=1e-4)


def test_an_adaptive_weight_rests_where_the_gap_is_at_its_target():
    assert [state.weight for state in steer([0.1, 0.1, 0.1])] == pytest.approx([1.0, 1.0, 1.0])


def test_overfitting_raises_the_weight_to_its_bound_and_no_further():
    weights = [state.weight for state in steer([0.4] * 10)]  # a factor of exp(1.5) = 4.48 an epoch: 1, 4.48, 20
    assert weights[0] == pytest.approx(math.exp(1.5))
    assert set(weights[1:]) == {20.0}


def test_underfitting_lowers_the_weight_to_its_bound_and_no_further():
    weights = [state.weight for state in steer([-0.2] * 10)]  # a factor of exp(-1.5) = .223: 1, .223, .05
    assert weights[0] == pytest.approx(math.exp(-1.5))
    assert set(weights[1:]) == {0.05}


def test_a_weight_at_its_bound_turns_back_without_delay():
    # ten epochs at the bound; then without smoothing a gap of 0 lowers λ at once by exp(-.5): 20 · .60653
    assert steer([0.4] * 10 + [0.0], smoothing=0.0)[-1].weight == pytest.approx(12.1306, abs=1e-4)


def test_a_weight_of_zero_comes_to_the_lowest():
    assert steer([0.3], weight=0.0)[-1].weight == 0.05


def test_a_gain_beyond_all_measure_is_held_by_the_bounds():
    assert steer([0.9], gain=1e6)[-1].weight == 20.0
    assert steer([-0.9], gain=1e6)[-1].weight == 0.05


@pytest.mark.parametrize("weight", [0.1, 1.0, 15.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.8])
def test_the_controller_brings_a_model_that_answers_to_the_logarithm_to_the_target(weight, smoothing):
    # gap = .3 - .1 log λ is .1 where log λ = 2: λ = e² = 7.3891
    states = close_the_loop(undamped_gap=0.3, effect=0.1, epochs=120, weight=weight, smoothing=smoothing)
    assert states[-1].weight == pytest.approx(math.e**2, rel=1e-4)
    assert states[-1].smoothed_gap == pytest.approx(0.1, abs=1e-5)


def test_a_model_that_overfits_beyond_the_controllers_reach_leaves_it_at_the_bound():
    # .6 - .1 log 20 = .3 is still above the target
    assert close_the_loop(undamped_gap=0.6, effect=0.1, epochs=20)[-1].weight == 20.0


def test_a_gain_within_the_stated_limit_settles_and_one_beyond_it_swings():
    # smoothing 0: gain · effect must be below 2. With effect .1 a gain of 18 settles, on log λ = (.2 - .1) / .1 = 1;
    # one of 22 does not
    settled = close_the_loop(undamped_gap=0.2, effect=0.1, epochs=120, smoothing=0.0, gain=18.0, weight=2.0)
    assert settled[-1].weight == pytest.approx(math.e, rel=1e-4)
    swinging = [
        state.weight for state in close_the_loop(undamped_gap=0.2, effect=0.1, epochs=120, smoothing=0.0, gain=22.0, weight=2.0)
    ]
    assert max(swinging[-2:]) > 2 * min(swinging[-2:])
    assert all(0.05 <= weight <= 20.0 for weight in swinging)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=30),
    st.floats(0, 100),
    st.floats(0.01, 1e4),
    st.floats(0, 0.99),
)
def test_an_adaptive_weight_never_leaves_its_bounds(gaps, weight, gain, smoothing):
    for state in steer(gaps, weight=weight, gain=gain, smoothing=smoothing):
        assert 0.05 <= state.weight <= 20.0


@pytest.mark.parametrize(
    "kind", ["constant", "linear-up", "sigmoid-up", "cosine-up", "linear-down", "sigmoid-down", "cosine-down"]
)
def test_only_an_adaptive_weight_is_changed_by_an_epoch(kind):
    assert steer([0.9, 0.9], weight=3.0, kind=kind)[-1] == WeightState(weight=3.0, smoothed_gap=None)


def test_bounds_that_are_swapped_are_refused():
    with pytest.raises(ValueError, match="lowest must not be above highest"):
        steer([0.1], lowest=2.0, highest=1.0)


def test_a_state_survives_being_written_and_read():
    state = steer([0.3, 0.0])[-1]
    assert WeightState.model_validate_json(state.model_dump_json()) == state
