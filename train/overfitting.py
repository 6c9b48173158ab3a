"""How fast a model over-fits for what it learns, from one epoch to the next."""


def ogr(before: tuple[float, float] | None, after: tuple[float, float]) -> float | None:
    """Overfitting-to-generalisation ratio |ΔO / ΔG| with O = validation loss - training loss and G = validation loss.

    Near 0, the epoch learned what holds for other films; above 1, the two losses grew apart by more than validation moved.
    It has no direction: validation may have got better or worse, which its loss tells.

    Args:
        before: (training loss, validation loss) after the earlier epoch; None where there is none.
        after: the same two after the later epoch.
    Returns:
        A ratio >= 0, or None without `before` and where the validation loss did not change.
    Source:
        Wang et al., CVPR 2020, arXiv:1905.12681.
        Deviation: there ΔG is how much the loss on the true distribution, L*, fell. Here the validation loss stands for L*,
        though the same split decides when to stop, and ΔG is how much it rose: the absolute value takes the sign away.

    Examples:
        >>> ogr((1.0, 1.0), (0.5, 0.75))  # training fell by 1/2, validation by 1/4
        1.0
        >>> ogr((1.0, 1.0), (0.75, 0.75))  # both fell alike
        0.0
    """
    if before is None:
        return None
    generalisation = after[1] - before[1]
    if generalisation == 0:
        return None
    overfitting = generalisation - (after[0] - before[0])
    return abs(overfitting / generalisation)
