"""Back-translation over translators that can be followed by eye, and over tiny real ones; the shelf it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from augment.text import back_translation, pool
from augment.text.back_translation import back_translate, publish
from augment.text.engines.protocol import Problem, Translated
from augment.text.spec import BackTranslationSpec
from datasets_cache.fingerprint import ShelfId
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache

MakeMarian = Callable[..., Path]


@dataclass
class Following:
    """A translator that does what `rule` says, hands sentences back in reverse order, and remembers what it was given."""

    rule: Callable[[str], str]
    problems: Mapping[str, Problem] = field(default_factory=dict)
    draws: bool = False
    direction: str = "a → b"
    given: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    models: Mapping[str, str] = field(default_factory=lambda: {"a → b": "v1"})
    loads: int = 0

    def load(self) -> None:
        self.loads += 1

    def fits(self, sentence: str) -> bool:
        return len(sentence) <= 60

    def translate(self, sentences: Sequence[str], *, seeds: Sequence[int]) -> Iterator[Translated]:
        self.given += sentences
        self.seeds += seeds
        for position in reversed(range(len(sentences))):
            sentence = sentences[position]
            yield Translated(position, self.rule(sentence), self.problems.get(sentence))


def same(sentence: str) -> str:
    return sentence


def test_each_sentence_returns_to_its_text_and_its_place():
    texts = ["The dog runs. The cat sleeps.\n\nThe bird sings.", "", "The cat sleeps.  The cow eats grass."]
    made = back_translate(texts, [Following(str.upper), Following(lambda sentence: sentence.replace("THE", "A"))])
    assert [back.text for back in made] == [
        "A DOG RUNS. A CAT SLEEPS.\n\nA BIRD SINGS.",
        "",
        "A CAT SLEEPS.  A COW EATS GRASS.",
    ]
    assert [(back.sentences, back.changed, back.kept) for back in made] == [(3, 3, ()), (0, 0, ()), (2, 2, ())]


def test_a_sentence_that_occurs_twice_is_translated_once():
    leg = Following(str.upper)
    back_translate(["The dog runs. The cat sleeps.", "The cat sleeps."], [leg])
    assert leg.given == ["The dog runs.", "The cat sleeps."]


def test_where_the_engine_draws_each_sentence_is_drawn_with_a_seed_of_its_own():
    leg = Following(str.upper, draws=True)
    back_translate(["The cat sleeps. The cat sleeps.", "The cat sleeps."], [leg], keys=["x", "y"])
    assert leg.given == ["The cat sleeps."] * 3
    assert len(set(leg.seeds)) == 3


def test_a_seed_depends_on_seed_key_view_sentence_and_leg_alone():
    def seeds(texts: list[str], **how: object) -> list[list[int]]:
        legs = [Following(same, draws=True), Following(same, draws=True)]
        back_translate(texts, legs, **how)  # type: ignore[arg-type]
        return [leg.seeds for leg in legs]

    alone = seeds(["The cat sleeps."], keys=["x"])
    assert alone[0] != alone[1]
    company = seeds(["The dog runs. The cow eats.", "The cat sleeps."], keys=["w", "x"])
    assert company[0][2:] == alone[0]
    assert seeds(["The cat sleeps."], keys=["y"]) != alone
    assert seeds(["The cat sleeps."], keys=["x"], view=1) != alone
    assert seeds(["The cat sleeps."], keys=["x"], seed=2) != alone


def test_garbage_keeps_the_original_with_a_reason_for_each_sentence():
    answers = {
        "The dog runs home.": "",
        "The cat sleeps a lot.": "cat",
        "The bird sings a song.": "a song, a song, a song",
        "The cow eats green grass.": "The cow eats green grass and then all of the hay in the barn.",
        "The fish swims away.": "The fish swam.",
    }
    text = " ".join(answers)
    [made] = back_translate([text], [Following(answers.__getitem__)])
    assert made.text == text.replace("The fish swims away.", "The fish swam.")
    assert made.kept == ("empty", "too short", "repetition", "length changed")
    assert (made.sentences, made.changed) == (5, 1)


def test_a_sentence_under_ten_characters_is_not_sent_and_kept():
    leg = Following(str.upper)
    [made] = back_translate(["He runs. The dog runs home."], [leg])
    assert leg.given == ["The dog runs home."]
    assert (made.text, made.kept) == ("He runs. THE DOG RUNS HOME.", ("too short",))


def test_what_one_leg_could_not_do_goes_no_further_and_is_kept():
    there = Following(same, problems={"The dog runs home.": "engine failed", "The cat sleeps a lot.": "unfinished"})
    back = Following(str.upper)
    [made] = back_translate(["The dog runs home. The cat sleeps a lot. The cow eats grass."], [there, back])
    assert back.given == ["The cow eats grass."]
    assert made.text == "The dog runs home. The cat sleeps a lot. THE COW EATS GRASS."
    assert made.kept == ("engine failed", "unfinished")


def test_a_sentence_that_came_back_the_same_is_neither_changed_nor_kept():
    [made] = back_translate(["The dog runs home."], [Following(same)])
    assert (made.text, made.changed, made.kept) == ("The dog runs home.", 0, ())


def test_line_breaks_and_runs_of_spaces_within_a_sentence_do_not_reach_the_engine():
    leg = Following(same)
    [made] = back_translate(["  The dog\nruns   home.\n"], [leg])
    assert leg.given == ["The dog runs home."]
    assert made.text == "  The dog runs home.\n"
    assert (made.changed, made.sentences) == (0, 1)


def test_a_long_sentence_goes_in_parts_and_is_put_together_again():
    leg = Following(str.upper)
    long = "The dog that lived in the old house ran home, and the cat that lived in the new house slept all day."
    [made] = back_translate([long], [leg])
    assert len(leg.given) == 2
    assert made.text == long.upper()


def test_a_sentence_that_an_engine_loses_or_returns_twice_stops_the_work():
    class Losing(Following):
        def translate(self, sentences: Sequence[str], *, seeds: Sequence[int]) -> Iterator[Translated]:
            yield from list(super().translate(sentences, seeds=seeds))[1:]

    class Doubling(Following):
        def translate(self, sentences: Sequence[str], *, seeds: Sequence[int]) -> Iterator[Translated]:
            yield from [*super().translate(sentences, seeds=seeds), Translated(0, "again")]

    with pytest.raises(AssertionError, match="2 sentences went in, 1 came back"):
        pool.translate(Losing(same), ["The dog.", "The cat."], seeds=[0, 0])
    with pytest.raises(AssertionError, match="came back twice"):
        pool.translate(Doubling(same), ["The dog.", "The cat."], seeds=[0, 0])


def test_a_key_is_needed_for_each_text():
    with pytest.raises(ValueError, match="1 keys for 2 texts"):
        back_translate(["a", "b"], [Following(same)], keys=["x"])


# ---------------------------------------------------------------- the shelf

PLOTS = {
    "f1": "The dog runs home. He hides. The cat sleeps a lot.",
    "f2": "The cow eats grass.",
    "f3": "Nothing. At all.",
}
GREEDY = BackTranslationSpec(decoding="greedy")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def sample(cache: Cache) -> ShelfId:
    name = ShelfId("sample-00000000000000aa")
    row = {"title": "t", "poster": b"p", "poster_256": b"p", "genres": ["Drama"], "given_plot": None, "given_poster_256": None}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for film, plot in PLOTS.items():
            stage.write("train", {"id": film, "plot": plot, **row})
        stage.write("validation", {"id": "v1", "plot": "The horse of the validation.", **row})
        stage.write("test", {"id": "t1", "plot": "The horse of the test.", **row})
        stage.publish(name, spec=GREEDY)
    return name


@pytest.fixture
def legs(monkeypatch: pytest.MonkeyPatch) -> list[Following]:
    """Upper case there, and back with "THE" as "A"; "THE COW EATS GRASS." comes back empty."""
    back = {"THE COW EATS GRASS.": ""}
    pair = [Following(str.upper), Following(lambda sentence: back.get(sentence, sentence.replace("THE", "A")))]
    monkeypatch.setattr(back_translation, "translators", lambda *_, **__: tuple(pair))
    return pair


def rows(cache: Cache, shelf: ShelfId) -> list[dict[str, object]]:
    return cache.open(shelf).split("train").to_list()


@pytest.mark.usefixtures("legs")
def test_the_shelf_has_the_training_films_in_order_with_sentences_and_reasons(cache: Cache, sample: ShelfId):
    shelf = publish(GREEDY, sample, cache=cache)
    assert rows(cache, shelf) == [
        {
            "id": "f1",
            "view": 0,
            "plot": "A DOG RUNS HOME. He hides. A CAT SLEEPS A LOT.",
            "sentences": 3,
            "kept": ["too short"],
        },
        {"id": "f2", "view": 0, "plot": "The cow eats grass.", "sentences": 1, "kept": ["empty"]},
        {"id": "f3", "view": 0, "plot": "Nothing. At all.", "sentences": 2, "kept": ["too short", "too short"]},
    ]
    assert cache.open(shelf).manifest.rows == {"train": 3}


@pytest.mark.usefixtures("legs")
def test_the_manifest_counts_what_became_of_the_sentences(cache: Cache, sample: ShelfId):
    manifest = cache.open(publish(GREEDY, sample, cache=cache)).manifest
    assert manifest.counts == {
        "plots": 3, "plots unchanged": 2, "sentences": 6, "changed": 2, "came back the same": 0,
        "kept: too short": 3, "kept: empty": 1,
    }  # fmt: skip
    # changed 2/6, kept 4/6; lengths: 46 of 50 characters, then twice the same: (.92 + 1 + 1) / 3
    assert manifest.quality == {"sentences changed": 0.3333, "sentences kept": 0.6667, "length ratio": 0.9733}
    assert manifest.parents == (sample,)
    assert manifest.models == {"a → b": "v1"}


def test_the_same_spec_finds_its_shelf_and_loads_nothing(cache: Cache, sample: ShelfId, legs: list[Following]):
    first = publish(GREEDY, sample, cache=cache)
    given, loads = [*legs[0].given], legs[0].loads
    assert publish(GREEDY, sample, cache=cache, device="cuda", threads=7, batch_tokens=3) == first
    assert (legs[0].given, legs[0].loads) == (given, loads)


@pytest.mark.usefixtures("legs")
@pytest.mark.parametrize("films", [1, 2, 3])
def test_blocks_of_films_do_not_change_the_rows(
    cache: Cache, sample: ShelfId, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, films: int
):
    whole = rows(cache, publish(GREEDY, sample, cache=cache))
    other = Cache(tmp_path / "other")
    (other.root / "shelves").mkdir(parents=True)
    (other.root / "shelves" / sample).symlink_to(cache.shelf_folder(sample))
    monkeypatch.setattr(back_translation, "FILMS_AT_ONCE", films)
    assert rows(other, publish(GREEDY, sample, cache=other)) == whole


@pytest.mark.usefixtures("legs")
def test_what_decides_the_rows_changes_the_name_and_nothing_else_does(cache: Cache, sample: ShelfId):
    name = publish(GREEDY, sample, cache=cache)
    for change in (
        {"pivot": "de"},
        {"min_chars": 5},
        {"max_length_change": 0.4},
        {"max_repeats": 3},
        {"decoding": "beam"},
        {"dtype": "bf16"},
    ):
        assert publish(GREEDY.model_copy(update=change), sample, cache=cache) != name, change
    for unread in ({"temperature": 0.7}, {"beams": 8}, {"seed": 9}, {"top_k": 5}):
        assert publish(GREEDY.model_copy(update=unread), sample, cache=cache) == name, unread


def test_other_weights_are_another_shelf(cache: Cache, sample: ShelfId, legs: list[Following]):
    name = publish(GREEDY, sample, cache=cache)
    legs[0].models = {"a → b": "v2"}
    legs[1].models = {"a → b": "v2"}
    assert publish(GREEDY, sample, cache=cache) != name


def test_a_model_that_is_missing_is_missed_before_the_work_begins(cache: Cache, sample: ShelfId, legs: list[Following]):
    def missing() -> None:
        message = "no model"
        raise ValueError(message)

    legs[1].load = missing  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="no model"):
        publish(GREEDY, sample, cache=cache)
    assert legs[0].given == []


def test_sampling_makes_several_views_by_film_and_view(cache: Cache, sample: ShelfId, make_marian: MakeMarian):
    models = {"forward_model": str(make_marian(1)), "backward_model": str(make_marian(2))}
    loose = {"min_chars": 0, "max_length_change": 50, "max_repeats": 500}
    spec = BackTranslationSpec(views=2, **models, **loose)  # type: ignore[arg-type]
    made = rows(cache, publish(spec, sample, cache=cache, device="cpu", threads=1))
    assert [(row["id"], row["view"]) for row in made] == [(film, view) for film in PLOTS for view in (0, 1)]
    assert made[0]["plot"] != made[1]["plot"]
    one = BackTranslationSpec(views=1, **models, **loose)  # type: ignore[arg-type]
    assert rows(cache, publish(one, sample, cache=cache, device="cpu", threads=1, batch_tokens=20)) == made[::2]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"engine": "bergamot"}, "en → pt → en only, not en → fr → en"),
        ({"engine": "bergamot", "pivot": "pt", "decoding": "sampling"}, "decodes greedily, not by sampling"),
        ({"engine": "bergamot", "pivot": "pt", "views": 2}, "2 views, but greedy decoding makes the same text each time"),
        ({"engine": "bergamot", "pivot": "pt", "forward_model": "x/y"}, "has its own models"),
        ({"decoding": "beam", "views": 3}, "3 views, but beam decoding"),
        ({"pivot": "en"}, "source and pivot are both 'en'"),
    ],
)
def test_settings_that_cannot_go_together_say_so_before_any_work(
    cache: Cache, sample: ShelfId, settings: dict[str, object], says: str
):
    with pytest.raises(ValueError, match=says):
        publish(BackTranslationSpec(**settings), sample, cache=cache)  # type: ignore[arg-type]


def test_all_that_cannot_go_together_is_listed_at_once():
    with pytest.raises(ValueError, match=r"only, not en → fr → en.*decodes greedily.*3 views|3 views.*decodes greedily"):
        BackTranslationSpec(engine="bergamot", decoding="beam", views=3).normalised()


def test_the_default_models_are_opus_mt_at_pinned_commits():
    spec = BackTranslationSpec()
    assert spec.model_for("forward") == ("Helsinki-NLP/opus-mt-en-fr", "dd7f6540a7a48a7f4db59e5c0b9c42c8eea67f18")
    assert spec.model_for("backward") == ("Helsinki-NLP/opus-mt-fr-en", "c4aed37b318c763fd177aa449b44e3b783cc6c02")
    assert BackTranslationSpec(pivot="fi").model_for("forward") == ("Helsinki-NLP/opus-mt-en-fi", None)
    assert BackTranslationSpec(forward_revision="abc").model_for("forward")[1] == "abc"
