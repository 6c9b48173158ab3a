"""The learning rates of a run: a linear warm-up step by step, then a plateau schedule epoch by epoch."""

from typing import Any

from torch.optim import AdamW
from torch.optim.lr_scheduler import ReduceLROnPlateau


class Rates:
    """Moves the rates of an optimiser's groups; each has its own peak, and they stay in proportion.

    Examples:
        >>> import torch
        >>> optimizer = AdamW([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> rates = Rates(optimizer, warmup_steps=2, factor=0.5, patience=0)
        >>> rates.before_step(0)
        >>> rates.learning_rate  # after one of two steps of the warm-up
        0.05
    """

    def __init__(self, optimizer: AdamW, *, warmup_steps: int, factor: float, patience: int) -> None:
        """Take the groups' present rates as their peaks.

        Args:
            optimizer: fresh, its rates changed in place from now on.
            warmup_steps: steps until the peak; 0 starts there.
            factor: the rates are multiplied by it on a plateau.
            patience: epochs without gain that are let pass before that; any rise is a gain, as in stopping.
        """
        assert warmup_steps >= 0
        self._optimizer = optimizer
        self._warmup_steps = warmup_steps
        self._peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self._steps = 0
        # eps 0: a group of small rate would stay behind the others in late reductions
        self._plateau = ReduceLROnPlateau(optimizer, mode="max", factor=factor, patience=patience, threshold=0.0, eps=0.0)

    @property
    def learning_rate(self) -> float:
        """Of the first group, as it stands."""
        return float(self._optimizer.param_groups[0]["lr"])

    def before_step(self, step: int) -> None:
        """Set the rates of a step: while warming up, peak · (step + 1) / `warmup_steps`; after that they are the plateau's.

        Args:
            step: optimiser steps that the run has taken before it.
        """
        self._steps = step + 1
        if step < self._warmup_steps:
            for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
                group["lr"] = peak * ((step + 1) / self._warmup_steps)  # the last is the peak itself

    def after_epoch(self, validation_ap: float) -> None:
        """Let the plateau schedule see an epoch's validation AP-micro; one that ends within the warm-up is not shown to it."""
        if self._steps >= self._warmup_steps:
            self._plateau.step(validation_ap)

    def reset_patience(self) -> None:
        """Give the plateau schedule its full patience again; rates and best stay."""
        self._plateau.num_bad_epochs = 0

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists of them; the rates as they stand are in the optimiser's own state."""
        return {"peaks": list(self._peaks), "steps": self._steps, "plateau": self._plateau.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, beside an optimiser whose state was loaded too, before or after."""
        self._peaks = list(state["peaks"])
        self._steps = int(state["steps"])
        self._plateau.load_state_dict(state["plateau"])
