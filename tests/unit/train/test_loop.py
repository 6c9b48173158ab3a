import json
import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train import checkpoint, history
from train.config import OptimConfig, RunConfig, UdaConfig, WeightSchedule
from train.consistency import consistency_loss
from train.epoch import train_epoch
from train.evaluation import evaluate
from train.hardware import accelerator
from train.learner import learner
from train.loop import fit
from train.objective import Objective
from train.plan import steps_per_epoch
from train.records import Batch, Inputs, Pair

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
    batches_per_epoch: int = 5
    asked: list = field(default_factory=list)

    @property
    def positives_G(self):
        return torch.cat([batch.labels_BG for batch in self.batches["train"]]).sum(0)

    def train(self, epoch, *, start=0, augmented=True, rank=0, processes=1):
        assert (rank, processes) == (0, 1)
        self.asked.append((epoch, start, augmented))
        order = torch.randperm(len(self.batches["train"]), generator=torch.Generator().manual_seed(epoch))
        batches = [self.batches["train"][i] for i in order[start:]]
        return batches if augmented else [replace(batch, augmented=None, unlabelled=None) for batch in batches]

    def evaluation(self, split):
        return [replace(batch, augmented=None, unlabelled=None) for batch in self.batches[split]]

    def probe(self):
        return self.evaluation("train")


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


def config_of(optim=OPTIM, uda=UDA):
    return RunConfig(version="none", model="bert", uda=uda, optim=optim)


@contextmanager
def learning(model, optim=OPTIM, uda=UDA):
    """A learner of `model`, for as long as its accelerator is there."""
    with accelerator(device=CPU) as made:
        yield learner(model, config_of(optim, uda), accelerator=made, steps_per_epoch=5)


def one_epoch(trainee, data, *, epoch=1, objective=None, weight=2.0, **more):
    objective = objective or Objective(consistency=consistency_loss)
    trainee.model.train()
    return train_epoch(trainee, data.train(epoch), epoch=epoch, plan=lambda _: (objective, weight), **more)


def scored(model, split="test"):
    with accelerator(device=CPU) as made:
        return evaluate(model, films().evaluation(split), genres=GENRES, accelerator=made, where=split)


def fitted(folder, *, uda=UDA, optim=OPTIM, on_epoch=None, seed=0, data=None, **more):
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    data = data or films()
    with learning(tiny_model(seed), optim, uda) as trainee:
        last = fit(trainee, data, config=config_of(optim, uda), folder=folder, films=20, on_epoch=on_epoch, **more)
        return last, trainee


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
    return [epoch.model_copy(update={"seconds": 0.0, "waiting": 0.0}) for epoch in history.read(folder)]


def assert_same_run(one, other):
    assert without_seconds(one) == without_seconds(other)
    last = [max((run / "checkpoints").glob("epoch-*")) for run in (one, other)]
    assert last[0].name == last[1].name
    first, second = [torch.load(folder / "state.pt", weights_only=True) for folder in last]
    assert first["rates"] == second["rates"]
    assert first["optimizer"]["param_groups"] == second["optimizer"]["param_groups"]
    assert_close(first["generators"], second["generators"], rtol=0, atol=0)
    assert_close(first["optimizer"]["state"], second["optimizer"]["state"], rtol=0, atol=0)
    if first["average"] is not None:
        assert_close(first["average"], second["average"], rtol=0, atol=0)
    assert (last[0] / "model.safetensors").read_bytes() == (last[1] / "model.safetensors").read_bytes()


def test_training_lowers_the_loss_and_switches_phase(tmp_path):
    optim = OPTIM.model_copy(update={"max_epochs": 30, "plateau_patience": 9})
    last, _ = fitted(tmp_path, optim=optim)
    epochs = history.read(tmp_path)
    phases = [epoch.phase for epoch in epochs]
    assert "uda" in phases
    assert "plain" in phases
    assert epochs[-1].supervised < epochs[0].supervised
    assert last.position.progress.epoch == len(epochs)
    best = max(epochs, key=lambda epoch: epoch.validation.ap_micro)
    assert last.position.progress.best_epoch == best.epoch


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
    with learning(model()) as trainee:
        trained = one_epoch(trainee, data, max_grad_norm=0.5)

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
    with learning(model) as trainee:
        trained = one_epoch(trainee, data)
    assert_close(trained.logits_BG, torch.cat(model.seen[::2]))  # every other pass is the augmented one
    assert_close(trained.labels_BG, torch.cat([batch.labels_BG for batch in data.train(1)]))


def test_evaluation_switches_dropout_off_and_keeps_no_graph():
    model = tiny_model()
    assert scored(model) == scored(model)
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


def test_a_digit_of_history_that_flipped_costs_the_epochs_from_there_on(whole, tmp_path, caplog):
    with pytest.raises(InterruptionError):
        fitted(tmp_path / "parts", on_epoch=stop_after(4))
    path = tmp_path / "parts" / "epochs.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace('"supervised":0.', '"supervised":1.')  # still a line that can be read
    path.write_text("".join(lines))
    trained = []
    with caplog.at_level(logging.WARNING):
        fitted(tmp_path / "parts", on_epoch=lambda measured: trained.append(measured.epoch))
    assert trained == [4, 5, 6]
    assert "epoch-0004 is damaged (epochs.jsonl does not hold" in caplog.text
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
    best = last.position.progress.best_epoch
    kept = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in (tmp_path / "checkpoints").iterdir()}
    epochs = last.position.progress.epoch
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
    assert scored(trainee.model, "validation").ap_micro == last.position.progress.best


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


def test_a_single_nan_pass_is_named():
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.passes = tiny_model(), 0

        def forward(self, inputs):
            self.passes += 1
            return self.inner(inputs) * (math.nan if self.passes == 3 else 1.0)

    with learning(Breaks()) as trainee, pytest.raises(ValueError, match="epoch 7: .* of 5 passes, first in pass 3"):
        one_epoch(trainee, films(), epoch=7, objective=Objective())


def test_each_batch_reports_to_the_progress_of_its_epoch(tmp_path):
    seen = []

    def track(items, /, *, total, title, unit="films"):
        seen.append((total, title, unit))
        return items

    fitted(tmp_path, optim=OPTIM.model_copy(update={"max_epochs": 2}), title="mmbt+uda-seed1", track=track)
    assert seen == [(5, f"mmbt+uda-seed1 · epoch {number}/2 · uda", "batches") for number in (1, 2)]


def test_history_lines_are_json_an_epoch_each(tmp_path):
    fitted(tmp_path)
    lines = (tmp_path / "epochs.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_an_empty_split_says_so():
    with accelerator(device=CPU) as made, pytest.raises(ValueError, match="validation: no film"):
        evaluate(tiny_model(), [], genres=GENRES, accelerator=made, where="validation")
    with learning(tiny_model()) as trainee, pytest.raises(ValueError, match="no batch"):
        train_epoch(trainee, [], epoch=1, plan=lambda _: (Objective(), 0.0))


EXTRAS = {
    "plain": (OPTIM, None),
    "warm-up and accumulation": (OPTIM.model_copy(update={"warmup_epochs": 2.5, "accumulation": 2}), UDA),
    "ema": (OPTIM, UdaConfig(teacher="ema", ema_decay=0.8)),
    "separate pass": (OPTIM, UdaConfig(teacher="separate-pass")),
    "adaptive": (OPTIM, UdaConfig(schedule=WeightSchedule(kind="adaptive"))),
    "annealing and ramp": (OPTIM, UdaConfig(annealing="log", schedule=WeightSchedule(kind="sigmoid-up", ramp_epochs=3))),
    "reload": (OPTIM.model_copy(update={"patience": 1, "max_epochs": 9}), UdaConfig(switch="reload-best-then-plain")),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_run_killed_after_any_step_continues_to_the_very_same_end(tmp_path, name):
    # stopped after 1, 2, ... further steps each time, until nothing is left: every step of the run is one to go on from
    optim, uda = EXTRAS[name]
    fitted(tmp_path / "whole", optim=optim, uda=uda)
    trained = len(history.read(tmp_path / "whole"))

    class Dies(Films):
        left = 0

        def train(self, epoch, **more):
            for batch in super().train(epoch, **more):
                if self.left == 0:
                    raise InterruptionError
                self.left -= 1
                yield batch

    for attempt in range(40):  # later attempts draw their first weights and numbers otherwise, which must not matter
        data = Dies(films().batches)
        data.left = attempt + 2
        try:
            fitted(tmp_path / "parts", optim=optim, uda=uda, data=data, seed=attempt, checkpoint_seconds=0)
            break
        except InterruptionError:
            continue
    assert attempt > 3
    assert len(history.read(tmp_path / "parts")) == trained
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_the_augmented_films_are_not_asked_for_in_a_plain_phase(tmp_path):
    data = films()
    fitted(tmp_path, optim=OPTIM.model_copy(update={"max_epochs": 30, "patience": 1}), data=data)
    phases = [epoch.phase for epoch in history.read(tmp_path)]
    assert "plain" in phases
    assert data.asked == [(number, 0, phase == "uda") for number, phase in enumerate(phases, start=1)]


def test_two_passes_of_half_a_batch_make_the_step_of_one_whole_batch():
    # the last step of the epoch has one pass alone: five batches in twos are steps of 8, 8 and 4 films
    def model():
        torch.manual_seed(0)
        return nn.Sequential(Tokens(), nn.Linear(8, len(GENRES)))

    def joined(batches):
        for first in range(0, len(batches), 2):
            group = batches[first : first + 2]
            inputs = lambda part: Inputs(tokens_BL=torch.cat([getattr(b, part).tokens_BL for b in group]))  # noqa: B023, E731
            ids = tuple(film for b in group for film in b.ids)
            yield Batch(ids, torch.cat([b.labels_BG for b in group]), inputs("original"), inputs("augmented"))

    data, plan = films(), lambda _: (Objective(consistency=consistency_loss), 2.0)
    with learning(model()) as halves:
        train_epoch(halves, data.train(1), epoch=1, plan=plan, accumulation=2)
    with learning(model()) as wholes:
        train_epoch(wholes, joined(data.train(1)), epoch=1, plan=plan)
    assert_close(halves.model.state_dict(), wholes.model.state_dict(), atol=1e-5, rtol=1e-5)


def test_passes_of_a_step_weigh_as_many_films_as_they_have():
    # 4 films and 1 film in one step: the gradient of the mean over five films, not the mean of two means
    def model():
        torch.manual_seed(0)
        return nn.Sequential(Tokens(), nn.Linear(8, len(GENRES)))

    four, other = films().batches["train"][:2]
    one = Batch(other.ids[:1], other.labels_BG[:1], Inputs(tokens_BL=other.original.tokens_BL[:1]))
    five = Batch(
        four.ids + one.ids,
        torch.cat([four.labels_BG, one.labels_BG]),
        Inputs(tokens_BL=torch.cat([four.original.tokens_BL, one.original.tokens_BL])),
    )
    plan = lambda _: (Objective(), 0.0)  # noqa: E731
    with learning(model()) as parts:
        train_epoch(parts, [four, one], epoch=1, plan=plan, accumulation=2)
    with learning(model()) as whole:
        train_epoch(whole, [five], epoch=1, plan=plan)
    assert_close(parts.model.state_dict(), whole.model.state_dict(), atol=1e-5, rtol=1e-5)


def test_steps_of_an_epoch_keep_the_tail():
    # five batches in twos: three steps
    optim = OPTIM.model_copy(update={"accumulation": 2})
    assert steps_per_epoch(films(), config_of(optim)) == 3


def test_an_adaptive_weight_follows_the_gap_and_is_recorded(tmp_path):
    schedule = WeightSchedule(kind="adaptive", target_gap=0.0, gain=2.0, smoothing=0.5)
    fitted(tmp_path, uda=UdaConfig(weight=0.5, schedule=schedule), optim=OPTIM.model_copy(update={"patience": 9}))
    epochs = history.read(tmp_path)
    weight, smoothed = 0.5, None
    for epoch in epochs:
        assert epoch.consistency_weight == pytest.approx(weight)
        assert epoch.gap == pytest.approx(epoch.train_ap_micro - epoch.validation.ap_micro)
        smoothed = epoch.gap if smoothed is None else 0.5 * smoothed + 0.5 * epoch.gap
        assert epoch.smoothed_gap == pytest.approx(smoothed)
        weight = min(max(weight * math.exp(2.0 * smoothed), 0.05), 20.0)
    assert len({epoch.consistency_weight for epoch in epochs}) > 1


def test_a_ramp_moves_the_weight_step_by_step(tmp_path):
    # linear from 0 over two epochs of five steps, λ 2: steps 0/10 ... 4/10, mean 0.2, then 5/10 ... 9/10, mean 0.7, then 1
    uda = UdaConfig(weight=2.0, schedule=WeightSchedule(kind="linear-up", ramp_epochs=2))
    fitted(tmp_path, uda=uda, optim=OPTIM.model_copy(update={"max_epochs": 3, "patience": 9}))
    weights = [epoch.consistency_weight for epoch in history.read(tmp_path)]
    assert weights == pytest.approx([0.4, 1.4, 2.0])


def test_never_ends_the_run_with_its_uda_phase(tmp_path):
    uda = UdaConfig(weight=2.0, switch="never")
    last, _ = fitted(tmp_path, uda=uda, optim=OPTIM.model_copy(update={"max_epochs": 30, "patience": 1}))
    assert {epoch.phase for epoch in history.read(tmp_path)} == {"uda"}
    assert last.position.progress.epoch < 30


def test_reloading_goes_on_from_the_best_weights_with_fresh_moments(tmp_path):
    optim = OPTIM.model_copy(update={"patience": 2, "max_epochs": 30, "learning_rate": 0.2})
    uda = UdaConfig(weight=2.0, switch="reload-best-then-plain")
    seen = {}

    def first_plain_epoch(measured):
        if measured.phase == "plain":
            raise InterruptionError

    class Watches(Films):
        def train(self, epoch, **more):
            if not more["augmented"] and "weights" not in seen:
                seen["weights"] = {name: weight.clone() for name, weight in seen["model"].state_dict().items()}
            return super().train(epoch, **more)

    data = Watches(films().batches)
    torch.manual_seed(0)
    with learning(tiny_model(), optim, uda) as trainee:
        seen["model"] = trainee.model
        with pytest.raises(InterruptionError):
            fit(trainee, data, config=config_of(optim, uda), folder=tmp_path, films=20, on_epoch=first_plain_epoch)
    epochs = history.read(tmp_path)
    best = max((epoch for epoch in epochs if epoch.phase == "uda"), key=lambda epoch: epoch.validation.ap_micro)
    assert best.epoch < len(epochs) - 1  # else the last weights are the best ones
    fresh = tiny_model()
    checkpoint.load_weights(fresh, checkpoint.weights_of(tmp_path, best.epoch), device=CPU)
    assert_close(seen["weights"], fresh.state_dict(), rtol=0, atol=0)
    assert {int(state["step"]) for state in trainee.optimizer.state.values()} == {5}


def test_the_average_of_the_weights_teaches_in_evaluation_mode_and_follows_each_step():
    # naive: average = 0.8 average + 0.2 weights after each step; the first step copies
    uda = UdaConfig(teacher="ema", ema_decay=0.8)
    averages, naive = [], {}
    with learning(tiny_model(), uda=uda) as trainee:

        def follow(_passes):
            weights = {name: weight.detach().clone() for name, weight in trainee.model.named_parameters()}
            for name, weight in weights.items():
                naive[name] = weight if name not in naive else 0.8 * naive[name] + 0.2 * weight
            averages.append({name: weight.clone() for name, weight in trainee.average.module.named_parameters()})
            assert_close(averages[-1], dict(naive), atol=1e-6, rtol=1e-5)

        one_epoch(trainee, films(), after_step=follow)
    assert len(averages) == 5


def test_unlabelled_films_reach_the_consistency_term_alone():
    # the supervised loss of a pass does not change with them, the consistency term is the mean over both kinds of films
    model = nn.Sequential(Tokens(), nn.Linear(8, len(GENRES)))
    batch, other = films().batches["train"][:2]
    with_pool = replace(batch, unlabelled=Pair(other.ids, other.original, other.augmented))

    def one(given):
        objective = Objective(consistency=consistency_loss)
        with learning(model, OptimConfig(learning_rate=1e-12)) as trainee:
            return train_epoch(trainee, [given], epoch=1, plan=lambda _: (objective, 1.0))

    alone, beside, pooled = one(batch), one(other), one(with_pool)
    assert pooled.supervised == pytest.approx(alone.supervised)
    assert pooled.consistency == pytest.approx((alone.consistency + beside.consistency) / 2)
    assert len(pooled.logits_BG) == len(batch.ids)


def test_running_out_of_memory_says_how_to_take_the_same_step_in_less(tmp_path):
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tiny_model()

        def forward(self, _inputs):
            msg = "CUDA out of memory. Tried to allocate 2.00 GiB."
            raise torch.OutOfMemoryError(msg)

    optim = OPTIM.model_copy(update={"batch_size": 4, "accumulation": 3})
    with learning(Large(), optim) as trainee, pytest.raises(ValueError, match="batch_size 2 --optim.accumulation 6"):
        fit(trainee, films(), config=config_of(optim), folder=tmp_path, films=20)


def test_ogr_compares_epochs_and_has_none_in_the_first(tmp_path):
    fitted(tmp_path)
    epochs = history.read(tmp_path)
    assert epochs[0].ogr == {"model": None}
    for before, after in zip(epochs, epochs[1:], strict=False):
        overfitting = [epoch.validation.loss - epoch.train_loss for epoch in (before, after)]
        change = after.validation.loss - before.validation.loss
        assert after.ogr["model"] == pytest.approx(abs((overfitting[1] - overfitting[0]) / change))
