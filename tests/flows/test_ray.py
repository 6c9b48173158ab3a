"""Shards and cells on a real Ray cluster of two nodes on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from prefect.exceptions import FailedRun

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache.sources import MmimdbSource
from datasets_cache.store import Cache
from datasets_cache.version import open_version
from flows.recipes import AugmentationPlan, TrainingPlan
from train.config import ImageEncoderConfig, OptimConfig, TextEncoderConfig
from train.finished import find_results

pytestmark = pytest.mark.usefixtures("prefect_server")

TRAIN = 300
"""Training films: enough for two shards."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MM-IMDb folder of small films, no two alike."""
    root = tmp_path_factory.mktemp("films")
    (root / "dataset").mkdir()
    ids = [f"{number:07}" for number in range(TRAIN + 2)]
    for number, film in enumerate(ids):
        metadata = {"plot": [f"Captain {number} leaves the old harbour with {number + 2} men."], "genres": ["Drama"]}
        (root / "dataset" / f"{film}.json").write_text(json.dumps(metadata))
        pixels = np.random.default_rng(number).integers(0, 256, (24, 16, 3), np.uint8)
        cv2.imwrite(str(root / "dataset" / f"{film}.jpeg"), cv2.resize(pixels, (96, 144), interpolation=cv2.INTER_CUBIC))
    splits = {"train": ids[:TRAIN], "dev": ids[TRAIN : TRAIN + 1], "test": ids[TRAIN + 1 :]}
    (root / "split.json").write_text(json.dumps(splits))
    return root


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[str]:
    """Address of a cluster of two nodes with one CPU each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


def workers_that_ran(task: str) -> set[str]:
    """Worker processes of the connected cluster that ran a task of ours; they report once a second."""
    import ray

    for _ in range(40):
        found = {event["tid"] for event in ray.timeline() if event["cat"] == f"task::{task}"}
        if len(found) > 1:
            break
        time.sleep(0.5)
    return found


@pytest.fixture
def connected(two_nodes: str) -> Iterator[str]:
    """The cluster's address; this process stays connected, so that its workers can be asked afterwards."""
    import ray

    ray.init(two_nodes, namespace="prefect", log_to_driver=False, logging_level="ERROR")
    yield two_nodes
    ray.shutdown()


ALONE = """
from flows.cluster import ray_runner
runner = ray_runner(None)
import psutil, ray
ray.init(runner.address, num_cpus=1, object_store_memory=80 * 2**20, **runner.init_kwargs)
print(ray.get_runtime_context().gcs_address)
own = psutil.Process()
for each in (own, *own.children(recursive=True)):
    print(*(found.laddr.ip for found in each.net_connections("inet") if found.status == "LISTEN"))
"""
"""In a process of its own, since Ray decides which address it takes when it is imported."""


@pytest.mark.slow
def test_without_an_address_a_cluster_is_started_that_only_this_machine_reaches_and_none_is_joined(two_nodes: str):
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    address, *listening = done.stdout.split()
    assert address != two_nodes
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    assert len(listening) > 5


def test_a_ray_cluster_makes_the_same_bytes_as_this_process_alone(
    films: Path, connected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from flows.commands import run_augmentation

    plan = AugmentationPlan(
        source=MmimdbSource(root=films),
        sample=1.0,
        text=BackTranslationSpec(engine="bergamot", pivot="pt"),
        image=RandAugmentSpec(),
    )
    made: list[dict[str, bytes]] = []
    for where, changes in (("here", {}), ("ray", {"runner": "ray", "ray_address": connected})):
        monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / where))
        version = open_version(Cache(), run_augmentation(plan.model_copy(update=changes)))
        assert version.text
        assert version.image
        folders = (version.text.folder, version.image.folder)
        made.append(
            {f"{path.parent.name}/{path.name}": path.read_bytes() for folder in folders for path in folder.glob("*.arrow")}
        )
    assert len(made[0]) == 4  # two shards of each shelf
    assert made[0] == made[1]
    assert len(workers_that_ran("make_shard")) >= 2


def test_posters_of_the_pool_are_made_on_the_cluster_as_well(
    films: Path, connected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from flows.commands import run_augmentation

    plan = AugmentationPlan(
        source=MmimdbSource(root=films), sample=0.1, evaluation_sample=1.0, unlabelled=0.1, image=RandAugmentSpec()
    )
    made: list[bytes] = []
    for where, changes in (("here", {}), ("ray", {"runner": "ray", "ray_address": connected})):
        monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / where))
        version = open_version(Cache(), run_augmentation(plan.model_copy(update=changes)))
        assert version.pool_image
        made.append(b"".join(path.read_bytes() for path in sorted(version.pool_image.folder.glob("*.arrow"))))
        assert version.manifest.rows == {"train": 30, "validation": 1, "test": 1, "unlabelled": 27}
    assert made[0] == made[1]


@pytest.mark.slow
def test_cells_on_a_cluster_end_with_the_weights_of_this_process_and_a_failed_one_loses_no_other(
    films: Path, connected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torch

    from flows.commands import run_augmentation, run_training

    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    few = AugmentationPlan(source=MmimdbSource(root=films), sample=0.03, evaluation_sample=1.0)
    plan = TrainingPlan(
        version=run_augmentation(few),
        models=("bert",),
        uda="off",
        text=TextEncoderConfig(name="embedded", max_tokens=8),
        image=ImageEncoderConfig(name="resnet18", weights=str(tmp_path / "nowhere.pth")),
        optim=OptimConfig(max_epochs=1),
    )
    there = {"runner": "ray", "ray_address": connected, "runs": tmp_path / "there", "models": ("resnet", "bert")}
    with pytest.raises((ValueError, FailedRun), match=r"(?s)1 of 2 cells failed.*nowhere\.pth"):
        run_training(plan.model_copy(update=there))
    assert len(workers_that_ran("train_cell")) >= 2
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as on the cluster, where a cell takes one CPU
    run_training(plan.model_copy(update={"runs": tmp_path / "here"}))
    torch.set_num_threads(threads)
    [one], [other] = find_results(tmp_path / "here"), find_results(tmp_path / "there")
    assert one.test == other.test
    weights = [sorted((result.path / "model").rglob("*.safetensors")) for result in (one, other)]
    assert [path.read_bytes() for path in weights[0]] == [path.read_bytes() for path in weights[1]]
    assert weights[0]
