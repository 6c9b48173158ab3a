import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.schedules import after_epoch, start


def walk(validation, *, uda, patience, max_epochs=50):
    """States after each epoch, until the run is over or the numbers are."""
    states, state = [], start(uda=uda)
    for value in validation:
        state = after_epoch(state, validation_ap=value, patience=patience, max_epochs=max_epochs)
        states.append(state)
        if state.done:
            break
    return states


def test_a_plain_run_stops_after_patience_epochs_without_gain():
    # best .6 in epoch 2; epochs 3 and 4 bring nothing: over after 4
    states = walk([0.5, 0.6, 0.6, 0.59, 0.9], uda=False, patience=2)
    assert [state.without_gain for state in states] == [0, 0, 1, 2]
    assert [state.done for state in states] == [False, False, False, True]
    assert (states[-1].best, states[-1].best_epoch) == (0.6, 2)
    assert {state.phase for state in states} == {"plain"}


def test_uda_switches_to_plain_and_stops_in_the_second_phase():
    # uda: best .6 in epoch 2, nothing in 3 and 4: plain from 5 on. .61 in 6 is a gain; nothing in 7 and 8: over after 8
    states = walk([0.5, 0.6, 0.5, 0.5, 0.5, 0.61, 0.6, 0.6, 0.9], uda=True, patience=2)
    assert [state.phase for state in states] == ["uda", "uda", "uda", "plain", "plain", "plain", "plain", "plain"]
    assert [state.without_gain for state in states] == [0, 0, 1, 0, 1, 0, 1, 2]
    assert [state.done for state in states] == [False] * 7 + [True]
    assert (states[-1].best, states[-1].best_epoch) == (0.61, 6)


def test_the_best_carries_over_the_switch():
    # plain reaches .55, below uda's .6: no gain, so the tested weights stay epoch 1's
    states = walk([0.6, 0.5, 0.5, 0.55], uda=True, patience=1)
    assert [state.phase for state in states] == ["uda", "plain", "plain"]
    assert states[-1].done
    assert states[-1].best_epoch == 1


def test_the_epoch_limit_ends_a_run_in_its_first_phase():
    states = walk([0.1, 0.2, 0.3, 0.4], uda=True, patience=5, max_epochs=3)
    assert [(state.epoch, state.phase, state.done) for state in states] == [
        (1, "uda", False),
        (2, "uda", False),
        (3, "uda", True),
    ]


def test_the_epoch_limit_counts_both_phases_together():
    states = walk([0.5, 0.4, 0.6, 0.7, 0.8], uda=True, patience=1, max_epochs=4)
    assert [state.phase for state in states] == ["uda", "plain", "plain", "plain"]
    assert states[-1].done
    assert states[-1].best_epoch == 4


def test_an_equal_value_is_no_gain():
    assert walk([0.5, 0.5], uda=False, patience=1)[-1].done


def test_a_first_value_of_zero_is_a_gain():
    state = walk([0.0], uda=False, patience=1)[-1]
    assert (state.best, state.best_epoch, state.done) == (0.0, 1, False)


def test_a_finished_run_takes_no_further_epoch():
    over = walk([0.5], uda=False, patience=1, max_epochs=1)[-1]
    with pytest.raises(ValueError, match="ended after epoch 1"):
        after_epoch(over, validation_ap=0.9, patience=1, max_epochs=9)


@given(st.lists(st.floats(0, 1), min_size=60, max_size=60), st.booleans(), st.integers(1, 6), st.integers(1, 50))
def test_every_run_ends_with_the_first_maximum_as_its_best(validation, uda, patience, max_epochs):
    states = walk(validation, uda=uda, patience=patience, max_epochs=max_epochs)
    seen = validation[: len(states)]
    assert states[-1].done
    assert len(states) <= max_epochs
    assert states[-1].best_epoch == seen.index(max(seen)) + 1
    phases = [state.phase for state in states]
    assert phases == sorted(phases, reverse=True)  # never back from plain to uda
