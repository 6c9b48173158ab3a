import pytest

from datasets_cache.store import Cache
from train.config import OptimConfig, RunConfig
from train.launch import run_in_processes

CONFIG = RunConfig(version="none", model="bert", optim=OptimConfig(batch_size=2))


def launched(tmp_path, *, processes=2, device="cpu"):
    return run_in_processes(CONFIG, processes=processes, cache=Cache(tmp_path / "cache"), runs=tmp_path / "runs", device=device)


def test_a_batch_smaller_than_the_processes_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(ValueError, match="batch of 2 films cannot be shared by 3 processes; raise --optim.batch_size"):
        launched(tmp_path, processes=3)


def test_processes_cannot_share_one_device(tmp_path):
    with pytest.raises(ValueError, match="cannot share the device 'cuda:0'; choose auto"):
        launched(tmp_path, device="cuda:0")
