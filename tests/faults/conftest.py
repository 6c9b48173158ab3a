"""What dies in these tests is real: a Prefect server, a process that serves or works, flows in processes of their own."""

import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from augment.text import shelf as text_shelf
from augment.text.spec import BackTranslationSpec
from datasets_cache import sampling, version
from datasets_cache.files import check_files
from datasets_cache.fingerprint import ShelfId
from datasets_cache.shards import Build
from datasets_cache.sources import MoviescopeSource
from datasets_cache.store import Cache
from flows.forms import training_plan
from train.finished import MODEL, RESULT, run_folder
from train.run import run_cell

ROOT = Path(__file__).parents[2]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PATIENCE = 180.0
"""Seconds that something may take on a machine with other work; what is waited for comes much sooner on an idle one."""
MANY, FEW = 560, 260
"""Training films whose posters are 4 shards, and whose plots are 2."""
EVALUATION = 12
SMALL = 0.06
"""Share of the many films that is trained on."""
VIEWS = 4
"""Of each poster, so that a shard takes long enough to be caught half written."""
WORDS = (
    "captain", "letter", "storm", "village", "harbour", "stranger", "brother", "bank", "hills", "judge", "winter", "wolves",
    "detective", "town", "king", "machine", "music", "forest", "moon", "dog", "garden", "sister", "train", "island",
)  # fmt: skip
EPOCHS = 60


def wait_until(holds: Callable[[], Any], what: str, *, seconds: float = PATIENCE, every: float = 0.05) -> Any:
    """Wait for something, and give what it is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(every)
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it has started."""
    found = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    for each in (process, *found):
        try:
            each.kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    process.wait()


@dataclass
class Server:
    """A Prefect server with a home and a port of its own."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def database(self) -> Path:
        return self.home / "prefect.db"

    def start(self) -> None:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = self._popen("server", command, {})
        wait_until(self.answers, f"the server ({self.home / 'server.log'})")

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def run(self, name: str, command: list[str], cache: Cache) -> subprocess.Popen[bytes]:
        """Start a process that works for this server on a cache."""
        started = self._popen(name, command, {"MMUDA_CACHE": str(cache.root)})
        self.others.append(started)
        return started

    def close(self) -> None:
        for process in (*self.others, self.process):
            if process:
                end(process)

    def _popen(self, name: str, command: list[str], more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment | more, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return inherited | {
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "INFO",
            "DO_NOT_TRACK": "1",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "OMP_NUM_THREADS": "1",  # so that sums are taken in one order here and there
            "CUDA_VISIBLE_DEVICES": "",
        }


@dataclass(frozen=True)
class Page:
    """What the page asks of the server."""

    server: Server

    def ask(self, method: str, path: str, **body: Any) -> Any:
        def send() -> httpx.Response | None:
            try:
                answer = httpx.request(method, f"{self.server.url}{path}", json=body or None, timeout=60)
            except httpx.ReadTimeout:
                if method != "GET":  # it may have been done
                    raise
                return None
            return answer if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE else None

        answer = wait_until(send, "a database that is not busy", every=1)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> str:
        return self.ask("GET", f"/deployments/name/{name}")["id"]

    def run(self, deployment: str, **parameters: Any) -> str:
        """Press Run; gives the id of the run."""
        return self.ask("POST", f"/deployments/{self.deployment(deployment)}/create_flow_run", parameters=parameters)["id"]

    def exists(self, path: str) -> bool:
        return httpx.get(f"{self.server.url}{path}", timeout=60).is_success

    def is_served(self, deployment: str, *, since: float) -> bool:
        """Whether somebody has asked for the runs of a deployment since a time."""
        if not self.exists(f"/deployments/name/{deployment}"):
            return False
        asked = self.ask("GET", f"/deployments/name/{deployment}")["last_polled"]
        return asked is not None and datetime.fromisoformat(asked).timestamp() > since

    def set_state(self, run: str, state: str) -> None:
        """What its buttons do: `CANCELLING` is the one that cancels."""
        self.ask("POST", f"/flow_runs/{run}/set_state", state={"type": state, "name": state.capitalize()})

    def state(self, run: str) -> str:
        return self.ask("GET", f"/flow_runs/{run}")["state"]["type"]

    def message(self, run: str) -> str:
        return str(self.ask("GET", f"/flow_runs/{run}")["state"]["message"])

    def ended(self, run: str) -> str:
        """Wait for the end of a run; gives its state."""
        return wait_until(lambda: (now := self.state(run)) in ENDED and now, f"the end of run {run}", every=0.5)

    def says(self, run: str, words: str) -> bool:
        """Whether a line of the run's log has these words."""
        lines = self.ask("POST", "/logs/filter", logs={"flow_run_id": {"any_": [run]}})
        return any(words in line["message"] for line in lines)


def processes_of(run: str) -> list[psutil.Process]:
    """Every process that works on a run of a flow, the outermost first."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if run in process.environ().values() or run in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return sorted(found, key=lambda process: process.create_time())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


NIGHTLY, OTHER_PIVOT, FROM_CACHE = "augmentation/nightly", "augmentation/other-pivot", "training/from-cache"


def start_serving(server: Server, cache: Cache) -> subprocess.Popen[bytes]:
    """`mmuda serve` where a server is configured; comes back when runs are taken."""
    began = time.time()
    command = [str(Path(sys.executable).with_name("mmuda")), "serve", "--limit", "6"]
    process = server.run("serve", command, cache)
    page = Page(server)
    wait_until(lambda: process.poll() is not None or page.is_served(FROM_CACHE, since=began), "the deployments", every=0.5)
    assert process.poll() is None, (server.home / "serve.log").read_text()[-3000:]
    return process


def start_worker(server: Server, cache: Cache) -> subprocess.Popen[bytes]:
    """A worker of the process pool that `prefect.yaml` names; the pool is made if there is none."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "mmuda", "--type", "process"]
    return server.run("worker", command, cache)


def deploy(server: Server, cache: Cache) -> None:
    """Register the deployments of `prefect.yaml`, if they are not."""
    page = Page(server)
    there = page.exists(f"/deployments/name/{FROM_CACHE}")
    if there and page.ask("GET", f"/deployments/name/{FROM_CACHE}")["work_pool_name"] == "mmuda":
        return
    wait_until(lambda: page.exists("/work_pools/mmuda"), "the work pool", every=0.5)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    deployed = server.run("deploy", command, cache)
    assert deployed.wait(PATIENCE) == 0, (server.home / "deploy.log").read_text()


def sweep_up(server: Server, cache: Cache) -> list[str]:
    """What `mmuda serve` does first, and `mmuda sweep`."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.sweep import sweep

    with temporary_settings({PREFECT_API_URL: server.url}):
        return sweep(cache, own_server=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that nothing happens to."""
    server = Server(tmp_path_factory.mktemp("prefect"), free_port())
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def mortal_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may be killed; its database begins as a copy, which saves the migrations."""
    mortal = Server(tmp_path_factory.mktemp("mortal"), free_port())
    with sqlite3.connect(server.database) as source, sqlite3.connect(mortal.database) as copy:
        source.backup(copy)
    try:
        mortal.start()
        yield mortal
    finally:
        mortal.close()


def make_films(root: Path, count: int) -> Path:
    """Films in Moviescope's layout: plots of a short sentence, posters of 64 pixels."""
    draw = random.Random(count)
    (root / "posters").mkdir()
    for name, films in {"train": count, "dev": EVALUATION, "test": EVALUATION}.items():
        with (root / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(films):
                film = f"{name}{number}"
                hero, thing = draw.sample(WORDS, 2)
                # most are shorter than what is translated: the translation of all would take most of a minute
                plot = f"{film}." if number % 4 else f"The {hero} of {film} finds a {thing}."
                genres = draw.sample(["drama", "comedy", "horror"], draw.randrange(1, 3))
                row = {"id": film, "title": film, "synopsis": plot, "label": genres}
                file.write(json.dumps(row) + "\n")
                picture = Image.frombytes("RGB", (4, 4), draw.randbytes(48)).resize((64, 64), Image.Resampling.BICUBIC)
                picture.save(root / "posters" / f"{film}.jpg")
    return root


@pytest.fixture(scope="session")
def many_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films whose posters are augmented."""
    return make_films(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="session")
def few_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films whose plots are translated."""
    return make_films(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one narrow layer that knows the words of the plots: an epoch takes a moment."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "the", "of", "finds", "a", *WORDS]
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), **size)).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Work:
    """What the flows are asked for, and what comes out where nothing goes wrong."""

    sources: Mapping[str, Path]
    """Folders of the films, for `posters` and for `plots`."""
    bert: Path
    cache: Cache
    """Holds the samples, and a version of some 30 films with views of both kinds to train on."""
    undisturbed: Cache
    """Holds the shelves that nothing happened to."""
    undisturbed_runs: Path
    version: str
    """The version to train on."""

    def augmentation(self, kind: str) -> dict[str, Any]:
        """Parameters of a run that makes `posters` alone (4 shards), or `plots` alone (2 shards)."""
        form = {"recipe": "moviescope", "source": str(self.sources[kind]), "sample": 1.0}
        if kind == "posters":
            return form | {"overrides": f'text = "none"\nthreads = 1\n[image]\nviews = {VIEWS}\n'}
        return form | {"pivot": "pt", "engine": "bergamot", "overrides": 'image = "none"\nthreads = 1\n'}

    def training(self, runs: Path) -> dict[str, Any]:
        """Parameters of a run that trains two cells, one after the other."""
        lines = [
            f'runs = "{runs}"', 'device = "cpu"', "trackers = []", "[text]", f'name = "{self.bert}"', "max_tokens = 16",
            "[optim]", "batch_size = 4", f"patience = {EPOCHS}",
        ]  # fmt: skip
        form = {"version": self.version, "models": ["bert"], "uda": "on", "seeds": [1, 2], "epochs": EPOCHS}
        return form | {"overrides": "\n".join(lines)}

    def sample(self, kind: str) -> ShelfId:
        """The sample of `augmentation`."""
        return sample_of(self.sources[kind], self.cache)

    def build(self, kind: str) -> Build:
        """The shelf that `augmentation` makes, done or not."""
        if kind == "posters":
            return rand_augment.start(RandAugmentSpec(views=VIEWS), self.sample(kind), cache=self.cache)
        return text_shelf.start(PIVOT, self.sample(kind), cache=self.cache)

    def version_of(self, kind: str) -> str:
        """Id of the version that `augmentation` makes."""
        shelf = self.build(kind).shelf
        text, image = (None, shelf) if kind == "posters" else (shelf, None)
        return version.version_id("moviescope", self.sample(kind), text, image)

    def forget(self, kind: str) -> None:
        """As if `augmentation` had never run here."""
        shelf = self.build(kind).shelf
        for folder in (self.cache.shelf_folder(shelf), self.cache.building_folder(shelf)):
            self.cache.remove(folder)
        self.cache.remove(self.cache.version_folder(self.version_of(kind)))

    def shelf_files(self, kind: str, cache: Cache | None = None) -> dict[str, bytes]:
        """Content of the published shelf of `augmentation`."""
        folder = (cache or self.cache).shelf_folder(self.build(kind).shelf)
        return {path.name: path.read_bytes() for path in folder.glob("*.arrow")}

    def finished_shards(self, kind: str) -> dict[str, tuple[int, int]]:
        """Files of the finished shards, published or not, with what changes when a file is written again."""
        shelf = self.build(kind).shelf
        folders = (self.cache.building_folder(shelf), self.cache.shelf_folder(shelf))
        records = [path for folder in folders for path in folder.glob("train-*.json")]
        return {path.name: identity(path) for record in records for path in (record, record.with_suffix(".arrow"))}

    def problems(self) -> list[str]:
        """Whatever is published and not as it was promised; versions are opened, files compared by checksum."""
        found: list[str] = []
        for manifest in self.cache.manifests("shelves"):
            found += check_files(self.cache.shelf_folder(manifest.id), manifest, checksums=True)
        for manifest in self.cache.manifests("versions"):
            version.open_version(self.cache, manifest.id)
        return found

    def cells(self, runs: Path) -> list[Path]:
        """Run directories of the two cells of `training`."""
        plan = training_plan(cache=self.cache, **self.training(runs))
        return [run_folder(cell, runs) for cell in plan.cells(self.version)]

    def outcome(self, runs: Path) -> list[Any]:
        """What the two cells came to: epochs, result and weights, without times and places."""
        found: list[Any] = []
        for folder in self.cells(runs):
            epochs = [json.loads(line) | {"seconds": 0, "waiting": 0} for line in epochs_of(folder)]
            result = json.loads((folder / RESULT).read_text()) | {"seconds": 0, "path": ""}
            found.append((epochs, result, {path.name: path.read_bytes() for path in (folder / MODEL).rglob("*.safetensors")}))
        return found


def identity(path: Path) -> tuple[int, int]:
    """Number and time of a file: what changes when it is written again."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def epochs_of(folder: Path) -> list[str]:
    """Lines of a run's history, each with its times, which no second training would repeat."""
    path = folder / "epochs.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


PIVOT = BackTranslationSpec(engine="bergamot", pivot="pt")


def sample_of(films: Path, cache: Cache) -> ShelfId:
    return sampling.publish_sample(MoviescopeSource(root=films), share=1.0, cache=cache).id


@pytest.fixture(scope="session")
def work(many_films: Path, few_films: Path, bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Work:
    """The cache of the flows, and what they would make undisturbed, made in this process by one thread."""
    import torch

    cache, undisturbed = Cache(tmp_path_factory.mktemp("cache")), Cache(tmp_path_factory.mktemp("undisturbed"))
    source = MoviescopeSource(root=many_films)
    small = sampling.publish_sample(source, share=SMALL, evaluation_share=1.0, cache=cache).id
    views = text_shelf.publish(PIVOT, small, cache=cache, threads=1)
    posters = rand_augment.publish(RandAugmentSpec(), small, cache=cache, workers=1)
    made = version.publish(cache, name="small", sample=small, text=views, image=posters)
    text_shelf.publish(PIVOT, sample_of(few_films, undisturbed), cache=undisturbed, threads=1)
    rand_augment.publish(RandAugmentSpec(views=VIEWS), sample_of(many_films, undisturbed), cache=undisturbed, workers=1)
    runs = tmp_path_factory.mktemp("undisturbed-runs")
    work = Work({"posters": many_films, "plots": few_films}, bert, cache, undisturbed, runs, made.id)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for cell in training_plan(cache=cache, **work.training(runs)).cells(made.id):
            run_cell(cell, cache=cache, runs=runs, device="cpu")
    finally:
        torch.set_num_threads(threads)
    return work
