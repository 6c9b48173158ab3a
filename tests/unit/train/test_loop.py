import json
import logging
import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train import checkpoint, history
from train.config import OptimConfig, UdaConfig
from train.loop import evaluate, fit, train_epoch
from train.objective import learner
from train.records import Batch, Inputs

CPU = torch.device("cpu")
GENRES = ("drama", "comedy", "war")
OPTIM = OptimConfig(batch_size=4, learning_rate=0.02, max_epochs=6, patience=2, plateau_patience=0)
UDA = UdaConfig(weight=2.0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads only stand in each other's way on tensors of a few numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class InterruptionError(Exception):
    pass


def tiny_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(Tokens(), nn.Dropout(0.3), nn.Linear(8, len(GENRES)))


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(50, 8)

    def forward(self, inputs):
        return self.embedding(inputs.tokens_BL)


@dataclass
class Films:
    """Random films whose genres follow from their tokens, as far as noise lets them."""

    batches: dict
    genres: tuple = GENRES
    steps_per_epoch: int = 5

    def train(self, epoch):
        order = torch.randperm(len(self.batches["train"]), generator=torch.Generator().manual_seed(epoch))
        return [self.batches["train"][i] for i in order]

    def evaluation(self, split):
        return [replace(batch, augmented=None) for batch in self.batches[split]]


def films(*, augmented=True):
    generator = torch.Generator().manual_seed(3)

    def one(row):
        tokens = torch.randint(0, 50, (4, 6), generator=generator)
        noise = torch.randn(4, len(GENRES), generator=generator) * 8
        sums = torch.stack([tokens[:, :2].sum(1), tokens[:, 2:4].sum(1), tokens[:, 4:].sum(1)], dim=1)
        other = torch.where(torch.rand(4, 6, generator=generator) < 0.3, (tokens + 1) % 50, tokens)
        return Batch(
            ids=tuple(f"{row}-{i}" for i in range(4)),
            labels_BG=(sums + noise > 50).float(),
            original=Inputs(tokens_BL=tokens),
            augmented=Inputs(tokens_BL=other) if augmented else None,
        )

    return Films({split: [one(f"{split}{i}") for i in range(5)] for split in ("train", "validation", "test")})


def fitted(folder, *, uda=UDA, optim=OPTIM, on_epoch=None, seed=0):
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    trainee = learner(tiny_model(seed), optim, device=CPU)
    return fit(trainee, films(), optim=optim, uda=uda, folder=folder, on_epoch=on_epoch), trainee


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of six epochs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    fitted(folder)
    return folder


def stop_after(epoch):
    def stop(measured):
        if measured.epoch == epoch:
            raise InterruptionError

    return stop


def without_seconds(folder):
    return [epoch.model_copy(update={"seconds": 0.0}) for epoch in history.read(folder)]


def assert_same_run(one, other):
    assert without_seconds(one) == without_seconds(other)
    last = [max((run / "checkpoints").glob("epoch-*")) for run in (one, other)]
    assert last[0].name == last[1].name
    first, second = [torch.load(folder / "state.pt", weights_only=True) for folder in last]
    assert first["schedule"] == second["schedule"]
    assert first["optimizer"]["param_groups"] == second["optimizer"]["param_groups"]
    for part in ("rng", "optimizer"):
        assert_close(first[part].get("state", first[part]), second[part].get("state", second[part]), rtol=0, atol=0)
    assert (last[0] / "model.safetensors").read_bytes() == (last[1] / "model.safetensors").read_bytes()


def test_training_lowers_the_loss_and_switches_phase(tmp_path):
    optim = OPTIM.model_copy(update={"max_epochs": 30, "plateau_patience": 9})
    last, _ = fitted(tmp_path, optim=optim)
    epochs = history.read(tmp_path)
    phases = [epoch.phase for epoch in epochs]
    assert "uda" in phases
    assert "plain" in phases
    assert epochs[-1].supervised < epochs[0].supervised
    assert last.progress.epoch == len(epochs)
    best = max(epochs, key=lambda epoch: epoch.validation.ap_micro)
    assert last.progress.best_epoch == best.epoch


def test_the_share_of_the_consistency_term_is_recorded_while_it_is_on(tmp_path):
    fitted(tmp_path, optim=OPTIM.model_copy(update={"max_epochs": 30, "patience": 1}))
    for epoch in history.read(tmp_path):
        if epoch.phase == "uda":
            assert epoch.consistency is not None
            assert epoch.consistency_share == pytest.approx(2.0 * epoch.consistency / epoch.supervised)
        else:
            assert epoch.consistency is None
            assert epoch.consistency_share is None


def test_without_uda_all_epochs_are_plain(tmp_path):
    fitted(tmp_path, uda=None)
    assert {epoch.phase for epoch in history.read(tmp_path)} == {"plain"}


def test_a_step_is_the_one_that_plain_pytorch_takes():
    # the naive loop: both terms summed with λ = 2, clipped, one AdamW step per batch; no dropout
    def model():
        torch.manual_seed(0)
        return nn.Sequential(Tokens(), nn.Linear(8, len(GENRES)))

    data = films()
    trainee = learner(model(), OPTIM, device=CPU)
    trained = train_epoch(trainee, data.train(1), epoch=1, uda=UDA, max_grad_norm=0.5)

    naive = model()
    decayed = [naive[0].embedding.weight, naive[1].weight]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": [naive[1].bias], "weight_decay": 0.0}], lr=0.02
    )
    supervised, consistency = [], []
    for batch in data.train(1):
        p = torch.sigmoid(naive(batch.original))
        q = torch.sigmoid(naive(batch.augmented))
        y, t = batch.labels_BG, p.detach()
        supervised.append(-(y * p.log() + (1 - y) * (1 - p).log()).mean())
        consistency.append((t * (t / q).log() + (1 - t) * ((1 - t) / (1 - q)).log()).sum(1).mean())
        optimizer.zero_grad()
        (supervised[-1] + 2.0 * consistency[-1]).backward()
        nn.utils.clip_grad_norm_(naive.parameters(), 0.5)
        optimizer.step()
    assert trained.supervised == pytest.approx(float(sum(supervised).detach()) / 5, abs=1e-5)
    assert trained.consistency == pytest.approx(float(sum(consistency).detach()) / 5, abs=1e-5)
    assert_close(trainee.model.state_dict(), naive.state_dict(), atol=1e-5, rtol=1e-4)


def test_training_scores_come_from_the_steps_own_logits():
    class Recorder(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.seen = tiny_model(), []

        def forward(self, inputs):
            out = self.inner(inputs)
            self.seen.append(out.detach().clone())
            return out

    model = Recorder()
    data = films()
    trained = train_epoch(learner(model, OPTIM, device=CPU), data.train(1), epoch=1, uda=UDA)
    assert_close(trained.logits_BG, torch.cat(model.seen[::2]))  # every other pass is the augmented one
    assert_close(trained.labels_BG, torch.cat([batch.labels_BG for batch in data.train(1)]))


def test_evaluation_switches_dropout_off_and_keeps_no_graph():
    model, data = tiny_model(), films()
    first = evaluate(model, data.evaluation("test"), genres=GENRES, device=CPU, where="test")
    assert first == evaluate(model, data.evaluation("test"), genres=GENRES, device=CPU, where="test")
    assert not model.training


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_an_interrupted_run_continues_to_the_very_same_end(whole, tmp_path, epoch):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(epoch))
    fitted(tmp_path / "parts", seed=99)  # neither new weights nor new draws may matter
    assert len(history.read(whole)) == 6
    assert_same_run(whole, tmp_path / "parts")


def test_a_run_killed_between_its_history_and_its_checkpoint_trains_that_epoch_again(whole, tmp_path):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(4))
    for name in ("model.safetensors", "state.pt", "checkpoint.json"):
        (tmp_path / "parts" / "checkpoints" / "epoch-0004" / name).unlink(missing_ok=True)
    (tmp_path / "parts" / "checkpoints" / "epoch-0004").rmdir()
    fitted(tmp_path / "parts")
    assert_same_run(whole, tmp_path / "parts")


def test_a_torn_last_line_of_history_costs_that_epoch_alone(whole, tmp_path, caplog):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(4))
    path = tmp_path / "parts" / "epochs.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    trained = []
    with caplog.at_level(logging.WARNING):
        fitted(tmp_path / "parts", on_epoch=lambda measured: trained.append(measured.epoch))
    assert trained == [4, 5, 6]
    assert "line 4 is torn" in caplog.text
    assert_same_run(whole, tmp_path / "parts")


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt", "checkpoint.json"])
@pytest.mark.parametrize("harm", ["cut", "flipped", "missing"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(whole, tmp_path, caplog, name, harm):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(4))
    damage(tmp_path / "parts" / "checkpoints" / "epoch-0004" / name, harm)
    trained = []
    with caplog.at_level(logging.WARNING):
        fitted(tmp_path / "parts", on_epoch=lambda measured: trained.append(measured.epoch))
    assert trained == [4, 5, 6]
    assert (name, harm) == ("checkpoint.json", "missing") or "epoch-0004 is damaged" in caplog.text
    assert_same_run(whole, tmp_path / "parts")


def test_damaged_checkpoints_alone_start_the_run_again(whole, tmp_path, caplog):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(4))
    for folder in (tmp_path / "parts" / "checkpoints").glob("epoch-*"):
        if (folder / "state.pt").is_file():
            damage(folder / "state.pt", "flipped")
    with caplog.at_level(logging.WARNING):
        fitted(tmp_path / "parts")
    assert caplog.text.count("is damaged") == 2
    assert_same_run(whole, tmp_path / "parts")


def damage(path, harm):
    content = bytearray(path.read_bytes())
    match harm:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)
        case "missing":
            path.unlink()


def test_a_finished_fit_trains_nothing_more(tmp_path):
    fitted(tmp_path)
    trained = []
    fitted(tmp_path, on_epoch=trained.append)
    assert trained == []


def test_disk_holds_two_whole_checkpoints_and_the_weights_of_the_best(tmp_path):
    optim = OPTIM.model_copy(update={"max_epochs": 12, "patience": 5, "learning_rate": 0.2})
    last, _ = fitted(tmp_path, optim=optim)
    best = last.progress.best_epoch
    kept = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in (tmp_path / "checkpoints").iterdir()}
    epochs = last.progress.epoch
    assert best < epochs - 1  # else the case is not the one to test
    whole = ["checkpoint.json", "model.safetensors", "state.pt"]
    assert kept == {
        f"epoch-{best:04d}": ["model.safetensors"],
        f"epoch-{epochs - 1:04d}": whole,
        f"epoch-{epochs:04d}": whole,
    }


def test_the_best_weights_are_those_that_scored_best(tmp_path):
    last, trainee = fitted(tmp_path, optim=OPTIM.model_copy(update={"max_epochs": 12, "patience": 5, "learning_rate": 0.2}))
    checkpoint.load_weights(trainee.model, last.best_weights, device=CPU)
    again = evaluate(trainee.model, films().evaluation("validation"), genres=GENRES, device=CPU, where="again")
    assert again.ap_micro == last.progress.best


def test_the_rate_goes_on_over_the_switch_and_its_patience_starts_anew(tmp_path):
    # no gain in uda's last three epochs, nor in plain's first three. With one count the fourth of these six would be over
    # plateau_patience 3 and halve the rate; with a fresh one each phase stays at three
    optim = OptimConfig(learning_rate=0.5, max_epochs=30, patience=3, plateau_patience=3)
    fitted(tmp_path, optim=optim)
    epochs = history.read(tmp_path)
    first = next(i for i, epoch in enumerate(epochs) if epoch.phase == "plain")
    assert not any(epoch.best for epoch in epochs[first - 3 : first])
    assert {epoch.learning_rate for epoch in epochs[: first + 1]} == {0.5}
    quiet = [epoch.learning_rate for epoch in epochs[first : first + 3]]
    assert not any(epoch.best for epoch in epochs[first : first + 3])
    assert quiet == [0.5] * 3


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_epoch(tmp_path):
    optim = OPTIM.model_copy(update={"learning_rate": 1e38, "max_grad_norm": None})
    with pytest.raises(ValueError, match=r"epoch 1: .*not finite.*lower the learning rate"):
        fitted(tmp_path, optim=optim)
    assert history.read(tmp_path) == []


def test_a_single_nan_step_is_named():
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.passes = tiny_model(), 0

        def forward(self, inputs):
            self.passes += 1
            return self.inner(inputs) * (math.nan if self.passes == 3 else 1.0)

    trainee = learner(Breaks(), OPTIM, device=CPU)
    with pytest.raises(ValueError, match="epoch 7: .* of 5 steps, first in step 3"):
        train_epoch(trainee, films().train(1), epoch=7)


def test_each_step_reports_to_the_progress_of_its_epoch(tmp_path):
    seen = []

    def track(items, /, *, total, title, unit="films"):
        seen.append((total, title, unit))
        return items

    torch.manual_seed(0)
    optim = OPTIM.model_copy(update={"max_epochs": 2})
    fit(
        learner(tiny_model(), optim, device=CPU),
        films(),
        optim=optim,
        uda=UDA,
        folder=tmp_path,
        title="mmbt+uda-seed1",
        track=track,
    )
    assert seen == [(5, f"mmbt+uda-seed1 · epoch {number}/2 · uda", "steps") for number in (1, 2)]


def test_history_lines_are_json_an_epoch_each(tmp_path):
    fitted(tmp_path)
    lines = (tmp_path / "epochs.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_an_empty_split_says_so():
    with pytest.raises(ValueError, match="validation: no film"):
        evaluate(tiny_model(), [], genres=GENRES, device=CPU, where="validation")
    with pytest.raises(ValueError, match="no batch"):
        train_epoch(learner(tiny_model(), OPTIM, device=CPU), [], epoch=1)
