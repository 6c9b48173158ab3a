import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from train import history
from train.config import OptimConfig, RunConfig, TextEncoderConfig
from train.finished import run_folder
from train.launch import run_in_processes

CONFIG = RunConfig(version="none", model="bert", optim=OptimConfig(batch_size=2))
EPOCHS = 25
"""Seconds of work for a tiny encoder: more than it takes to notice the second epoch and to send a signal."""

PARENT = """
import signal, sys
from pathlib import Path
from datasets_cache.store import Cache
from train.config import RunConfig
from train.launch import run_in_processes

class Cancelled(BaseException):
    pass

def cancel(signum, frame):
    raise Cancelled

signal.signal(signal.SIGTERM, cancel)
config, cache, runs = sys.argv[1:]
run_in_processes(RunConfig.model_validate_json(config), processes=2, cache=Cache(Path(cache)), runs=Path(runs), device="cpu")
"""


class Spec(Frozen):
    name: str = "tiny"


def launched(tmp_path, *, processes=2, device="cpu"):
    return run_in_processes(CONFIG, processes=processes, cache=Cache(tmp_path / "cache"), runs=tmp_path / "runs", device=device)


def test_a_batch_smaller_than_the_processes_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(ValueError, match="batch of 2 films cannot be shared by 3 processes; raise --optim.batch_size"):
        launched(tmp_path, processes=3)


def test_processes_cannot_share_one_device(tmp_path):
    with pytest.raises(ValueError, match="cannot share the device 'cuda:0'; choose auto"):
        launched(tmp_path, device="cuda:0")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A published version of eight films."""
    cache, poster = Cache(tmp_path_factory.mktemp("cache")), io.BytesIO()
    Image.new("RGB", (256, 256), (200, 60, 90)).save(poster, "JPEG")
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, films in {"train": 4, "validation": 2, "test": 2}.items():
            for number in range(films):
                plots = {"plot": f"w{number} w{number + 1}", "given_plot": None}
                posters = {"poster": poster.getvalue(), "poster_256": poster.getvalue(), "given_poster_256": None}
                genres = [["drama"], ["comedy"]][number % 2]
                stage.write(split, {"id": f"{split}{number}", "title": "Film", "genres": genres, **plots, **posters})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=("drama", "comedy")).id
    publish(cache, name="tiny", sample=sample, text=None, image=None)
    return cache


@pytest.fixture
def config(cache, tiny_bert):
    optim = OptimConfig(batch_size=2, max_epochs=EPOCHS, patience=EPOCHS)
    text = TextEncoderConfig(name=str(tiny_bert), max_tokens=8)
    return RunConfig(version=cache.manifests("versions")[0].id, model="bert", text=text, optim=optim)


def processes_on(runs):
    """Process ids of the launcher and the processes that train below `runs`, in this order."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return sorted(int(line.split()[0]) for line in listed.splitlines() if str(runs) in line and "--with-parent" in line)


def wait_until(condition, *, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def killed_parent(parent, _runs):
    parent.kill()


def cancelled_parent(parent, _runs):
    parent.terminate()


def killed_launcher(_parent, runs):
    os.kill(processes_on(runs)[0], signal.SIGKILL)


def ended_by(death, config, cache, runs):
    """Epochs that processes had trained when their end was caused by `death`."""
    # the root of the project on the path, as an installed package is; one thread each, the encoder is tiny
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PARENT, config.model_dump_json(), cache.root, runs]
    with subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.DEVNULL) as parent:
        folder = run_folder(config, runs)
        # the second epoch's line: the first epoch's checkpoint, which follows its line, is then on disk
        wait_until(lambda: (folder / "epochs.jsonl").is_file() and len(history.read(folder)) >= 2)
        assert len(processes_on(runs)) == 3  # the launcher and two that train
        death(parent, runs)
        assert parent.wait(60) != 0
    wait_until(lambda: not processes_on(runs), seconds=30)
    before = history.read(folder)
    assert 2 <= len(before) < EPOCHS
    return before


def test_processes_end_with_a_killed_parent(cache, config, tmp_path):
    ended_by(killed_parent, config, cache, tmp_path / "runs")


@pytest.mark.parametrize("death", [cancelled_parent, pytest.param(killed_launcher, marks=pytest.mark.slow)])
def test_processes_end_with_who_started_them_and_the_next_call_goes_on(cache, config, tmp_path, death):
    runs = tmp_path / "runs"
    before = ended_by(death, config, cache, runs)
    result = run_in_processes(config, processes=2, cache=cache, runs=runs, device="cpu")
    after = history.read(run_folder(config, runs))
    assert len(after) == result.epochs == EPOCHS
    assert after[0] == before[0]  # even its seconds: it was not trained again
