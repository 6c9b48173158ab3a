"""The threads in which a device's batches are translated, shared by all translators of the process."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier, Lock

import torch

BATCHES_AT_ONCE = 2
"""CUDA: while one batch is put together or its texts are, the device works on the other."""

_lock = Lock()


def slots(device: str, threads: int | None = None) -> ThreadPoolExecutor:
    """A pool that works off batches in the order in which they come; never shut it down.

    On a CPU each batch is computed by one thread alone: threads that share a batch wait for one another at every operation of
    every step, and stand still where another process has taken the place of one of them.

    Args:
        device: type of the device.
        threads: batches at once on a CPU; None: as many as torch takes threads.
    """
    at_once = BATCHES_AT_ONCE if device != "cpu" else threads or torch.get_num_threads()
    with _lock:
        return _pool(device, at_once)


@cache
def _pool(device: str, threads: int) -> ThreadPoolExecutor:
    before, ready = torch.get_num_threads(), Barrier(threads + 1)

    def start() -> None:
        torch.get_num_threads()  # takes over the default, which would else overwrite what is set next
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"marian-{device}", initializer=start)
    for _ in range(threads):
        pool.submit(int)  # each starts a thread
    ready.wait()
    torch.set_num_threads(before)  # the default of threads to come: `start` has changed it
    return pool
