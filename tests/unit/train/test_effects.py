"""UDA minus base: which runs are paired, what is reported, what is said."""

import numpy as np
import pytest
import torch

from train import predictions
from train.config import OptimConfig, RunConfig, UdaConfig
from train.effects import Change, Interval, as_markdown, caution, effects, uncompared, verdict
from train.metrics import scores
from train.predictions import Predictions
from train.records import RunResult, Scores

GENRES = ("drama", "comedy", "war")
FILMS = 40


def split(ap):
    return Scores(loss=0.3, ap_micro=ap, ap_macro=ap, ap_by_genre=dict.fromkeys(GENRES, ap), f1_micro=ap, f1_macro=ap)


def labels():
    drawn = torch.from_numpy(np.random.default_rng(0).random((FILMS, 3)) < 0.4).float()
    drawn[0] = 1
    drawn[:, 2] = 0  # no film of war
    return drawn


def run(root, *, model="bert", uda=None, seed=1, skill=1.0, gap=0.2, kept=True, shuffled=False, films=FILMS, **settings):
    """A finished run whose logits know `skill` of the labels, with its predictions of the first `films` films."""
    config = RunConfig(version="v", model=model, uda=uda, seed=seed, **settings)
    folder = root / f"{model}-{'uda' if uda else 'base'}-{seed}-{len(list(root.iterdir()))}"
    folder.mkdir()
    truth = labels()[:films]
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(films, 3))).float() + skill * truth
    order = torch.randperm(films) if shuffled else torch.arange(films)
    if kept:
        ids = tuple(f"tt{number:03}" for number in order.tolist())
        predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, logits[order], truth[order]))
    return RunResult(
        run=folder.name, version="v", model=model, uda=uda is not None, seed=seed, config=config, genres=GENRES, best_epoch=1,
        epochs=2, train=split(0.6 + gap), validation=split(0.6), test=scores(logits, truth, genres=GENRES), seconds=1.0,
        path=folder,
    )  # fmt: skip


def test_the_change_is_the_mean_over_seed_pairs_with_its_deviation(tmp_path):
    base = [run(tmp_path, seed=seed, skill=1.0) for seed in (1, 2)]
    uda = [run(tmp_path, uda=UdaConfig(), seed=seed, skill=skill) for seed, skill in ((2, 2.0), (1, 1.5))]
    [effect] = effects([*base, *uda], resamples=100)
    pairs = [100 * (two.test.ap_micro - one.test.ap_micro) for one, two in zip(base, reversed(uda), strict=True)]
    assert effect.seeds == (1, 2)
    assert effect.ap_micro.by_seed == pytest.approx(pairs)
    assert effect.ap_micro.mean == pytest.approx(sum(pairs) / 2)
    assert effect.ap_micro.spread == pytest.approx(abs(pairs[0] - pairs[1]) / 2**0.5)  # n - 1 of two values


def test_seeds_that_one_side_lacks_count_in_neither_mean(tmp_path):
    base, uda = run(tmp_path, seed=1), run(tmp_path, uda=UdaConfig(), seed=1, skill=2.0, gap=0.1)
    alone = effects([base, uda], resamples=100)
    assert effects([base, uda, run(tmp_path, seed=2, gap=0.9)], resamples=100) == alone
    assert (alone[0].gap_base.mean, alone[0].gap_uda.mean) == (pytest.approx(20), pytest.approx(10))


def test_each_variant_is_compared_with_the_base_of_its_own_settings(tmp_path):
    fast, slow = OptimConfig(learning_rate=1e-3), OptimConfig(learning_rate=1e-6)
    runs = [run(tmp_path), run(tmp_path, uda=UdaConfig()), run(tmp_path, uda=UdaConfig(unlabelled=1.0))]
    runs += [run(tmp_path, optim=fast), run(tmp_path, uda=UdaConfig(), optim=fast), run(tmp_path, uda=UdaConfig(), optim=slow)]
    assert [(effect.base, effect.title) for effect in effects(runs, resamples=100)] == [
        ("BERT", "BERT + UDA"),
        ("BERT", "BERT + UDA · unlabelled 1.0"),
        ("BERT · optim.learning_rate 1e-3", "BERT + UDA · optim.learning_rate 1e-3"),
    ]
    assert uncompared(runs) == ["BERT + UDA · optim.learning_rate 1e-6"]


def test_films_are_paired_by_id_whatever_their_order(tmp_path):
    base, uda = run(tmp_path), run(tmp_path, uda=UdaConfig(), skill=2.0)
    shuffled = run(tmp_path, uda=UdaConfig(), skill=2.0, shuffled=True)
    assert effects([base, shuffled], resamples=100) == effects([base, uda], resamples=100)


def test_a_genre_without_a_test_film_has_no_difference(tmp_path):
    [effect] = effects([run(tmp_path), run(tmp_path, uda=UdaConfig(), skill=2.0)], resamples=100)
    assert effect.by_genre["war"] is None
    assert effect.by_genre["drama"] is not None
    assert effect.by_genre["drama"].interval is not None


def test_the_sentence_of_equal_systems_says_noise(tmp_path):
    [effect] = effects([run(tmp_path), run(tmp_path, uda=UdaConfig())], resamples=100)
    assert effect.sentence == "BERT: +0.0 points AP micro (95 % 0.0 to 0.0, p = 1.00; 1 seed): within noise."


def test_runs_without_predictions_have_a_difference_but_no_interval(tmp_path):
    [effect] = effects([run(tmp_path), run(tmp_path, uda=UdaConfig(), skill=2.0, kept=False)])
    assert effect.ap_micro.interval is None
    assert effect.sentence.endswith("(1 seed): not tested, the predictions are not there any more.")
    assert "| – | – |" in as_markdown([effect])


def test_under_thirty_test_films_there_is_a_difference_but_no_interval_and_no_verdict(tmp_path):
    few = [run(tmp_path, uda=uda, skill=skill, films=29) for uda, skill in ((None, 1.0), (UdaConfig(), 9.0))]
    [effect] = effects(few, resamples=100)
    assert effect.ap_micro.mean > 0
    assert effect.test_films == 29
    assert effect.ap_micro.interval is None
    assert effect.by_genre["drama"].interval is None
    assert effect.sentence.endswith("(1 seed): too few test films to tell, 29 where at least 30 are needed.")
    assert "no interval" in caution([effect])


def test_thirty_test_films_are_enough_for_a_verdict(tmp_path):
    enough = [run(tmp_path, uda=uda, skill=skill, films=30) for uda, skill in ((None, 1.0), (UdaConfig(), 9.0))]
    [effect] = effects(enough, resamples=100)
    assert effect.sentence.endswith("1 seed): better, by more than the choice of test films explains, with one seed.")
    assert "30 test films are few" in caution([effect])


@pytest.mark.parametrize("wrong", ["labels", "logits"])
def test_predictions_of_other_runs_are_refused(tmp_path, wrong):
    base, uda = run(tmp_path), run(tmp_path, uda=UdaConfig(), skill=2.0)
    found = predictions.load(uda.path / predictions.TEST)
    changed = Predictions(
        found.ids,
        GENRES,
        -found.logits_BG if wrong == "logits" else found.logits_BG,
        1 - found.labels_BG if wrong == "labels" else found.labels_BG,
    )
    predictions.save(uda.path / predictions.TEST, changed)
    with pytest.raises(ValueError, match="do not give the scores" if wrong == "logits" else "other films, genres or labels"):
        effects([base, uda], resamples=100)


def change(*by_seed, low, high):
    mean = sum(by_seed) / len(by_seed)
    return Change(by_seed=by_seed, mean=mean, spread=None, interval=Interval(low=low, high=high, p=0.5))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (change(1.0, 2.0, low=-0.1, high=3.0), "within noise"),
        (change(1.0, 2.0, low=0.1, high=3.0), "better, beyond noise"),
        (change(-1.0, -2.0, low=-3.0, high=-0.1), "worse, beyond noise"),
        (change(-1.0, 4.0, low=0.1, high=3.0), "not with every seed"),
        (change(1.0, low=0.1, high=3.0), "explains, with one seed"),
    ],
)
def test_the_verdict_is_plain_about_noise_and_seeds(found, said):
    assert said in verdict(found)


def test_minus_signs_and_small_p_are_printed_as_such(tmp_path):
    [effect] = effects([run(tmp_path), run(tmp_path, uda=UdaConfig())], resamples=100)
    interval = Interval(low=-3.04, high=-0.96, p=0.002)
    shown = effect.model_copy(update={"ap_micro": Change(by_seed=(-2.0, -2.2), mean=-2.1, spread=0.14, interval=interval)})
    shown = shown.model_copy(update={"seeds": (1, 2)})
    said = "BERT: −2.1 points AP micro (95 % −3.0 to −1.0, p = 0.002; 2 seeds, ± 0.1): worse, beyond noise."
    assert shown.sentence == said
    assert "| 2 | −2.1 ± 0.1 | −3.0 to −1.0 | 0.002 |" in as_markdown([shown])


def test_one_seed_is_said_not_to_be_covered(tmp_path):
    found = effects([run(tmp_path), run(tmp_path, uda=UdaConfig())], resamples=100)
    assert "of one seed" in caution(found)
