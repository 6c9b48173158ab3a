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
    except Exception as error:
        why = _why(error)
        if why is None:
            raise
        free = shutil.disk_usage(run).free / 2**20
        msg = (
            f"{run}: cannot be written ({why}; {free:.1f} MiB free). Every finished epoch is kept. Free some space, or see to"
            " the disk or its permissions; then run the same command again: it goes on from here."
        )
        raise ValueError(msg) from error


def _why(error: Exception) -> str | None:
    """What a library says of a file that it could not write; None for an error of another kind."""
    said = str(error)
    if isinstance(error, OSError | SafetensorError):
        return said.partition("\n")[0]
    if isinstance(error, RuntimeError) and "inline_container" in said:  # the file of torch's writer
        return "torch's writer does not say why"
    if type(error) is Exception and "(os error " in said:  # what tokenizers raises
        return said
    return None
