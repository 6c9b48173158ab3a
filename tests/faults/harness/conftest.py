"""Augmentation and training as real processes on a small cache, what comes out undisturbed, and a table of what was broken."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import pytest

from datasets_cache.files import check_files
from datasets_cache.store import Cache
from tests.faults.conftest import ROOT, make_films

HERE = Path(__file__).parent
FILMS = 24
MINUTES = 300.0
What = Literal["augment", "train"]
T = TypeVar("T")
_TABLE = pytest.StashKey[dict[str, list[int]]]()
_CHANGING = re.compile(rb'"(?:created|seconds|waiting|crc32|path)": ?(?:"[^"]*"|[0-9.e-]+),?')
"""What no second run would repeat: times, the folder, and what sums them up."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = {}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was broken, how often, and what came of it."""
    if table := config.stash[_TABLE]:
        width = max(map(len, table))
        terminalreporter.section("faults")
        terminalreporter.write_line(f"{'fault':{width}}  times  recovered  lost")
        for fault, (times, recovered, lost) in table.items():
            terminalreporter.write_line(f"{fault:{width}}  {times:5}  {recovered:9}  {lost:4}")
        times, recovered, lost = (sum(column) for column in zip(*table.values(), strict=True))
        terminalreporter.write_line(f"{'all':{width}}  {times:5}  {recovered:9}  {lost:4}")


def some(trials: Iterable[T]) -> list[T]:
    """All trials, or an even share of them, at least one, where MMUDA_FAULTS_SHARE asks for less than 1."""
    all_of_them = list(trials)
    kept = max(1, round(len(all_of_them) * float(os.environ.get("MMUDA_FAULTS_SHARE", "1"))))
    return [all_of_them[number * len(all_of_them) // kept] for number in range(kept)]


@dataclass(frozen=True)
class Place:
    """A cache and a folder of runs of one trial."""

    root: Path

    @property
    def cache(self) -> Cache:
        return Cache(self.root / "cache")

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def below(self, what: What) -> Path:
        """The folder that a job writes."""
        return self.cache.root if what == "augment" else self.runs

    def outcome(self, what: What) -> dict[str, bytes]:
        """Every file that a job is there for, without what tells the time."""
        if what == "augment":
            files = [path for part in ("shelves", "versions") for path in (self.cache.root / part).rglob("*")]
        else:
            files = list(self.runs.rglob("*"))
        named = {str(path.relative_to(self.root)): path for path in files if path.is_file() and path.name != ".lock"}
        return {name: _without_times(path) for name, path in named.items() if path.name != "SHA256SUMS"}

    def finished(self, what: What) -> dict[str, tuple[int, int]]:
        """Files of whole shards and of published shelves, and results: what no restart may make again."""
        if what == "train":
            paths = list(self.runs.glob("*/result.json"))
        else:
            building = self.cache.root / "building"
            paths = [path for record in building.glob("*/*-of-*.json") for path in (record, record.with_suffix(".arrow"))]
            paths += (self.cache.root / "shelves").glob("*/*.arrow")
        return {path.name + path.parent.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}

    def broken(self) -> list[str]:
        """What is published and not as it was promised."""
        found: list[str] = []
        for manifest in self.cache.manifests("shelves"):
            found += check_files(self.cache.shelf_folder(manifest.id), manifest, checksums=True)
        self.cache.manifests("versions")
        return found


def _without_times(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".safetensors":  # the library writes the entries of the header's metadata in an order of chance
        end = 8 + int.from_bytes(content[:8], "little")
        return json.dumps(json.loads(content[8:end]), sort_keys=True).encode() + content[end:]
    if path.suffix in (".json", ".jsonl"):
        return _CHANGING.sub(b"", content)
    return re.sub(rb"\d+(?:\.\d+)? (?:s|min|minutes)\b", b"", content) if path.suffix == ".md" else content


@dataclass
class Bench:
    """Starts jobs, and knows what comes out undisturbed."""

    root: Path
    process: subprocess.Popen[str]
    table: dict[str, list[int]]
    undisturbed: Place
    seconds: dict[What, float] = field(default_factory=dict[What, float])
    operations: dict[What, int] = field(default_factory=dict[What, int])

    def ask(self, request: dict[str, Any]) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request, default=str) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, what: What, place: Place, *, log: str = "log", **more: Any) -> int:
        """Start a job in a process of its own."""
        job = {"what": what, "cache": place.cache.root, "runs": place.runs, "below": place.below(what)}
        job |= {"films": self.root / "films", "bert": self.root / "bert", "log": place.root / log}
        return self.ask(job | more)

    def wait(self, process: int, seconds: float = MINUTES) -> int | str | None:
        """Exit status of a job, `stopped` where it stopped, None where it goes on."""
        return self.ask({"wait": {"process": process, "seconds": seconds}})

    def run(self, what: What, place: Place, **more: Any) -> tuple[int | str | None, str]:
        """Status and output of a job."""
        status = self.wait(self.start(what, place, **more))
        return status, (place.root / "log").read_text()

    @contextmanager
    def trial(self, root: Path, what: What, number: object = 0) -> Generator[Place]:
        """A fresh place; for a training, with the undisturbed cache."""
        place = Place(root / f"{what}-{number}")
        place.root.mkdir()
        if what == "train":
            shutil.copytree(self.undisturbed.cache.root, place.cache.root)
        yield place
        shutil.rmtree(place.root)

    @contextmanager
    def interrupted(self, root: Path, what: What, number: object) -> Generator[Place]:
        """A place in which a job was killed after two thirds of its calls."""
        with self.trial(root, what, number) as place:
            status, said = self.run(what, place, fault={"mode": "kill", "at": self.operations[what] * 2 // 3})
            assert status == -signal.SIGKILL, said
            yield place

    def recovers(self, fault: str, what: What, place: Place, **more: Any) -> None:
        """Run the same command once more: it completes, keeps what was finished, and ends where nothing was broken."""
        counted = self.table.setdefault(fault, [0, 0, 0])
        counted[0] += 1
        before, broken = place.finished(what), place.broken()
        status, said = self.run(what, place, **more)
        made, expected = place.outcome(what), self.undisturbed.outcome(what)
        differ = sorted(name for name in made.keys() | expected if made.get(name) != expected.get(name))
        again = [name for name, known in before.items() if place.finished(what).get(name, known) != known]
        recovered = status == 0 and not differ
        counted[1] += recovered
        counted[2] += bool(broken or again or not recovered)
        assert (status, differ, broken, again) == (0, [], [], []), (fault, said)

    @classmethod
    def opened(cls, root: Path, table: dict[str, list[int]]) -> Self:
        """Load the libraries, and run both jobs undisturbed, twice: the second finds all done."""
        compiler = shutil.which("cc")
        if not compiler:
            pytest.skip("faults are injected by a preloaded library, and there is no C compiler to make it")
        library = root / "faults.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "faults.c", "-ldl"], check=True)
        (root / "films").mkdir()
        make_films(root / "films", FILMS)
        own = {
            "LD_PRELOAD": str(library),
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, HERE / "driver.py"], env=os.environ | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        assert json.loads(process.stdout.readline()) == "ready"
        bench = cls(root, process, table, Place(root / "undisturbed"))
        bench.undisturbed.root.mkdir()
        for what in ("augment", "train"):
            began = time.monotonic()
            assert bench.run(what, bench.undisturbed)[0] == 0, (root / "undisturbed" / "log").read_text()
            bench.seconds[what] = time.monotonic() - began
            bench.operations[what] = int((bench.undisturbed.root / "log.operations").read_text())
        return bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, bert: Path, pytestconfig: pytest.Config) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("bench")
    (root / "bert").symlink_to(bert)
    bench = Bench.opened(root, pytestconfig.stash[_TABLE])
    yield bench
    bench.process.communicate()


Tried = Callable[..., None]


@pytest.fixture
def tried(pytestconfig: pytest.Config) -> Tried:
    """Counts a trial that needs no second start."""

    def count(fault: str, *, lost: bool) -> None:
        counted = pytestconfig.stash[_TABLE].setdefault(fault, [0, 0, 0])
        counted[:] = [counted[0] + 1, counted[1] + (not lost), counted[2] + lost]

    return count


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """Random moments that are the same each time."""
    return random.Random(request.node.name)
