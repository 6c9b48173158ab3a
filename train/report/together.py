"""Which genres come together: of the films of one genre, the share that also have another.

Shape legend: F films, G genres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets_cache.genres import multi_hot

MOST_GENRES = 40
"""Genres of the table; of more, the commonest."""
ENOUGH_FILMS = 5
"""Films of a genre from which its shares are worth a sentence."""


@dataclass(frozen=True, slots=True)
class GenreRow:
    """One genre and its companions."""

    genre: str
    films: int
    """Films that have it."""
    alone: float | None
    """Share of them that have no other genre; None without a film."""
    shares: tuple[float | None, ...]
    """Share of them that have each genre of the table too; None for the genre itself and without a film."""


@dataclass(frozen=True, slots=True)
class Together:
    """The table: rows and columns are the same genres, commonest first."""

    rows: tuple[GenreRow, ...]
    left_out: int
    """Genres that have no row because there are more than `MOST_GENRES`."""

    @property
    def strongest(self) -> tuple[GenreRow, str, float] | None:
        """Row, column and share of the pair that comes together most often, among genres of at least `ENOUGH_FILMS` films."""
        genres = [row.genre for row in self.rows]
        found = [
            (row, genre, share)
            for row in self.rows
            if row.films >= ENOUGH_FILMS
            for genre, share in zip(genres, row.shares, strict=True)
            if share
        ]
        return max(found, key=lambda one: one[2], default=None)


def together(films: Sequence[Sequence[str]], genres: Sequence[str]) -> Together:
    """Count which genres come together.

    Args:
        films: genres of each film.
        genres: of the task, in label order.
    """
    labels_FG = np.stack([multi_hot(found, genres) for found in films]).astype(np.int64)
    both_GG = labels_FG.T @ labels_FG
    films_G = np.diagonal(both_GG)
    alone_G = labels_FG[labels_FG.sum(axis=1) == 1].sum(axis=0)
    order: list[int] = np.argsort(-films_G, kind="stable")[:MOST_GENRES].tolist()
    rows = tuple(
        GenreRow(
            genre=genres[one],
            films=int(films_G[one]),
            alone=float(alone_G[one] / films_G[one]) if films_G[one] else None,
            shares=tuple(
                float(both_GG[one, two] / films_G[one]) if films_G[one] and one != two else None for two in order
            ),
        )
        for one in order
    )  # fmt: skip
    return Together(rows, len(genres) - len(order))
