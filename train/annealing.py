"""Training signal annealing: the threshold above which a label does not count yet."""

import math

from train.config import Annealing

CLASSES = 2
"""K: a genre is there or not."""


def threshold(kind: Annealing, *, progress: float) -> float:
    """Probability of its own label up to which a (film, genre) pair counts in the supervised loss.

    With t the progress, a(t) rises by `linear` t, `exp` e^(5(t - 1)) or `log` 1 - e^(-5t); the threshold is
    a(t) · (1 - 1/K) + 1/K with K = 2. So it begins at chance level, 1/2 (`exp`: 0.503), and ends at 1 (`log`: 0.997). `exp`
    holds labels back longest, for models that overfit few labels quickly; `log` lets most through early.

    Args:
        kind: the shape of the rise.
        progress: share of the rise that is over, from 0; above 1 counts as 1.

    Returns:
        From 1/2 to 1.

    Source:
        Xie et al., arXiv:1904.12848, training signal annealing; their text/uda.py, `get_tsa_threshold`.
        Deviation: the paper's K exclusive classes share one softmax, and a whole example is dropped while the probability of
        its one class is above the threshold. Genres are independent: each is a two-class problem of its own, so K = 2 for every
        (film, genre) pair, and a pair is dropped alone. With K the number of genres the threshold would begin near 0 and drop
        every label that a new head predicts at 1/2. Dropping whole films would need one probability for a film's set of labels;
        their product is near 0 for many genres however well each is predicted.

    Examples:
        >>> threshold("linear", progress=0.0), threshold("linear", progress=0.5), threshold("linear", progress=1.0)
        (0.5, 0.75, 1.0)
    """
    assert progress >= 0, progress
    t = min(progress, 1.0)
    match kind:
        case "linear":
            risen = t
        case "exp":
            risen = math.exp(5 * (t - 1))
        case "log":
            risen = 1 - math.exp(-5 * t)
    return risen * (1 - 1 / CLASSES) + 1 / CLASSES
