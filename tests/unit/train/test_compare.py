from pathlib import Path

import pytest

from train.compare import as_markdown, as_text, compare
from train.config import OptimConfig, RunConfig, UdaConfig, WeightSchedule
from train.records import RunResult, Scores


def split(ap_micro, ap_macro=0.5, f1=0.4):
    return Scores(loss=0.3, ap_micro=ap_micro, ap_macro=ap_macro, ap_by_genre={"drama": ap_micro}, f1_micro=f1, f1_macro=f1)


def result(
    model="bert",
    *,
    uda=None,
    seed=1,
    train=0.9,
    validation=0.7,
    test=0.6,
    test_macro=0.5,
    version="demo-1",
    run=None,
    **settings,
):
    """A finished run; `uda` is a bool or the consistency term, `settings` the rest of its configuration."""
    term = UdaConfig() if uda is True else uda or None
    return RunResult(
        run=run or f"{model}{'+uda' if uda else ''}-seed{seed}-0",
        version=version,
        model=model,
        uda=term is not None,
        seed=seed,
        config=RunConfig(version=version, model=model, uda=term, seed=seed, **settings),
        genres=("drama",),
        best_epoch=3,
        epochs=8,
        train=split(train),
        validation=split(validation),
        test=split(test, test_macro),
        seconds=1.0,
        path=Path("runs/x"),
    )


def titles(results):
    return [row.title for row in compare(results).rows]


def test_rows_are_models_in_fixed_order_with_base_before_uda():
    results = [result("mmbt", uda=True), result("resnet"), result("bert", uda=True), result("mmbt"), result("bert")]
    assert titles(results) == ["BERT", "BERT + UDA", "ResNet", "MMBT", "MMBT + UDA"]


def test_a_variant_is_named_by_the_settings_in_which_it_differs_from_the_default_and_from_another_run():
    adaptive, pool = UdaConfig(schedule=WeightSchedule(kind="adaptive")), UdaConfig(unlabelled=1.0)
    results = [result(uda=pool), result(uda=adaptive), result(uda=True), result()]
    assert titles(results) == ["BERT", "BERT + UDA", "BERT + UDA · schedule.kind adaptive", "BERT + UDA · unlabelled 1.0"]


def test_what_all_runs_share_is_in_no_name_even_where_it_is_not_the_default():
    optim = OptimConfig(learning_rate=1e-3)
    assert titles([result(optim=optim), result(uda=UdaConfig(weight=5.0), optim=optim)]) == ["BERT", "BERT + UDA"]


def test_each_base_stands_before_the_uda_of_its_own_settings_and_numbers_in_their_order():
    fast, faster = OptimConfig(learning_rate=1e-4), OptimConfig(learning_rate=1e-3)
    results = [
        result(uda=UdaConfig(weight=10.0)), result(uda=UdaConfig(weight=3.0)), result(),
        result(optim=faster), result(uda=True, optim=fast), result(optim=fast),
    ]  # fmt: skip
    assert titles(results) == [
        "BERT", "BERT + UDA · weight 3.0", "BERT + UDA · weight 10.0",
        "BERT · optim.learning_rate 1e-4", "BERT + UDA · optim.learning_rate 1e-4", "BERT · optim.learning_rate 1e-3",
    ]  # fmt: skip


def test_seeds_of_one_variant_are_one_row_and_those_of_another_another():
    pool = UdaConfig(unlabelled=1.0)
    rows = compare([result(uda=pool, seed=2), result(uda=True, seed=1), result(uda=pool, seed=1)]).rows
    assert [row.seeds for row in rows] == [(1,), (1, 2)]


def test_settings_of_one_model_name_no_rows_of_another():
    results = [result("mmbt", uda=UdaConfig(modality="both")), result("mmbt", uda=True), result(uda=True)]
    assert titles(results) == ["BERT + UDA", "MMBT + UDA", "MMBT + UDA · modality both"]


def test_yardsticks_stand_between_models_and_priors_with_a_dash_for_what_they_do_not_have():
    comparison = compare([result()], yardsticks={"text": split(0.61)}, priors=split(0.38))
    assert [row.title for row in comparison.rows] == ["BERT", "logistic regression on frozen text features", "class priors"]
    assert comparison.rows[1].cells == ("50.0", "61.0", "–", "–")


def test_the_markdown_table_is_the_printed_one():
    # test .6 and .5, gap .9 - .7, epoch 3 of 8
    assert as_markdown(compare([result()])) == (
        "| model | AP macro | AP micro | gap train − val. | best epoch |\n| --- | ---: | ---: | ---: | ---: |\n"
        "| BERT | 50.0 | 60.0 | 20.0 | 3 of 8 |\n"
    )


def test_one_seed_gives_percent_and_the_gap_in_points_without_spread():
    # test .6123 / .5, gap .9 - .7 = 20 points
    [row] = compare([result(test=0.6123)]).as_rows()
    assert (row["ap_micro"], row["ap_macro"], row["gap"]) == (61.23, 50.0, 20.0)
    assert row["ap_micro_spread"] is None
    assert row["seeds"] == 1


def test_several_seeds_give_mean_and_sample_deviation():
    # .58 .60 .65: mean .61; deviations -3 -1 4, squares 9 1 16 = 26, /2 = 13, root 3.6056 points
    # gaps .9 - .7, .9 - .6, .9 - .8: mean 20, deviations 0 10 -10: root of 100
    results = [
        result(seed=seed, test=test, validation=validation)
        for seed, test, validation in [(3, 0.58, 0.7), (1, 0.6, 0.6), (2, 0.65, 0.8)]
    ]
    row = compare(results).rows[0]
    assert row.seeds == (1, 2, 3)
    assert row.ap_micro.mean == pytest.approx(61.0)
    assert row.ap_micro.spread == pytest.approx(3.6056, abs=1e-4)
    assert row.gap is not None
    assert (row.gap.mean, row.gap.spread) == (pytest.approx(20.0), pytest.approx(10.0))
    assert str(row.ap_micro) == "61.0 ± 3.6"


def test_priors_come_last_and_have_no_gap():
    rows = compare([result()], priors=split(0.38, 0.2)).as_rows()
    assert rows[-1]["model"] == "class priors"
    assert (rows[-1]["ap_micro"], rows[-1]["ap_macro"], rows[-1]["gap"]) == (38.0, 20.0, None)


def test_the_text_shows_every_row_in_plain_letters():
    text = as_text(compare([result(), result(uda=True, test=0.65)], priors=split(0.38, 0.2)))
    lines = [line for line in text.splitlines() if "BERT" in line or "priors" in line]
    assert [line.split("│")[1].strip() for line in lines] == ["BERT", "BERT + UDA", "class priors"]
    assert "65.0" in lines[1]
    assert "3 of 8" in lines[1]
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], "no result"),
        ([result(), result("mmbt", version="demo-2")], "2 cache versions"),
        (
            [result(run="bert-seed1-a"), result(run="bert-seed1-b")],
            "bert-seed1-a and bert-seed1-b are the same model, settings and seed",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(results, said):
    with pytest.raises(ValueError, match=said):
        compare(results)
