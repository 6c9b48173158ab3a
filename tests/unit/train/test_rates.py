import io

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from train.rates import Rates


def optimiser(*peaks):
    """AdamW with a group of one weight for each peak."""
    return AdamW([{"params": [nn.Parameter(torch.zeros(1))], "lr": peak} for peak in peaks], lr=1.0)


def begin(*peaks, warmup_steps=0, factor=0.5, patience=0):
    optimizer = optimiser(*peaks)
    return optimizer, Rates(optimizer, warmup_steps=warmup_steps, factor=factor, patience=patience)


def now(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def walk(rates, optimizer, steps, validation=()):
    """Rates of the steps; epochs of two steps end with the next of the validation APs."""
    seen, left = [], list(validation)
    for step in steps:
        rates.before_step(step)
        seen.append(now(optimizer))
        if step % 2 and left:
            rates.after_epoch(left.pop(0))
    return seen


def test_the_rate_rises_in_equal_parts_to_its_peak_and_stays():
    # peak 8e-4 in 4 steps: a quarter of it each
    optimizer, rates = begin(8e-4, warmup_steps=4)
    seen = [rate for (rate,) in walk(rates, optimizer, range(6))]
    assert seen == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 8e-4, 8e-4])


@pytest.mark.parametrize("warmup_steps", [3, 7, 49])
def test_the_last_step_of_the_warm_up_has_the_very_peak(warmup_steps):
    optimizer, rates = begin(5e-5, warmup_steps=warmup_steps)
    rates.before_step(warmup_steps - 1)
    assert now(optimizer) == [5e-5]


def test_each_group_warms_up_to_its_own_peak():
    optimizer, rates = begin(1e-4, 1e-2, warmup_steps=2)
    assert walk(rates, optimizer, range(3)) == [pytest.approx([5e-5, 5e-3]), [1e-4, 1e-2], [1e-4, 1e-2]]


def test_without_warm_up_the_first_step_has_the_peak():
    optimizer, rates = begin(1e-4, warmup_steps=0)
    assert walk(rates, optimizer, range(2)) == [[1e-4], [1e-4]]


def test_a_plateau_halves_all_rates_after_more_than_patience_epochs_without_gain():
    # patience 1: .5 is a gain; .4 the first without, .5 (equal: none) the second: halved. .6 a gain, .6 and .6 none: halved
    optimizer, rates = begin(1e-4, 1e-2, patience=1)
    seen = []
    for validation_ap in (0.5, 0.4, 0.5, 0.6, 0.6, 0.6):
        rates.after_epoch(validation_ap)
        seen.append(now(optimizer)[0])
    assert seen == pytest.approx([1e-4, 1e-4, 5e-5, 5e-5, 5e-5, 2.5e-5])
    assert now(optimizer) == pytest.approx([2.5e-5, 2.5e-3])


def test_the_smallest_rise_is_a_gain():
    optimizer, rates = begin(1e-4, patience=0)
    for validation_ap in (0.5, 0.5 + 1e-9, 0.5 + 2e-9):
        rates.after_epoch(validation_ap)
    assert now(optimizer) == [1e-4]


def test_rates_far_below_the_peak_keep_their_proportion():
    # 20 halvings: 1e-4 / 2^20 = 9.5e-11, whose change is far under the 1e-8 at which torch's schedule would stop
    optimizer, rates = begin(1e-4, 1e-2, patience=0)
    for _ in range(21):
        rates.after_epoch(0.5)
    assert now(optimizer) == pytest.approx([1e-4 / 2**20, 1e-2 / 2**20], rel=1e-12)


def test_an_epoch_within_the_warm_up_is_not_shown_to_the_plateau():
    # 4 steps of warm-up, 2 an epoch. Epoch 1 (.9) ends in it; epoch 2 (.5) ends it and is the plateau's first: no .9 to beat;
    # epoch 3 (.6) is a gain, epoch 4 (.6) is none: halved
    optimizer, rates = begin(8e-4, warmup_steps=4, patience=0)
    seen = [rate for (rate,) in walk(rates, optimizer, range(10), [0.9, 0.5, 0.6, 0.6])]
    assert seen == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 8e-4, 8e-4, 8e-4, 8e-4, 4e-4, 4e-4])


def test_an_epoch_in_which_the_warm_up_ends_is_shown_to_the_plateau():
    # 3 steps of warm-up: epoch 2 (.5) ends after it, so epoch 3 (.5) brings no gain: halved
    optimizer, rates = begin(6e-4, warmup_steps=3, patience=0)
    seen = [rate for (rate,) in walk(rates, optimizer, range(7), [0.9, 0.5, 0.5])]
    assert seen == pytest.approx([2e-4, 4e-4, 6e-4, 6e-4, 6e-4, 6e-4, 3e-4])


def test_patience_that_is_reset_counts_anew_and_keeps_best_and_rate():
    # patience 1: .4 is the first without gain, then reset; .4 the first again, .4 the second: halved
    optimizer, rates = begin(1e-4, patience=1)
    seen = []
    for validation_ap in (0.5, 0.4, "reset", 0.4, 0.4):
        if validation_ap == "reset":
            rates.reset_patience()
        else:
            rates.after_epoch(validation_ap)
            seen.append(now(optimizer)[0])
    assert seen == pytest.approx([1e-4, 1e-4, 1e-4, 5e-5])


def test_the_learning_rate_is_the_first_groups():
    _, rates = begin(1e-4, 1e-2, warmup_steps=2)
    rates.before_step(0)
    assert rates.learning_rate == pytest.approx(5e-5)


@pytest.mark.parametrize("stop", [2, 4, 6, 8, 10])
@pytest.mark.parametrize("optimizer_first", [True, False])
def test_a_run_continued_from_a_saved_state_has_the_rates_of_the_uninterrupted_one(stop, optimizer_first):
    # 5 steps of warm-up, 2 an epoch: it stops within the warm-up, after it, and after plateaus
    validation = [0.9, 0.8, 0.5, 0.5, 0.6, 0.5, 0.4, 0.4]
    settings = {"warmup_steps": 5, "factor": 0.5, "patience": 0}
    whole, rates = begin(1e-4, 1e-2, **settings)
    expected = walk(rates, whole, range(16), validation)
    first, rates = begin(1e-4, 1e-2, **settings)
    seen = walk(rates, first, range(stop), validation)
    file = io.BytesIO()
    torch.save({"optimizer": first.state_dict(), "rates": rates.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second, rates = begin(1e-4, 1e-2, **settings)
    parts = [(second, "optimizer"), (rates, "rates")]
    for part, name in parts if optimizer_first else reversed(parts):
        part.load_state_dict(saved[name])
    seen += walk(rates, second, range(stop, 16), validation[stop // 2 :])
    assert seen == expected
    assert len({tuple(rate) for rate in expected}) > 5  # warm-up and plateaus both moved them


def test_peaks_are_those_of_the_saved_state_even_where_the_optimiser_stood_within_its_warm_up():
    first, rates = begin(8e-4, warmup_steps=4)
    walk(rates, first, range(2))
    second = optimiser(8e-4)
    second.load_state_dict(first.state_dict())  # at 4e-4 now
    later = Rates(second, warmup_steps=4, factor=0.5, patience=0)
    later.load_state_dict(rates.state_dict())
    assert [rate for (rate,) in walk(later, second, range(2, 5))] == pytest.approx([6e-4, 8e-4, 8e-4])


def test_a_run_stopped_between_an_epochs_last_step_and_its_end_still_shows_the_epoch_to_the_plateau():
    # the warm-up ended in step 1; .5 is then the plateau's first and .5 of the next epoch no gain: halved
    first, rates = begin(8e-4, warmup_steps=2, patience=0)
    walk(rates, first, range(2))
    second, later = begin(8e-4, warmup_steps=2, patience=0)
    second.load_state_dict(first.state_dict())
    later.load_state_dict(rates.state_dict())
    later.after_epoch(0.5)
    walk(later, second, range(2, 4), [0.5])
    assert now(second) == pytest.approx([4e-4])
