"""The genre lists, in the fixed order that label vectors use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MMIMDB_GENRES = (
    "Drama", "Comedy", "Romance", "Thriller", "Crime", "Action", "Adventure", "Horror", "Documentary", "Mystery",
    "Sci-Fi", "Fantasy", "Family", "Biography", "War", "History", "Music", "Animation", "Musical", "Western", "Sport",
    "Short", "Film-Noir",
)  # fmt: skip
"""MM-IMDb's 23 genres by falling frequency (Arevalo et al., arXiv:1702.01992, table 1)."""

MMIMDB_OTHER_GENRES = ("News", "Adult", "Talk-Show", "Reality-TV")
"""Raw IMDb genres that the MM-IMDb task leaves out."""

MOVIESCOPE_GENRES = (
    "action", "animation", "biography", "comedy", "crime", "drama", "family", "fantasy", "horror", "mystery", "romance",
    "sci-fi", "thriller",
)  # fmt: skip
"""Moviescope's 13 genres, alphabetically (Cascante-Bonilla et al., arXiv:1908.03180)."""


def multi_hot(genres: Sequence[str], order: Sequence[str]) -> "NDArray[np.float32]":
    """Label vector of one film.

    Args:
        genres: the film's genres.
        order: all genres of the task, in label order.
    Returns:
        float32 [G], 1 where the film has the genre.
    Raises:
        ValueError: a genre that is not in `order`.

    Examples:
        >>> multi_hot(["Drama"], ["Comedy", "Drama", "War"])
        array([0., 1., 0.], dtype=float32)
    """
    import numpy as np  # only now: the lists above do without it

    unknown = sorted(set(genres) - set(order))
    if unknown:
        msg = f"unknown genres {unknown}; expected a subset of {list(order)}"
        raise ValueError(msg)
    return np.array([genre in genres for genre in order], dtype=np.float32)
