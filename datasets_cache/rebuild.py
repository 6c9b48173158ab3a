"""A shelf made again where it is there already: aside, shard by shard, and exchanged for the old one when it is whole."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from datasets_cache import claims
from datasets_cache.exchange import aside, exchange, finish
from datasets_cache.files import discard, make_folder
from datasets_cache.fingerprint import ShelfId
from datasets_cache.shards import OnWait
from datasets_cache.store import Cache


def make_again(
    shelf: ShelfId,
    *,
    cache: Cache,
    parents: Sequence[ShelfId],
    make: Callable[[Cache], ShelfId],
    on_wait: OnWait | None = None,
) -> ShelfId:
    """Make a published shelf again. The old one stays until the new one is whole; who has it open keeps it to the end.

    What an interrupted call has finished is kept, and the next one goes on from there. Of several at once one works and the
    others wait for it; what was made while they waited is new enough for them.

    Args:
        shelf: which.
        cache: where it is.
        parents: the shelves that it is made from.
        make: makes it in the cache that it is given, where nothing but the parents is, and gives back its name.
        on_wait: told whom it waits for.
    Returns:
        Its name, as it was.
    Raises:
        ValueError: what `make` raises, or the cache cannot be written.
    """
    asked = datetime.now(UTC)
    with claims.claim(cache.root, _lock(shelf), wait=False) as mine:
        if mine:
            return _make_again(shelf, cache, parents, make)
    if on_wait and (owner := claims.owner(cache.root, _lock(shelf))):
        on_wait(f"{shelf}: waiting for {owner}, which makes it again")
    with claims.claim(cache.root, _lock(shelf), wait=True):
        standing = cache.find(shelf)
        return shelf if standing and standing.created > asked else _make_again(shelf, cache, parents, make)


def _make_again(shelf: ShelfId, cache: Cache, parents: Sequence[ShelfId], make: Callable[[Cache], ShelfId]) -> ShelfId:
    folder = aside(cache.root, shelf)
    went_on = finish(cache.root, shelf)
    if (folder / "replaced").exists():
        discard(folder, root=cache.root)  # the exchange was done, only this was not
    if went_on:
        return shelf
    for parent in parents:
        _show(parent, cache, folder)
    made = make(Cache(folder))
    assert made == shelf, (made, shelf)
    exchange(cache.root, shelf)
    discard(folder, root=cache.root)
    return shelf


def _show(parent: ShelfId, cache: Cache, folder: Path) -> None:
    """Let the cache in `folder` see a shelf of `cache`. A relative link holds on every machine that sees the cache."""
    link = folder / "shelves" / parent
    make_folder(link.parent, root=cache.root)
    if not link.is_symlink():
        link.symlink_to(Path("..", "..", "..", "shelves", parent), target_is_directory=True)


def _lock(shelf: ShelfId) -> str:
    return f"{shelf}/rebuild"
