"""Several threads on one shelf, and one stream of their progress."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from queue import SimpleQueue
from threading import Event

from augment.text.pool import Tick
from datasets_cache.shards import Build, OnWait


class _StoppedError(Exception):
    """Another worker failed, or nobody listens any more."""


def ticking(
    build: Build,
    missing: Sequence[int],
    make: Callable[[int, Tick], None],
    *,
    workers: int,
    on_wait: OnWait | None = None,
) -> Iterator[None]:
    """Make the `missing` shards of `build` in `workers` threads; yields once for each tick.

    Raises:
        Exception: what `make` raised first; the other threads stop at their next tick, finished shards stay.
    """
    told = SimpleQueue[int | None]()
    stop = Event()

    def tick(sentences: int) -> None:
        if stop.is_set():
            raise _StoppedError
        told.put(sentences)

    def work() -> None:
        try:
            for number in build.claimed(missing, on_wait=on_wait, stopped=stop.is_set):
                make(number, tick)
        except BaseException:
            stop.set()
            raise
        finally:
            told.put(None)

    with ThreadPoolExecutor(workers, thread_name_prefix="shards") as pool:
        running = [pool.submit(work) for _ in range(workers)]
        try:
            for _ in running:
                while (sentences := told.get()) is not None:
                    yield from repeat(None, sentences)
        finally:
            stop.set()
        failed = [error for future in running if (error := future.exception())]
    for error in sorted(failed, key=lambda error: isinstance(error, _StoppedError)):
        raise error
