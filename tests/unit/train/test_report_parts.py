"""What the report finds in a version and in predictions: genres together, worst back-translations, certainty, excerpts."""

import base64
import io
import tomllib

import numpy as np
import pytest
import torch
from PIL import Image

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import open_version, publish
from train import predictions
from train.config import RunConfig
from train.predictions import Predictions
from train.records import RunResult, Scores
from train.report import again, pictures
from train.report.certainty import certainty
from train.report.passages import LEAD, compared
from train.report.together import MOST_GENRES, together
from train.report.translations import SHOWN, worst
from train.variants import variants

GENRES = ("drama", "comedy", "war", "western")


class Spec(Frozen):
    name: str = "tiny"


def jpeg(size=(256, 256), seed=0):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def version_of(root, views, *, films=20, test=8, columns=TEXT_VIEW_FEATURES):
    """A version whose training film number n has the text view ``views[n]``, where there is one."""
    cache, poster = Cache(root), jpeg()
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, number in (("train", films), ("validation", 2), ("test", test)):
            for i in range(number):
                row = {"id": f"{split}{i}", "title": f"Film {i}", "plot": f"old words of film {i}", "poster": poster}
                genres = [GENRES[0], *([GENRES[1]] if i % 2 else [])]
                rest = {"poster_256": poster, "genres": genres, "given_plot": None, "given_poster_256": None}
                stage.write(split, row | rest)
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    text = None
    if views:
        with cache.stage("text", columns) as stage:
            for i, view in enumerate(views):
                row = {"id": f"train{i}", "view": 0, "plot": f"new words of film {i}", "sentences": 4, "kept": []}
                row |= {"retried": 0, "numbers_lost": 0, "names_lost": 0, "chrf": None}
                stage.write("train", {name: value for name, value in (row | view).items() if name in columns})
            text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    return open_version(cache, publish(cache, name="tiny", sample=sample, text=text, image=None).id)


def test_shares_are_of_the_rows_films():
    # drama in 4 films, comedy in 2 of them and in no other; war in 1 with comedy and drama; western never
    films = [["drama"], ["drama"], ["drama", "comedy"], ["drama", "comedy", "war"]]
    found = together(films, GENRES)
    rows = {row.genre: (row.films, row.alone, row.shares) for row in found.rows}
    assert list(rows) == ["drama", "comedy", "war", "western"]
    assert rows["drama"] == (4, 1 / 2, (None, 2 / 4, 1 / 4, 0))
    assert rows["comedy"] == (2, 0, (1, None, 1 / 2, 0))
    assert rows["western"] == (0, None, (None, None, None, None))
    assert found.left_out == 0


def test_the_strongest_pair_is_of_a_genre_with_enough_films():
    films = [["drama", "comedy"]] * 3 + [["drama"]] * 2 + [["war", "drama"]]  # comedy and war have too few
    row, genre, share = together(films, GENRES).strongest
    assert (row.genre, genre, share) == ("drama", "comedy", 3 / 6)
    assert together([["war", "drama"]], GENRES).strongest is None


def test_of_very_many_genres_the_commonest_are_shown_and_the_others_counted():
    genres = tuple(f"g{i:02}" for i in range(MOST_GENRES + 5))
    films = [[genre] * 1 for genre in genres] + [[genres[-1], genres[-2]]] * 3
    found = together(films, genres)
    assert len(found.rows) == MOST_GENRES
    assert [row.genre for row in found.rows[:2]] == list(genres[-2:])
    assert found.left_out == 5


def test_the_worst_back_translations_are_found_by_each_kind_once(tmp_path):
    views = [{"chrf": 100.0} for _ in range(20)]
    views[3] |= {"chrf": 20.0, "names_lost": 2}  # is among the furthest, and so not among the losses
    views[4] |= {"chrf": 30.0}
    views[7] |= {"chrf": 90.0, "numbers_lost": 1, "names_lost": 1}
    for number in (5, 8, 12):
        views[number] |= {"chrf": 40.0}
    views[9] |= {"kept": ["too short", "repetition", "too short"]}
    furthest, lost, kept = worst(version_of(tmp_path, views))
    assert [one.title for one in furthest.worst] == ["Film 3", "Film 4", "Film 12", "Film 5"]  # equals by id
    assert furthest.worst[0].why == ("20% of words changed", "chrF 20 of 100", "2 sentences lost a name")
    assert [one.title for one in lost.worst] == ["Film 7"]
    assert lost.found == 2
    assert lost.worst[0].why[2:] == ("1 sentence lost a number", "1 sentence lost a name")
    assert [one.title for one in kept.worst] == ["Film 9"]
    assert kept.worst[0].why[2:] == ("3 of 4 sentences kept: too short ×2, repetition ×1",)  # noqa: RUF001
    assert len(furthest.worst) == SHOWN


def test_marked_words_are_those_of_the_translation_that_is_shown(tmp_path):
    [furthest] = worst(version_of(tmp_path, [{"chrf": 90.0}, {"chrf": 50.0}]))
    plots = furthest.worst[0].plots
    assert [span for span in plots.original.head if span.changed] == [("old", True)]
    assert [span for span in plots.augmented.head if span.changed] == [("new", True)]
    assert plots.original.head[1].text == "words of film 1"


def test_a_shelf_without_figures_and_a_version_without_views_have_no_worst(tmp_path):
    older = {name: kind for name, kind in TEXT_VIEW_FEATURES.items() if name in {"id", "view", "plot", "sentences", "kept"}}
    assert worst(version_of(tmp_path / "older", [{}, {}], columns=type(TEXT_VIEW_FEATURES)(older))) == []
    assert worst(version_of(tmp_path / "none", [])) == []


def test_of_the_shelf_only_the_plots_that_are_shown_are_read(tmp_path, monkeypatch):
    version = version_of(tmp_path, [{"chrf": 50.0 + i} for i in range(20)])
    views = version.text_views()
    read = []

    def select_columns(names):
        read.append(names)
        return type(views).select_columns(views, names)

    monkeypatch.setattr(views, "select_columns", select_columns)
    monkeypatch.setattr(type(version), "text_views", lambda _: views)
    worst(version)
    assert "plot" not in read[0]
    assert read[1:] == [["plot"]]


def test_unchanged_words_before_the_first_change_are_left_out_on_request():
    same = " ".join(f"w{i}" for i in range(30))
    whole, cut = compared(f"{same} old end", f"{same} new end"), compared(f"{same} old end", f"{same} new end", skip=True)
    assert whole.original.skipped == 0
    assert (cut.original.skipped, cut.augmented.skipped) == (30 - LEAD, 30 - LEAD)
    assert cut.original.head[0].text.split() == [f"w{i}" for i in range(30 - LEAD, 30)]
    assert cut.augmented.head[1:] == [("new", True), ("end", False)]
    assert compared(same, same, skip=True).original.skipped == 0  # nothing changed: nothing to begin at


def split(ap):
    return Scores(loss=0.3, ap_micro=ap, ap_macro=ap, ap_by_genre={}, f1_micro=ap, f1_macro=ap)


def run(root, version, probabilities, *, model="bert", validation=0.5, seed=1, labels=None):
    """A finished run with predictions of the test films; of odd seeds in reverse order, as nothing promises one."""
    config = RunConfig(version=version.id, model=model, seed=seed)
    folder = root / f"{model}-seed{seed}"
    folder.mkdir(parents=True)
    if probabilities is not None:
        said = torch.tensor(probabilities, dtype=torch.float32)
        truth = torch.tensor([[1.0, i % 2, 0, 0] for i in range(len(said))]) if labels is None else torch.tensor(labels)
        ids = tuple(f"test{i}" for i in range(len(said)))
        if seed % 2:
            ids, said, truth = ids[::-1], said.flip(0), truth.flip(0)
        predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, said.logit(), truth))
    return RunResult(
        run=folder.name, version=version.id, model=model, uda=False, seed=seed, config=config, genres=GENRES, best_epoch=1,
        epochs=1, train=split(0.9), validation=split(validation), test=split(0.5), seconds=1.0, path=folder,
    )  # fmt: skip


SURE, TORN = [0.99, 0.01, 0.01, 0.01], [0.5, 0.5, 0.5, 0.5]


def test_certainty_is_the_mean_binary_entropy_in_bits(tmp_path):
    version = version_of(tmp_path / "cache", [], test=4)
    # H(1/4) = 2 - 3/4 log2(3) = 0.8113 bit, H(1/2) = 1 bit, H(1) = 0: film 1 has (0.8113 + 1 + 0 + 0) / 4 = 0.4528
    said = [SURE, [0.25, 0.5, 1e-9, 1e-9], TORN, [0.9, 0.9, 0.1, 0.1]]
    found = certainty(variants([run(tmp_path / "runs", version, said)]), version)
    assert [film.title for film in found.most] == ["Film 0", "Film 1"]
    assert [film.title for film in found.least] == ["Film 2", "Film 3"]
    assert found.most[1].entropy == pytest.approx(0.4528, abs=1e-4)
    assert found.least[0].entropy == pytest.approx(1)


def test_what_was_said_is_judged_genre_by_genre(tmp_path):
    version = version_of(tmp_path / "cache", [], test=2)
    # film 0 is a drama; film 1 a drama and a comedy
    found = certainty(variants([run(tmp_path / "runs", version, [SURE, [0.4, 0.45, 0.6, 0.1]])]), version)
    [right], [wrong] = found.most, found.least
    assert right.right
    assert (wrong.missed, wrong.invented) == (("comedy", "drama"), ("war",))  # likelier first
    assert [(guess.genre, guess.true) for guess in wrong.guesses][:2] == [("war", False), ("comedy", True)]
    # one film of either half; 0 of 4 decisions wrong, 3 of 4 wrong
    assert (found.half, found.wrong_sure, found.wrong_unsure) == (1, 0, 0.75)


def test_the_model_is_chosen_by_validation_among_those_with_predictions_and_its_seeds_are_averaged(tmp_path):
    version = version_of(tmp_path / "cache", [], test=2)
    runs = [
        run(tmp_path, version, [SURE, TORN], model="bert", validation=0.6, seed=1),
        run(tmp_path, version, [[0.7, 0.01, 0.01, 0.01], TORN], model="bert", validation=0.6, seed=2),
        run(tmp_path, version, None, model="mmbt", validation=0.9),  # its predictions were removed
        run(tmp_path, version, [TORN, SURE], model="resnet", validation=0.4),
    ]
    found = certainty(variants(runs), version)
    assert (found.title, found.seeds, found.films) == ("BERT", (1, 2), 2)
    assert found.most[0].guesses[0].probability == pytest.approx((0.99 + 0.7) / 2)


def test_without_predictions_nothing_is_said_of_certainty(tmp_path):
    version = version_of(tmp_path / "cache", [])
    assert certainty(variants([run(tmp_path, version, None)]), version) is None


def test_no_film_is_at_both_ends(tmp_path):
    version = version_of(tmp_path / "cache", [], test=5)
    said = np.random.default_rng(0).uniform(0.01, 0.99, (5, 4)).tolist()
    found = certainty(variants([run(tmp_path, version, said)]), version)
    assert (len(found.most), len(found.least)) == (2, 2)
    assert {film.title for film in found.most}.isdisjoint(film.title for film in found.least)


@pytest.mark.parametrize("size", [(40, 30), (256, 256), (900, 1400)])
def test_a_poster_on_the_page_has_the_size_it_is_shown_in_whatever_its_own(size):
    address = pictures.address(jpeg(size), size=pictures.THUMBNAIL)
    encoded = base64.b64decode(address.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(encoded)) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", pictures.THUMBNAIL)


def test_the_file_that_makes_a_version_again_holds_its_whole_plan():
    plan = {"name": "tiny's", "evaluation_sample": None, "text": {"models": {}, "pivot": "pt"}, "image": {"fill": [1, 2, 3]}}
    command = again.augmentation(plan, version="tiny-0123")
    file, _, last = command.removeprefix("cat > tiny-0123.toml <<'TOML'\n").partition("TOML\n")
    assert last == "mmuda augment --config tiny-0123.toml"
    assert tomllib.loads(file) == {
        "augmentation": plan | {"evaluation_sample": "none"},  # how a file says that something is absent
        "training": {"version": "tiny-0123"},
    }
