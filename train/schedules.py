"""The two-phase protocol as a pure state machine: when to switch the consistency term off, and when to stop."""

from datasets_cache.frozen import Frozen
from train.config import Switch
from train.records import Phase


class Progress(Frozen):
    """Where a run stands after `epoch` epochs."""

    phase: Phase
    """Phase of the next epoch."""
    epoch: int = 0
    """Epochs trained."""
    best: float | None = None
    """Highest validation AP-micro so far, over both phases; None before the first epoch."""
    best_epoch: int = 0
    """Epoch that reached it first."""
    without_gain: int = 0
    """Epochs of this phase since it began or since the last gain, whichever is later."""
    reload_best: bool = False
    """Whether the best weights so far are loaded before the next epoch; only right after a switch that asks for it."""
    done: bool = False
    """Whether the run is over."""


def start(*, uda: bool) -> Progress:
    """The state before the first epoch: with UDA the run begins in its `uda` phase, else in `plain`."""
    return Progress(phase="uda" if uda else "plain")


def after_epoch(
    progress: Progress, *, validation_ap: float, patience: int, max_epochs: int, switch: Switch = "switch-off"
) -> Progress:
    """The state after one more epoch.

    A gain is a validation AP-micro above the best of the whole run: the best carries over from phase to phase. `patience`
    epochs without gain end the phase. After `plain` the run is over; what comes after `uda` is `switch`'s to say. After
    `max_epochs` epochs the run is over in whatever phase.

    Args:
        progress: state before the epoch.
        validation_ap: AP-micro on the validation split after it.
        patience: epochs without gain that end a phase.
        max_epochs: most epochs of both phases together.
        switch: `switch-off`: `plain`, with a fresh count, on the weights as they are. `reload-best-then-plain`: likewise, on
            the best weights. `never`: the run is over.
    Raises:
        ValueError: the run is already over.

    Examples:
        >>> progress = start(uda=True)
        >>> for ap in (0.50, 0.48, 0.49):
        ...     progress = after_epoch(progress, validation_ap=ap, patience=2, max_epochs=10)
        >>> progress.phase, progress.best_epoch, progress.done
        ('plain', 1, False)
    """
    if progress.done:
        msg = f"the run ended after epoch {progress.epoch}; start a new one."
        raise ValueError(msg)
    epoch = progress.epoch + 1
    gain = progress.best is None or validation_ap > progress.best
    without_gain = 0 if gain else progress.without_gain + 1
    exhausted = without_gain >= patience
    switches = exhausted and progress.phase == "uda" and switch != "never"
    done = epoch >= max_epochs or (exhausted and not switches)
    return Progress(
        phase="plain" if switches else progress.phase,
        epoch=epoch,
        best=validation_ap if gain else progress.best,
        best_epoch=epoch if gain else progress.best_epoch,
        without_gain=0 if switches else without_gain,
        reload_best=switches and not done and switch == "reload-best-then-plain",
        done=done,
    )
