"""How a long step tells how far it is, without knowing who listens."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable and passes its items through while showing progress (the shape of ``tqdm``)."""

    def __call__(self, items: Iterable[T], /, *, total: int, title: str, unit: str = "films") -> Iterable[T]:
        """Yield `items` unchanged; `total` is how many are expected."""
        ...


def untracked(items: Iterable[T], /, *, total: int, title: str, unit: str = "films") -> Iterable[T]:  # noqa: ARG001
    """Show nothing: the default of every function that takes a `track`."""
    return items
