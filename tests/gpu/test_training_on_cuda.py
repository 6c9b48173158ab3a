"""Training on a CUDA device: precision, and no waiting for the device within an epoch."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from train.config import OptimConfig, RunConfig, UdaConfig
from train.consistency import consistency_loss
from train.epoch import train_epoch
from train.hardware import accelerator
from train.learner import learner
from train.objective import Objective, as_teacher
from train.records import Batch, Inputs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
CUDA = torch.device("cuda", 0)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.classifier = nn.EmbeddingBag(50, 64), nn.Linear(64, 3)

    def forward(self, inputs):
        return self.classifier(self.embedding(inputs.tokens_BL))


def batches():
    draw = torch.Generator().manual_seed(0)
    for number in range(6):
        original, augmented = (Inputs(tokens_BL=torch.randint(0, 50, (4, 6), generator=draw)) for _ in range(2))
        labels = torch.randint(0, 2, (4, 3), generator=draw).float()
        ids = tuple(f"{number}-{film}" for film in range(4))
        yield Batch(ids, labels, original, augmented).map(Tensor.pin_memory if torch.cuda.is_available() else lambda x: x)


def trained(precision, *, device=CUDA, teacher="same-pass", strict=False):
    torch.manual_seed(0)
    config = RunConfig(version="none", model="bert", uda=UdaConfig(teacher=teacher), optim=OptimConfig(learning_rate=1e-3))
    with accelerator(device=device, precision=precision) as made:
        trainee = learner(Tokens(), config, accelerator=made, steps_per_epoch=6)
        own = as_teacher(trainee.average) if trainee.average is not None else None
        objective = Objective(consistency=consistency_loss, teacher=own)

        def watch(passes):
            if strict and passes.batches == 2:  # the first steps may make buffers
                torch.cuda.set_sync_debug_mode("error")
            if strict and passes.batches == 6:  # the epoch's numbers are fetched after its last step
                torch.cuda.set_sync_debug_mode("default")

        try:
            epoch = train_epoch(
                trainee, batches(), epoch=1, plan=lambda _: (objective, 1.0), max_grad_norm=1.0, after_step=watch
            )
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
        return epoch, {name: weight.cpu() for name, weight in trainee.model.state_dict().items()}


def test_float32_on_cuda_trains_as_on_the_cpu():
    (on_gpu, weights), (on_cpu, expected) = trained("fp32"), trained("fp32", device=torch.device("cpu"))
    assert on_gpu.supervised == pytest.approx(on_cpu.supervised, rel=1e-4)
    assert_close(weights, expected, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_float32(precision):
    assert trained(precision)[0].supervised == pytest.approx(trained("fp32")[0].supervised, rel=2e-2)


@pytest.mark.parametrize("teacher", ["same-pass", "ema"])
def test_no_step_waits_for_the_device(teacher):
    epoch, _ = trained("bf16", teacher=teacher, strict=True)
    assert epoch.consistency is not None
