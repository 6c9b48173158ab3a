"""One tool in a process of its own: loads, warms up, translates there and back, and writes what it saw. Standard library alone.

Every script here is run as ``python SCRIPT JOB.json RESULT.json`` by back_translation.py.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Translate = Callable[[list[str]], list[str]]
"""There and back: one text for each text, if all goes well."""


class Kept(str):
    """A text that a tool marked as its input, not a translation."""


@dataclass(frozen=True)
class Job:
    """What a tool is asked to do."""

    folder: str
    """Has the checkpoints, as ``Helsinki-NLP/opus-mt-en-fr`` and ``-fr-en``."""
    sentences: list[str]
    warm_up: list[str]
    beams: int | None = None
    """1: greedy; None: as the tool does by default."""
    max_length: int | None = None
    """Tokens of a translation at most; None: as the tool does by default."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the tool's script."""
    threads: int | None = None
    """None: as the tool does by default; OMP_NUM_THREADS says the same to those that cannot be told."""
    one_by_one: bool = False
    """Whether each text is a call of its own that may fail alone."""

    @property
    def there(self) -> str:
        """Folder of the English-French checkpoint."""
        return str(Path(self.folder, "Helsinki-NLP/opus-mt-en-fr"))

    @property
    def back(self) -> str:
        """Folder of the French-English checkpoint."""
        return str(Path(self.folder, "Helsinki-NLP/opus-mt-fr-en"))


@dataclass
class Result:
    """What was seen."""

    texts: list[str | None] = field(default_factory=list)
    """None: not a text."""
    errors: list[str] = field(default_factory=list)
    """Of the calls that failed."""
    kept: int = 0
    """Texts that the tool says are the input itself."""
    warm_up: list[str | None] = field(default_factory=list)
    warm_up_error: str = ""
    load_seconds: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all threads."""
    others: float | None = None
    """Share of the machine's processor time that other programs took meanwhile; None: not known here."""
    peak_mb: float = 0.0
    """Resident set of this process at its largest, loading included, in MB of 10^6 bytes."""


def main(load: Callable[[Job], Translate]) -> None:
    """Do the job that the command line names."""
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    result = Result()
    try:
        _measure(job, load, result)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a tool does is a row of the table
        result.errors.append(_line(error))
    result.peak_mb = _peak_mb()
    Path(sys.argv[2]).write_text(json.dumps(asdict(result)), encoding="utf-8")


def _measure(job: Job, load: Callable[[Job], Translate], result: Result) -> None:
    started = time.perf_counter()
    translate = load(job)
    try:
        result.warm_up = _texts(translate(job.warm_up))
    except Exception as error:  # noqa: BLE001  # likewise
        result.warm_up_error = _line(error)
    result.load_seconds = time.perf_counter() - started
    calls = [[text] for text in job.sentences] if job.one_by_one else [job.sentences]
    started, cpu = time.perf_counter(), time.process_time()
    for call in calls:
        try:
            made = translate(call)
            result.texts += _texts(made)
            result.kept += sum(isinstance(text, Kept) for text in made)
        except Exception as error:  # noqa: BLE001  # likewise
            result.texts += [None] * len(call)
            result.errors.append(_line(error))
    result.seconds, result.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu


def _texts(made: list[Any]) -> list[str | None]:
    return [text if isinstance(text, str) else None for text in made]


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.is_file():  # what `resource` says there begins with the size of the parent
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
