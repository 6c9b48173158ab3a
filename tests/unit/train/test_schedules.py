import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.schedules import Progress, after_epoch, start


def walk(validation, *, uda, patience, max_epochs=50, switch="switch-off"):
    """States after each epoch, until the run is over or the numbers are."""
    states, state = [], start(uda=uda)
    for value in validation:
        state = after_epoch(state, validation_ap=value, patience=patience, max_epochs=max_epochs, switch=switch)
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


def test_a_uda_phase_that_is_never_switched_off_ends_the_run():
    # best .6 in epoch 2; 3 and 4 bring nothing: over after 4, where `switch-off` would go on
    states = walk([0.5, 0.6, 0.5, 0.5, 0.9], uda=True, patience=2, switch="never")
    assert [state.phase for state in states] == ["uda"] * 4
    assert [state.without_gain for state in states] == [0, 0, 1, 2]
    assert [state.done for state in states] == [False, False, False, True]
    assert not any(state.reload_best for state in states)
    assert states[-1].best_epoch == 2


def test_reloading_walks_the_table_of_switching_off_and_reloads_once_after_the_switch():
    # nothing in 3 and 4: switch, and epoch 5 starts from epoch 2's weights. .61 in 6 is a gain; nothing in 7 and 8: over
    validation = [0.5, 0.6, 0.5, 0.5, 0.5, 0.61, 0.6, 0.6, 0.9]
    states = walk(validation, uda=True, patience=2, switch="reload-best-then-plain")
    assert [state.reload_best for state in states] == [False, False, False, True, False, False, False, False]
    assert states[3].best_epoch == 2
    switched_off = walk(validation, uda=True, patience=2)
    assert [state.model_copy(update={"reload_best": False}) for state in states] == switched_off


def test_switching_off_never_reloads():
    assert not any(state.reload_best for state in walk([0.6, 0.5, 0.5], uda=True, patience=1))


def test_a_switch_in_the_last_epoch_has_nothing_to_reload_for():
    last = walk([0.6, 0.5], uda=True, patience=1, max_epochs=2, switch="reload-best-then-plain")[-1]
    assert (last.phase, last.done, last.reload_best) == ("plain", True, False)


@pytest.mark.parametrize("switch", ["switch-off", "never", "reload-best-then-plain"])
def test_a_run_without_uda_is_the_same_whatever_the_switch(switch):
    # best .6 in epoch 2; 3 and 4 bring nothing: over after 4, and there was nothing to switch
    states = walk([0.5, 0.6, 0.5, 0.5, 0.9], uda=False, patience=2, switch=switch)
    assert [state.without_gain for state in states] == [0, 0, 1, 2]
    assert {state.phase for state in states} == {"plain"}
    assert not any(state.reload_best for state in states)
    assert states[-1].done


def test_a_state_written_before_reloading_existed_is_still_read():
    assert Progress.model_validate({"phase": "uda", "epoch": 3, "best": 0.5, "best_epoch": 3}).reload_best is False


@given(
    st.lists(st.floats(0, 1), min_size=60, max_size=60),
    st.booleans(),
    st.integers(1, 6),
    st.integers(1, 50),
    st.sampled_from(["switch-off", "never", "reload-best-then-plain"]),
)
def test_every_run_ends_with_the_first_maximum_as_its_best(validation, uda, patience, max_epochs, switch):
    states = walk(validation, uda=uda, patience=patience, max_epochs=max_epochs, switch=switch)
    seen = validation[: len(states)]
    assert states[-1].done
    assert len(states) <= max_epochs
    assert states[-1].best_epoch == seen.index(max(seen)) + 1
    phases = [state.phase for state in states]
    assert phases == sorted(phases, reverse=True)  # never back from plain to uda
