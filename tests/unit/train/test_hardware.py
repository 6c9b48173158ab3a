import pytest
import torch

from train.hardware import accelerator, choose_device, choose_precision

CPU = torch.device("cpu")


def test_auto_precision_is_bfloat16_on_cuda_alone():
    assert choose_precision("auto", device=CPU) == "fp32"
    assert choose_precision("auto", device=torch.device("cuda")) == "bf16"
    assert choose_precision("bf16", device=CPU) == "bf16"


def test_float16_without_cuda_is_an_error_with_a_cure():
    with pytest.raises(ValueError, match="fp16 needs CUDA.*choose fp32, or bf16"):
        choose_precision("fp16", device=CPU)


def test_runs_of_one_process_may_differ_in_precision():
    for precision, computed in (("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp32", torch.float32)):
        with accelerator(device=CPU, precision=precision) as made, made.autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == computed
            assert made.device == CPU


def test_a_tracker_that_is_not_installed_is_an_error_with_a_cure(monkeypatch):
    monkeypatch.setattr("train.hardware._AVAILABLE", {"wandb": lambda: False})
    with (
        pytest.raises(ValueError, match="wandb is not installed: `pip install wandb`"),
        accelerator(device=CPU, trackers=["wandb"]),
    ):
        pass


@pytest.mark.parametrize("name", ["gpu", "cuda:77", ""])
def test_a_device_that_is_not_there_is_an_error_with_a_cure(name):
    with pytest.raises(ValueError, match="choose auto, cpu"):
        choose_device(name)


def test_auto_is_the_cpu_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
