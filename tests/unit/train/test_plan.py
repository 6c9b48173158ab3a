"""From a configuration to its steps: a whole run beside a loop in plain PyTorch that reads the same settings."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train import history
from train.config import OptimConfig, RunConfig, UdaConfig, WeightSchedule
from train.hardware import accelerator
from train.learner import learner
from train.loop import fit
from train.models import text_encoder
from train.models.image_encoder import ImageEncoder
from train.models.mmbt import Mmbt
from train.plan import steps_per_epoch
from train.records import Batch, Inputs

GENRES = ("drama", "war")
SIZES = (3, 2, 3, 3, 3)
OPTIM = OptimConfig(
    batch_size=3, accumulation=2, learning_rate=0.05, weight_decay=0.1, warmup_epochs=1.0, max_grad_norm=0.2,
    class_weights="balanced", max_epochs=2, patience=9, plateau_patience=9,
)  # fmt: skip
UDA = UdaConfig(
    weight=2.0, schedule=WeightSchedule(kind="linear-up", ramp_epochs=1.5), temperature=0.5, min_confidence=0.6,
    class_balance=0.5, annealing="linear", annealing_epochs=1.5,
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads only stand in each other's way on tensors of a few numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Films:
    """The same batches in every epoch and every split."""

    batches: list
    genres: tuple = GENRES

    @property
    def batches_per_epoch(self):
        return len(self.batches)

    @property
    def positives_G(self):
        return torch.cat([batch.labels_BG for batch in self.batches]).sum(0)

    def train(self, _epoch, *, start=0, **_more):
        return self.batches[start:]

    def evaluation(self, _split):
        return self.batches

    def probe(self):
        return self.batches


def films():
    """14 films, of which 4 have the first genre and 11 the second."""
    draw = torch.Generator().manual_seed(5)

    def inputs(size):
        tokens_BL = torch.randint(5, 20, (size, 4), generator=draw)
        return Inputs(tokens_BL, torch.ones_like(tokens_BL), torch.randn(size, 3, 8, 8, generator=draw))

    labels_FG = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 10 + [[1.0, 1.0]])[torch.randperm(14, generator=draw)]
    names = [[f"{number}-{film}" for film in range(size)] for number, size in enumerate(SIZES)]
    made = [
        Batch(tuple(ids), labels_BG, inputs(len(ids)), augmented=inputs(len(ids)))
        for ids, labels_BG in zip(names, labels_FG.split(SIZES), strict=True)
    ]
    return Films(made)


class Tokens(nn.Module):
    """Logits of a bag of tokens: nothing in it is drawn."""

    def __init__(self):
        super().__init__()
        self.embedding, self.classifier = nn.EmbeddingBag(20, 4), nn.Linear(4, len(GENRES))

    def forward(self, inputs):
        return self.classifier(self.embedding(inputs.tokens_BL))


def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tokens()


def fitted(trained, config, folder, **more):
    data = films()
    with accelerator(device=torch.device("cpu")) as made:
        fit(
            learner(trained, config, accelerator=made, steps_per_epoch=steps_per_epoch(data, config)),
            data,
            config=config,
            folder=folder,
            films=14,
            **more,
        )


def naive(trained, *, uda):
    """Two epochs of three steps, of 2, 2 and 1 batches; gives λ of each step."""
    decaying = [trained.embedding.weight, trained.classifier.weight]
    optimizer = torch.optim.AdamW([{"params": decaying, "weight_decay": 0.1}, {"params": [trained.classifier.bias]}])
    optimizer.param_groups[1]["weight_decay"] = 0.0
    positive_G = torch.tensor([10 / 4, 3 / 11])  # films without the genre by films with it
    rare_G = torch.tensor([0.5 / (1 - 0.5**4), 0.5 / (1 - 0.5**11)])
    rare_G = rare_G / rare_G.mean()
    batches, used = films().batches, []
    for step in range(6):
        risen = min(1.0, step / 3 / 1.5)  # three steps an epoch, both rise over an epoch and a half
        used.append(2.0 * risen)
        window = batches[(step % 3) * 2 :][:2]
        optimizer.zero_grad()
        for batch in window:
            p, y = torch.sigmoid(trained(batch.original)), batch.labels_BG
            entropy = -(positive_G * y * p.log() + (1 - y) * (1 - p).log())
            counts = ((y * p + (1 - y) * (1 - p)) <= 0.5 + 0.5 * risen).float() if uda else torch.ones_like(y)
            loss = (entropy * counts).sum() / counts.sum().clamp(min=1)
            if uda:
                t = p.detach() ** 2 / (p.detach() ** 2 + (1 - p.detach()) ** 2)  # temperature 1/2 squares the odds
                q = torch.sigmoid(trained(batch.augmented))
                term = t * (t / q).log() + (1 - t) * ((1 - t) / (1 - q)).log()
                sure = (torch.maximum(p, 1 - p) >= 0.6).float()
                loss = loss + used[-1] * (term * sure * rare_G).sum(1).mean()
            (loss * len(batch.ids) / sum(len(one.ids) for one in window)).backward()
        nn.utils.clip_grad_norm_(trained.parameters(), 0.2)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * min(1.0, (step + 1) / 3)  # warm-up of one epoch
        optimizer.step()
    return used


@pytest.mark.parametrize("uda", [UDA, None])
def test_a_run_takes_the_steps_of_a_naive_loop_with_its_settings(uda, tmp_path):
    ours, plain = model(), model()
    fitted(ours, RunConfig(version="none", model="bert", uda=uda, optim=OPTIM), tmp_path)
    weights = naive(plain, uda=uda)
    assert_close(ours.state_dict(), plain.state_dict(), atol=1e-5, rtol=1e-4)
    if uda:
        recorded = [epoch.consistency_weight for epoch in history.read(tmp_path)]
        by_batch = [
            [weights[step] for step in (3 * epoch, 3 * epoch, 3 * epoch + 1, 3 * epoch + 1, 3 * epoch + 2)] for epoch in (0, 1)
        ]
        assert recorded == pytest.approx([sum(one) / 5 for one in by_batch])


def test_an_encoder_stays_as_it_is_for_as_many_epochs_as_it_is_frozen(tiny_bert, tmp_path):
    encoder, pooling = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling=None)
    image = ImageEncoder(trunk=nn.Conv2d(3, 4, 3), width=4, tokens=1, batch_norm="train")
    both = Mmbt(encoder=encoder, pooling=pooling, image=image, cls_id=2, sep_id=3, genres=len(GENRES), dropout=0.0)
    parts = {"text": both.encoder, "image": both.image, "head": both.classifier}

    def now():
        return {name: [weight.detach().clone() for weight in part.parameters()] for name, part in parts.items()}

    seen = [now()]
    optim = OptimConfig(batch_size=3, learning_rate=0.01, max_epochs=3, patience=9, freeze_text_epochs=1, freeze_image_epochs=2)
    fitted(both, RunConfig(version="none", model="mmbt", optim=optim), tmp_path, on_epoch=lambda _: seen.append(now()))
    moved = [
        {name for name in parts if any(not torch.equal(*pair) for pair in zip(before[name], after[name], strict=True))}
        for before, after in zip(seen, seen[1:], strict=False)
    ]
    assert moved == [{"head"}, {"head", "text"}, {"head", "text", "image"}]
