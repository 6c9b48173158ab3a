"""Whether the tests notice when a line of the core is wrong: each mutant of ``mutants.toml``, one at a time.

    python tests/mutations/run.py                       # all of them, some minutes
    python tests/mutations/run.py "KL swapped" shift    # those whose names have one of these words
    python tests/mutations/run.py --markdown            # the tables of docs/mutations.md
    python tests/mutations/run.py --all-tests           # a mutant that its own tests let pass faces the whole suite

The tree is copied into a temporary folder, where the mutants take turns: one line alone is changed, the tests that ought to
notice run until one fails, the line is put back. At the end every test that failed runs on the copy as it was, and has to pass.
Each run is a fork of a process that has imported the libraries, so that it costs little but its tests.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = Path(__file__).with_name("mutants.toml")
PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin")
LIBRARIES = ["accelerate", "albumentations", "datasets", "pytest", "sklearn.metrics", "torchvision", "transformers", *PLUGINS]
SECONDS, SECONDS_OF_ALL = 300, 3600
"""A run that takes longer counts as noticed: the mutant does not end."""


@dataclass(frozen=True)
class Mutant:
    """One wrong line."""

    name: str
    part: str
    """Of the core."""
    file: str
    line: str
    becomes: str
    tests: tuple[str, ...]
    """Files of tests, or single tests, that ought to notice."""


@dataclass(frozen=True)
class Ran:
    """What came of a run of tests."""

    noticed: bool
    by: str
    """The first test that failed; empty where the run did not end."""
    seconds: float


def read(path: Path = MUTANTS) -> list[Mutant]:
    """The mutants, in the order of the file."""
    parts = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Mutant(part=part, **{**row, "tests": tuple(_node(name) for name in row["tests"])})
        for part, rows in parts.items()
        for row in rows
    ]


def _node(name: str) -> str:
    """``train/test_loop::test_x`` as pytest names it."""
    file, colons, test = name.partition("::")
    return f"tests/unit/{file}.py{colons}{test}"


def changed(mutant: Mutant, root: Path = ROOT) -> str:
    """Text of the mutant's file with its line changed.

    Raises:
        ValueError: the line is not there exactly once, or the changed file is no Python.
    """
    text = (root / mutant.file).read_text(encoding="utf-8")
    if (times := text.count(mutant.line)) != 1:
        msg = f"mutant {mutant.name!r}: {mutant.file} has its line {times} times, expected once. The code has moved: write the "
        msg += f"line anew in {MUTANTS.relative_to(ROOT)}.\n{mutant.line}"
        raise ValueError(msg)
    wrong = text.replace(mutant.line, mutant.becomes)
    try:
        compile(wrong, mutant.file, "exec")
    except SyntaxError as error:
        msg = f"mutant {mutant.name!r}: {mutant.file} with the changed line is no Python ({error})."
        raise ValueError(msg) from error
    return wrong


def copy_of_tree(folder: Path) -> Path:
    """A copy of what git knows or would take in, as it lies in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    copy = folder / "tree"
    for name in os.fsdecode(listed.stdout).split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def run_tests(copy: Path, tests: Sequence[str], *, seconds: float = SECONDS) -> Ran:
    """Run tests in the copy until one fails.

    Raises:
        RuntimeError: pytest could not run them; the message has what it said.
    """
    began = time.monotonic()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.Process(target=_in_child, args=(copy, tests, sender))
    child.start()
    sender.close()
    child.join(seconds)
    ended = not child.is_alive()
    assert child.pid
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # with whatever the tests have started
    child.join()
    code, by = receiver.recv() if receiver.poll() else (None, "")
    took = time.monotonic() - began
    if not ended:
        return Ran(noticed=True, by="", seconds=took)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        said = (copy.parent / "said.txt").read_text(encoding="utf-8", errors="replace")[-3000:]
        msg = f"pytest could not run {' '.join(tests)} (exit status {code}):\n{said}"
        raise RuntimeError(msg)
    return Ran(noticed=code == pytest.ExitCode.TESTS_FAILED, by=by, seconds=took)


class _FirstFailure:
    """Remembers the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


def _in_child(copy: Path, tests: Sequence[str], answer: Connection) -> None:
    os.setsid()  # a group of its own, to be ended as a whole
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path.insert(0, str(copy))
    with (copy.parent / "said.txt").open("w") as said:
        os.dup2(said.fileno(), sys.stdout.fileno())
        os.dup2(said.fileno(), sys.stderr.fileno())
    first = _FirstFailure()
    plugins = [word for name in PLUGINS for word in ("-p", name)]
    options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={copy.parent / 'basetemp'}", *plugins]
    code = pytest.main([*options, *tests], plugins=[first])
    ours = [module.__file__ for name in ("augment", "datasets_cache", "flows", "train") if (module := sys.modules.get(name))]
    assert all(file and Path(file).is_relative_to(copy) for file in ours), f"{ours} are not of the copy"
    answer.send((int(code), first.name))


def check(mutants: Sequence[Mutant], copy: Path, *, all_tests: bool) -> Iterator[tuple[Mutant, Ran]]:
    """Each mutant with what its tests say of it."""
    times = itertools.count(1)  # of change, all different: else compiled modules of two versions might be taken for one

    def write(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        now = next(times)
        os.utime(path, (now, now))

    for mutant in mutants:
        path = copy / mutant.file
        right = path.read_text(encoding="utf-8")
        write(path, changed(mutant, copy))
        ran = run_tests(copy, mutant.tests)
        if all_tests and not ran.noticed:
            ran = run_tests(copy, ["tests"], seconds=SECONDS_OF_ALL)
        write(path, right)
        yield mutant, ran


def as_markdown(found: Sequence[tuple[Mutant, Ran]]) -> str:
    """A table a part of the core."""
    tables: list[str] = []
    for part, rows in itertools.groupby(found, key=lambda pair: pair[0].part):
        tables.append(f"### {part}\n\n| what is wrong | in | noticed by |\n|---|---|---|")
        for mutant, ran in rows:
            test = ran.by.partition("::")[2].partition("[")[0]
            by = f"`{test}`" if test else "it does not end" if ran.noticed else "**nothing**"
            name = mutant.name.replace("|", r"\|")
            tables[-1] += f"\n| {name} | `{mutant.file}` | {by} |"
    return "\n\n".join(tables)


def main() -> int:
    """Exit status 1 where a mutant survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only mutants whose name, file or part has one of these")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown at the end")
    parser.add_argument("--all-tests", action="store_true", help="let survivors face the whole suite")
    asked = parser.parse_args()
    words = [word.casefold() for word in asked.words]
    mutants = [
        one for one in read() if not words or any(word in f"{one.name} {one.file} {one.part}".casefold() for word in words)
    ]
    for mutant in mutants:
        changed(mutant)
    multiprocessing.set_start_method("forkserver")
    multiprocessing.set_forkserver_preload(LIBRARIES)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = copy_of_tree(Path(folder).resolve())
        found: list[tuple[Mutant, Ran]] = []
        for mutant, ran in check(mutants, copy, all_tests=asked.all_tests):
            found.append((mutant, ran))
            by = ran.by.removeprefix("tests/unit/") or ("it does not end" if ran.noticed else "NOTHING")
            print(f"{ran.seconds:5.1f} s  {mutant.name}  <-  {by}", flush=True)
        right = run_tests(copy, sorted({ran.by for _, ran in found if ran.by}) or ["--version"], seconds=SECONDS_OF_ALL)
    if right.noticed:
        print(f"{right.by} fails without a mutant too, so that it tells nothing; mend it first.")
        return 1
    survivors = [mutant.name for mutant, ran in found if not ran.noticed]
    if asked.markdown:
        print(f"\n{as_markdown(found)}\n")
    print(f"{len(found) - len(survivors)} of {len(found)} mutants noticed, {time.monotonic() - began:.0f} s")
    for name in survivors:
        print(f"survives: {name}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
