"""What to say where a run's files cannot be written, whichever library writes them."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def explained(run: Path) -> Generator[None]:
    """Say plainly that a file of `run` could not be written.

    Raises:
        ValueError: names the folder, the reason, how much is free, and the cure.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        from_torch = not isinstance(error, OSError | SafetensorError)
        if from_torch and "inline_container" not in str(error):  # the file of torch's writer
            raise
        why = "torch's writer does not say why" if from_torch else str(error).partition("\n")[0]
        free = shutil.disk_usage(run).free / 2**20
        msg = (
            f"{run}: cannot be written ({why}; {free:.1f} MiB free). Every finished epoch is kept. Free some space, or see to"
            " the disk or its permissions; then run the same command again: it goes on from here."
        )
        raise ValueError(msg) from error
