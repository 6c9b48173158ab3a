from pathlib import Path

import pytest

from train.compare import as_text, compare
from train.records import RunResult, Scores


def split(ap_micro, ap_macro=0.5, f1=0.4):
    return Scores(loss=0.3, ap_micro=ap_micro, ap_macro=ap_macro, ap_by_genre={"drama": ap_micro}, f1_micro=f1, f1_macro=f1)


def result(model="bert", *, uda=False, seed=1, train=0.9, validation=0.7, test=0.6, test_macro=0.5, version="demo-1", run=None):
    return RunResult(
        run=run or f"{model}{'+uda' if uda else ''}-seed{seed}-0",
        version=version,
        model=model,
        uda=uda,
        seed=seed,
        best_epoch=3,
        epochs=8,
        train=split(train),
        validation=split(validation),
        test=split(test, test_macro),
        seconds=1.0,
        path=Path("runs/x"),
    )


def test_rows_are_models_in_fixed_order_with_base_before_uda():
    results = [result("mmbt", uda=True), result("resnet"), result("bert", uda=True), result("mmbt"), result("bert")]
    assert [row.title for row in compare(results).rows] == ["BERT", "BERT + UDA", "ResNet", "MMBT", "MMBT + UDA"]


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
        ([result(run="bert-seed1-a"), result(run="bert-seed1-b")], "bert-seed1-a and bert-seed1-b are the same cell"),
    ],
)
def test_what_cannot_be_compared_is_named(results, said):
    with pytest.raises(ValueError, match=said):
        compare(results)
