import html
import io
import itertools
import re
import shlex
import warnings
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets_cache.fingerprint import fingerprint, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from train import history, predictions
from train.config import OptimConfig, RunConfig, UdaConfig, WeightSchedule
from train.metrics import scores
from train.predictions import Predictions
from train.records import EpochMetrics, ModalityLoss, RunResult, Scores
from train.report import drawing, write_report
from train.report.words import Span, excerpt, word_diff

GENRES = ("drama", "comedy", "war")
TITLE = "<script>alert('x')</script> & Sons"
PLOT = "A <b>bold</b> man leaves & never returns."
CHANGED = "A <b>bold</b> man goes & never returns."
TEST_FILMS = 30
"""As many as a verdict needs."""


class Spec(Frozen):
    name: str = "tiny"


class Page(HTMLParser):
    """Tags with their attributes, texts by the innermost tag."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def of(self, tag):
        return [" ".join(text.split()) for inside, text in self.texts if inside == tag]

    def has(self, text):
        return text in " ".join(" ".join(data.split()) for _, data in self.texts)


def noise(seed):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)  # as large as a poster can be
    return file.getvalue()


def published(root, *, name="tiny", views=True):
    cache = Cache(root)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, films in (("train", 15), ("validation", 4), ("test", TEST_FILMS)):
            for i in range(films):
                poster = noise(i)
                row = {"id": f"{split}{i}", "title": TITLE, "plot": PLOT, "poster": poster, "poster_256": poster}
                genres = ["drama"] if i % 2 else ["comedy", "drama"]
                stage.write(split, {**row, "genres": genres, "given_plot": None, "given_poster_256": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    if not views:
        return cache, publish(cache, name=name, sample=sample, text=None, image=None).id
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for i in reversed(range(15)):  # not in the order of the films
            row = {"id": f"train{i}", "view": 0, "plot": CHANGED, "sentences": 2, "kept": ["repetition"] if i == 5 else []}
            stage.write("train", row | {"numbers_lost": 0, "names_lost": int(i == 7), "chrf": 60.0 + i})
        text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample], quality={"changed": 0.5}).id
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        for i in range(15):
            stage.write(
                "train", {"id": f"train{i}", "view": 0, "poster_256": noise(90 + i), "ops": ["Rotate -9.0"], "kept": None}
            )
        image = stage.publish(shelf_id("image", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    return cache, publish(cache, name=name, sample=sample, text=text, image=image).id


def scored(ap):
    by_genre = {"drama": ap, "comedy": ap, "war": None}
    return Scores(loss=0.3, ap_micro=ap, ap_macro=ap, ap_by_genre=by_genre, f1_micro=ap, f1_macro=ap)


def epoch_metrics(epoch, value, *, model, uda):
    on = uda is not None and epoch < 3
    ratio = None if epoch == 1 else 0.5 * epoch
    alone = ("text", "image") if model == "mmbt" else ()
    adaptive = on and uda.schedule.kind == "adaptive"
    return EpochMetrics(
        epoch=epoch, phase="uda" if on else "plain", learning_rate=1e-4, supervised=0.3, consistency=0.03 if on else None,
        consistency_weight=0.5 + epoch / 2 if on else None, consistency_share=0.1 if on else None, train_loss=0.3,
        train_ap_micro=value + 0.1, train_ap_macro=value, gap=0.1, smoothed_gap=0.05 * epoch if adaptive else None,
        modality_losses={part: ModalityLoss(train=0.3, validation=0.4) for part in alone},
        ogr=dict.fromkeys(("model", *alone), ratio), validation=scored(value), best=epoch < 3, seconds=1.0, waiting=0.1,
    )  # fmt: skip


def predicted(folder, *, skill, seed):
    """Predictions of the test films, and the scores that they give."""
    labels = torch.tensor([[1.0, i % 2 == 0, 0] for i in range(TEST_FILMS)])  # as `published` has them
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(TEST_FILMS, 3))).float() + skill * labels
    ids = tuple(f"test{i}" for i in range(TEST_FILMS))
    predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, logits, labels))
    return scores(logits, labels, genres=GENRES)


def trained(runs, version, *, model="bert", uda=None, seed=1, test=0.6, skill=None, **settings):
    """A finished run as the trainer leaves it, without weights; with `skill`, with the predictions behind its test scores."""
    uda = UdaConfig() if uda is True else uda or None
    config = RunConfig(version=version, model=model, uda=uda, seed=seed, **settings)
    name = f"{model}{'+uda' if uda else ''}-seed{seed}-{fingerprint(config.model_dump(mode='json'))}"
    folder = runs / name
    folder.mkdir(parents=True)
    for epoch, value in enumerate((0.4, 0.5, 0.45), start=1):
        history.append(folder, epoch_metrics(epoch, value, model=model, uda=uda))
    return RunResult(
        run=name, version=version, model=model, uda=uda is not None, seed=seed, config=config, genres=GENRES, best_epoch=2,
        epochs=3, train=scored(0.9), validation=scored(0.5),
        test=scored(test) if skill is None else predicted(folder, skill=skill, seed=seed), seconds=3.0, path=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page of all six cells, made with their predictions, with every warning an error."""
    root = tmp_path_factory.mktemp("report")
    cache, version = published(root / "cache")
    results = [
        trained(root / "runs", version, model=model, uda=uda, skill=1.0 + uda)
        for model in ("bert", "resnet", "mmbt")
        for uda in (False, True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return write_report(results, cache=cache, path=root / "pages" / "report.html")


@pytest.fixture(scope="module")
def page(written):
    return Page(written)


def test_the_page_needs_nothing_beside_it(page, written):
    addresses = [
        value for _, attrs in page.tags for name, value in attrs.items() if name in {"src", "href", "xlink:href", "srcset"}
    ]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "base"})
    assert not re.search(r"url\((?!#)|@import", written.read_text())


def test_the_page_stays_small_with_the_largest_posters(written):
    assert written.stat().st_size < 5_000_000


def test_titles_and_plots_are_shown_as_they_are(page):
    assert page.of("h3").count(TITLE) == 12
    assert page.has("<b>bold</b> man")
    assert "b" not in {tag for tag, attrs in page.tags if attrs.get("class") == "bold"}
    assert all(attrs["alt"] in {f"Poster of {TITLE}", "The same poster, augmented"} for tag, attrs in page.tags if tag == "img")


def test_changed_words_alone_are_marked(page):
    # the gallery's twelve, the four furthest from their originals, one that lost a name, one with a sentence kept
    assert Counter(page.of("mark")) == {"leaves": 18, "goes": 18}


def test_every_film_of_the_gallery_has_its_two_posters_and_the_ops(page):
    drawn = [attrs["alt"] for tag, attrs in page.tags if tag == "img"]
    assert drawn.count("The same poster, augmented") == 12
    assert drawn.count(f"Poster of {TITLE}") == 12 + 2 * 6  # and the surest and least sure test films
    assert page.of("figcaption").count("Rotate -9.0") == 12


def test_every_cell_and_the_priors_are_rows(page):
    rows = [text for text in page.of("th") if text]
    titles = ["BERT", "BERT + UDA", "ResNet", "ResNet + UDA", "MMBT", "MMBT + UDA", "class priors"]
    assert [text for text in rows if text in titles][: len(titles)] == titles  # then the table of effects


def test_no_two_elements_share_an_id(page):
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert [name for name, times in ids.items() if times > 1] == []
    used = {attrs["xlink:href"][1:] for _, attrs in page.tags if attrs.get("xlink:href", "").startswith("#")}
    assert used <= set(ids)


def test_charts_take_the_pages_colours(written):
    svg = "".join(re.findall(r"<svg.*?</svg>", written.read_text(), re.DOTALL))
    assert "var(--uda)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()


def test_each_model_has_one_figure_of_curves_without_and_with_uda(page):
    said = [text for text in page.of("text") if " · gap " in text]
    # training is 10 points above validation in every epoch
    assert said == ["without UDA · gap 10.0", "with UDA · gap 10.0"] * 3


def test_the_switch_of_phase_is_marked_with_uda_alone_in_the_curves_and_under_the_gap(page):
    assert sum(text.startswith("consistency off") for text in page.of("text")) == 3 + 3


def test_a_genre_without_a_test_film_is_named_and_not_drawn(page):
    assert page.has("without a score: war")


def test_settings_that_runs_share_are_told_once(page):
    assert page.of("dt").count("optim.learning_rate") == 1
    assert page.of("dt").count("uda.weight") == 3
    assert page.has("One seed: a direction, not a result.")


def commands(path):
    """Options of each training command on the page."""
    found = re.findall(r"<pre><code>(.*?)</code></pre>", path.read_text(), re.DOTALL)
    every = [shlex.split(html.unescape(command).replace("\\\n", " ")) for command in found]
    words = [command for command in every if command[:2] == ["mmuda", "train"]]
    assert all(command[:3] == ["mmuda", "train", "tiny"] for command in words)
    options = [[*command[3:], "--"] for command in words]
    return [
        {name: value for name, value in itertools.pairwise(command) if name.startswith("--")}  # a switch has the next as value
        for command in options
    ]


def test_the_command_spells_out_every_setting(written):
    [options] = commands(written)
    assert (options["--models"], options["--uda"], options["--seeds"]) == ("bert,resnet,mmbt", "both", "1")
    assert (options["--optim.learning_rate"], options["--text.revision"]) == ("5e-05", "none")
    assert (options["--consistency.weight"], options["--consistency.reduction"]) == ("1.0", "joint")
    assert {"--no-compute.compile", "--compute.channels_last"} <= set(options)  # yes and no are spelt as switches


def test_reported_figures_stand_on_moviescope_pages_alone(page, tmp_path):
    assert not any("reported" in text for text in page.of("th"))
    cache, version = published(tmp_path / "cache", name="moviescope", views=False)
    results = [trained(tmp_path, version, model="mmbt", uda=uda) for uda in (False, True)]
    other = Page(write_report(results, cache=cache, path=tmp_path / "page.html"))
    table = other.of("td")
    assert [table[table.index(shown) - 1] for shown in ("71.5 / 74.1", "72.3 / 74.9")] == ["2 of 3", "2 of 3"]
    assert other.has("Not measured here, where there are 15 training films")


def test_a_page_without_views_or_run_directories_says_what_is_missing(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    result = trained(tmp_path / "runs", version)
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    page = Page(write_report([result], cache=cache, path=tmp_path / "page.html"))
    assert page.has("no augmented views")
    assert page.has("are not there any more")
    assert page.of("dt").count("optim.learning_rate") == 1  # the result itself says how it was trained
    assert page.of("mark") == []


def test_runs_that_the_epoch_limit_cut_short_are_named(page, tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    cut = trained(tmp_path, version).model_copy(update={"best_epoch": 3})
    assert Page(write_report([cut], cache=cache, path=tmp_path / "page.html")).has("Still gaining when the epoch limit")
    assert not page.has("Still gaining")


def test_several_seeds_give_a_spread(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    results = [trained(tmp_path, version, seed=seed, test=test) for seed, test in ((1, 0.58), (2, 0.6), (3, 0.65))]
    page = Page(write_report(results, cache=cache, path=tmp_path / "page.html"))
    assert page.has("61.0 ± 3.6")
    assert not page.has("One seed")


def test_no_result_and_a_place_that_cannot_be_written_are_errors_with_a_cure(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    with pytest.raises(ValueError, match="no result"):
        write_report([], cache=cache, path=tmp_path / "page.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="choose another place"):
        write_report([trained(tmp_path, version)], cache=cache, path=tmp_path / "file" / "page.html")


def test_each_effect_is_a_sentence_and_a_row_with_its_interval(page):
    said = [text for text in page.of("li") if "points AP micro" in text]
    assert [text.split(":")[0] for text in said] == ["BERT", "ResNet", "MMBT"]
    assert all("95 %" in text and "1 seed" in text for text in said)
    assert page.has("Nor do they cover the seed")
    assert page.has("30 test films are few")


def test_effects_without_predictions_are_said_to_be_untested(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    results = [trained(tmp_path, version), trained(tmp_path, version, uda=True, test=0.65)]
    page = Page(write_report(results, cache=cache, path=tmp_path / "page.html"))
    assert page.has("BERT: +5.0 points AP micro (1 seed): not tested")


def test_variants_have_their_names_in_every_chart_and_a_command_of_their_own(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    adaptive = UdaConfig(schedule=WeightSchedule(kind="adaptive", target_gap=0.2))
    results = [trained(tmp_path, version, model="mmbt", uda=uda, skill=1.0) for uda in (None, True, adaptive)]
    path = write_report(results, cache=cache, path=tmp_path / "page.html")
    page, title = Page(path), "MMBT + UDA · schedule.kind adaptive, schedule.target_gap 0.2"
    assert title in page.of("th")
    # λ and gap, over-fitting, differences by genre
    assert page.of("figcaption").count(title) == 3
    # training curves, genres: beside the base
    assert page.of("figcaption").count(title.replace(" + UDA", "")) == 2
    assert [one["--consistency.schedule.kind"] for one in commands(path)] == ["constant", "adaptive"]
    assert [one["--uda"] for one in commands(path)] == ["both", "both"]


def test_an_adaptive_weight_is_drawn_beside_the_gap_and_its_target(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    adaptive = UdaConfig(schedule=WeightSchedule(kind="adaptive"))
    page = Page(write_report([trained(tmp_path, version, uda=adaptive)], cache=cache, path=tmp_path / "page.html"))
    assert {"λ", "gap with UDA", "smoothed", "target"} <= set(page.of("text"))
    assert page.has("no base of the same settings and seed")


def test_over_fitting_is_drawn_for_the_model_and_for_each_modality_of_mmbt(page):
    assert Counter(text for text in page.of("text") if text in {"text", "image"}) == {"text": 2, "image": 2}


def test_no_chart_shows_the_markup_of_a_label_in_place_of_a_number(page):
    assert [text for text in page.of("text") if "$" in text] == []


def test_yardsticks_are_rows_that_say_what_they_are(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    path = write_report(
        [trained(tmp_path, version)], cache=cache, path=tmp_path / "page.html", yardsticks={"text": scored(0.55)}
    )
    page = Page(path)
    assert "logistic regression on frozen text features" in page.of("th")
    assert page.has("strength chosen on validation")


def test_runs_of_several_settings_have_a_command_for_each(tmp_path):
    cache, version = published(tmp_path / "cache", views=False)
    results = [trained(tmp_path, version), trained(tmp_path, version, optim=OptimConfig(learning_rate=1e-3))]
    options = commands(write_report(results, cache=cache, path=tmp_path / "page.html"))
    assert {(one["--optim.learning_rate"], one["--uda"]) for one in options} == {("5e-05", "off"), ("0.001", "off")}


def test_word_diff_is_the_one_worked_by_hand():
    # "old" becomes "aged", "very" is new, "indeed" is gone: 2 of 5 original words are not in their place
    compared = word_diff("an old man laughs indeed", "an aged man laughs")
    assert compared.original == [("an", False), ("old", True), ("man laughs", False), ("indeed", True)]
    assert compared.augmented == [("an", False), ("aged", True), ("man laughs", False)]
    assert compared.changed == pytest.approx(2 / 5)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_word_diff_loses_no_word(one, two):
    compared = word_diff(" ".join(one), " ".join(two))
    assert " ".join(span.text for span in compared.original).split() == one
    assert " ".join(span.text for span in compared.augmented).split() == two
    kept = [[span.text for span in spans if not span.changed] for spans in (compared.original, compared.augmented)]
    assert " ".join(kept[0]) == " ".join(kept[1])


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8), st.integers(0, 20))
def test_an_excerpt_and_its_rest_are_the_whole(sizes, words):
    spans = [Span(" ".join(["w"] * size), changed) for size, changed in sizes]
    head, rest = excerpt(spans, words=words)
    flatten = lambda part: [(word, span.changed) for span in part for word in span.text.split()]  # noqa: E731
    assert flatten(head) + flatten(rest) == flatten(spans)
    assert len(flatten(head)) == min(words, sum(size for size, _ in sizes))


def test_a_few_words_over_are_not_cut_off():
    assert excerpt([Span("a b c d", False)], words=3, worth=1) == ([Span("a b c d", False)], [])
    assert excerpt([Span("a b c d e", False)], words=3, worth=1) == ([Span("a b c", False)], [Span("d e", False)])


def test_a_run_of_one_epoch_has_no_broken_numbers_on_its_axis():
    _, axes = drawing.canvas(height=2)
    axes.plot([1], [0.5], "o")
    drawing.epoch_axis(axes)
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks().tolist() if low <= tick <= high] == [1]
