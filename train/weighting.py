"""λ, the factor of the consistency term, over the epochs of the `uda` phase: constant, ramps, and a controller.

Pure functions on a small state, which a checkpoint holds.
"""

import math

from datasets_cache.frozen import Frozen
from train.config import WeightKind


class WeightState(Frozen):
    """What λ is made of, between two epochs."""

    weight: float
    """λ before any ramp; only `adaptive` changes it."""
    smoothed_gap: float | None = None
    """`adaptive`: the gap it was last steered by; None before the first epoch, and for the other kinds."""


def start(weight: float) -> WeightState:
    """The state before the first epoch."""
    return WeightState(weight=weight)


def ramp(kind: WeightKind, *, progress: float) -> float:
    """Share of the full λ, 0 to 1.

    With t = `progress` clamped to 0 ... 1, each `down` is its `up` mirrored in time, t for 1 - t:

    - `constant`, `adaptive`: 1.
    - `linear-up`: t, from 0 to 1. `linear-down`: 1 - t, from 1 to 0.
    - `cosine-up`: (1 - cos πt) / 2, from 0 to 1. `cosine-down`: (1 + cos πt) / 2, from 1 to 0.
    - `sigmoid-up`: exp(-5(1 - t)²), from exp(-5) = 0.0067 to 1. `sigmoid-down`: exp(-5t²), from 1 towards 0.0067, and exactly 0
      once t = 1, so that every `down` ends with the term off.

    Args:
        kind: shape and direction.
        progress: epochs trained in the `uda` phase, steps as fractions, by the epochs that the ramp takes.
    Source:
        `sigmoid-up`: Laine and Aila, arXiv:1610.02242, and Tarvainen and Valpola (Mean Teacher), arXiv:1703.01780, who ramp the
        consistency term's weight by it.
        Deviation: those papers never lower that weight. Their exp(-12.5t²) lowers the learning rate; `sigmoid-down` is ours.

    Examples:
        >>> ramp("linear-up", progress=0.25), ramp("linear-down", progress=0.25)
        (0.25, 0.75)
        >>> round(ramp("sigmoid-up", progress=0.0), 4)
        0.0067
    """
    t = min(max(progress, 0.0), 1.0)
    match kind:
        case "constant" | "adaptive":
            return 1.0
        case "linear-up":
            return t
        case "linear-down":
            return 1.0 - t
        case "cosine-up":
            return 0.5 * (1.0 - math.cos(math.pi * t))
        case "cosine-down":
            return 0.5 * (1.0 + math.cos(math.pi * t))
        case "sigmoid-up":
            return math.exp(-5.0 * (1.0 - t) ** 2)
        case "sigmoid-down":
            return math.exp(-5.0 * t**2) if t < 1.0 else 0.0


def weight_at(state: WeightState, *, kind: WeightKind, progress: float) -> float:
    """λ of a step; `progress` as in `ramp`.

    Examples:
        >>> weight_at(start(2.0), kind="linear-up", progress=0.5)
        1.0
    """
    return state.weight * ramp(kind, progress=progress)


def after_epoch(
    state: WeightState,
    *,
    kind: WeightKind,
    gap: float,
    target_gap: float,
    gain: float,
    smoothing: float,
    lowest: float,
    highest: float,
) -> WeightState:
    """The state after an epoch of the `uda` phase. `adaptive` steers λ so that the gap comes to its target; others stay.

    smoothed = `smoothing` · smoothed + (1 - `smoothing`) · gap  (in the first epoch: gap)
    λ = λ · exp(`gain` · (smoothed - `target_gap`)), held between `lowest` and `highest`

    Over-fitting, a gap above the target, raises λ; under-fitting lowers it. This is an integral controller of log λ: it rests
    only where the gap is at its target, and λ itself is what it accumulates, so that time spent at a bound is not made up for
    afterwards. The factor, not the sum, is what moves: λ matters by its order of magnitude, which depends on the reduction of
    the consistency term; so one `gain` serves all reductions (the bounds do not), and λ stays above 0.

    It reads the training and the validation split and never the test split. Validation is thereby used once more, beside
    stopping and the plateau: another reason to report the test AP.

    If the gap falls by c where λ grows by the factor e, the steering settles for
    `gain` · c < 2 (1 + `smoothing`) / (1 - `smoothing`), and swings between the bounds beyond that. In the first epochs the
    training AP, from steps of a model that is still learning, lags behind validation: a negative gap, which lowers λ.

    Args:
        state: before the epoch.
        kind: kinds other than `adaptive` return `state` as it is.
        gap: training minus validation AP-micro after the epoch, as a fraction of 1; the training AP is that of the steps' own
            logits.
        target_gap: gap that is steered to.
        gain: strength, per unit of gap.
        smoothing: share of the earlier smoothed gap, 0 to below 1.
        lowest: λ after this epoch is not below it; the first epoch's is what `start` was given.
        highest: λ after this epoch is not above it.
    Raises:
        ValueError: `lowest` is above `highest`.
    Source: ours.

    Examples:
        >>> steering = {"target_gap": 0.1, "gain": 5.0, "smoothing": 0.0, "lowest": 0.05, "highest": 20.0}
        >>> after = after_epoch(start(1.0), kind="adaptive", gap=0.3, **steering)  # e to the power of 5 · 0.2
        >>> round(after.weight, 3)
        2.718
    """
    if kind != "adaptive":
        return state
    if lowest > highest:
        msg = f"an adaptive weight from lowest={lowest:g} to highest={highest:g}: lowest must not be above highest; swap them."
        raise ValueError(msg)
    earlier = gap if state.smoothed_gap is None else state.smoothed_gap
    smoothed = smoothing * earlier + (1.0 - smoothing) * gap
    factor = math.exp(min(gain * (smoothed - target_gap), 700.0))  # beyond, exp overflows; λ is at `highest` long before
    return WeightState(weight=min(max(state.weight * factor, lowest), highest), smoothed_gap=smoothed)
