"""The shelf of back-translated plots: rows, manifest, name, shards, several views."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from augment.text import shelf as text_shelf
from augment.text.engines.build import translators
from augment.text.engines.protocol import Encoded, Translated
from augment.text.shelf import publish
from augment.text.spec import BackTranslationSpec
from datasets_cache import division
from datasets_cache.fingerprint import ShelfId
from datasets_cache.rank import rank
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.store import Cache

MakeMarian = Callable[..., Path]


@dataclass
class Following:
    """A translator that does what `rule` says, and remembers what it was given."""

    rule: Callable[[str], str]
    direction: str
    draws: bool = False
    given: list[str] = field(default_factory=list)
    version: str = "v1"
    loads: int = 0

    @property
    def models(self) -> dict[str, str]:
        return {self.direction: self.version}

    def load(self) -> None:
        self.loads += 1

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        return [Encoded(sentence) for sentence in sentences]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        assert len(seeds) == len(sentences)
        self.given += [sentence.text for sentence in sentences]
        for position, sentence in enumerate(sentences):
            yield Translated(position, self.rule(sentence.text))


PLOTS = {
    "f1": "The dog runs home. He hides. The cat sleeps a lot.",
    "f2": "The cow eats grass.",
    "f3": "Nothing. At all.",
}
GREEDY = BackTranslationSpec(decoding="greedy", retry=False, check_language=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def publish_sample(cache: Cache, plots: dict[str, str]) -> ShelfId:
    name = ShelfId("sample-00000000000000aa")
    row = {"title": "t", "poster": b"p", "poster_256": b"p", "genres": ["Drama"], "given_plot": None, "given_poster_256": None}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for film in sorted(plots, key=rank):
            stage.write("train", {"id": film, "plot": plots[film], **row})
        stage.write("validation", {"id": "v1", "plot": "The horse of the validation.", **row})
        stage.write("test", {"id": "t1", "plot": "The horse of the test.", **row})
        stage.publish(name, spec=GREEDY)
    return name


@pytest.fixture
def sample(cache: Cache) -> ShelfId:
    return publish_sample(cache, PLOTS)


@pytest.fixture
def legs(monkeypatch: pytest.MonkeyPatch) -> list[Following]:
    """ "The" as "Le" there, and as "A" on the way back; "The cow eats grass." comes back empty."""

    def back(sentence: str) -> str:
        return "" if "cow" in sentence else sentence.replace("Le", "A")

    pair = [Following(lambda sentence: sentence.replace("The", "Le"), "en → fr"), Following(back, "fr → en")]
    monkeypatch.setattr(text_shelf, "translators", lambda *_, **__: tuple(pair))
    return pair


def rows(cache: Cache, shelf: ShelfId) -> list[dict[str, object]]:
    return cache.open(shelf).split("train").to_list()


def files(cache: Cache, shelf: ShelfId) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(cache.shelf_folder(shelf).glob("*.arrow"))}


@pytest.mark.usefixtures("legs")
def test_the_shelf_has_the_training_films_in_the_samples_order_with_sentences_and_reasons(cache: Cache, sample: ShelfId):
    made = rows(cache, publish(GREEDY, sample, cache=cache))
    assert [row["id"] for row in made] == sorted(PLOTS, key=rank)
    by_film = {row["id"]: (row["view"], row["plot"], row["sentences"], row["kept"]) for row in made}
    assert by_film == {
        "f1": (0, "A dog runs home. He hides. A cat sleeps a lot.", 3, ["too short"]),
        "f2": (0, "The cow eats grass.", 1, ["empty"]),
        "f3": (0, "Nothing. At all.", 2, ["too short", "too short"]),
    }
    assert {row["id"]: row["chrf"] == 100 for row in made} == {"f1": False, "f2": True, "f3": True}


@pytest.mark.usefixtures("legs")
def test_the_manifest_counts_what_became_of_the_sentences(cache: Cache, sample: ShelfId):
    manifest = cache.open(publish(GREEDY, sample, cache=cache)).manifest
    assert manifest.rows == {"train": 3}
    assert manifest.counts == {
        "plots": 3, "plots unchanged": 2, "sentences": 6, "changed": 2, "came back the same": 0, "second decoding used": 0,
        "numbers lost": 0, "names lost": 0, "kept: too short": 3, "kept: empty": 1,
    }  # fmt: skip
    assert manifest.parents == (sample,)
    assert manifest.models == {"en → fr": "v1", "fr → en": "v1"}


@pytest.mark.usefixtures("legs")
def test_the_manifest_measures_the_plots(cache: Cache, sample: ShelfId):
    quality = cache.open(publish(GREEDY, sample, cache=cache)).manifest.quality
    # changed 2 of 6 sentences, kept 4; lengths: 46 of 50 characters, then twice the same: (.92 + 1 + 1) / 3
    assert (quality["sentences changed"], quality["sentences kept"]) == (0.3333, 0.6667)
    assert quality["length ratio"] == 0.9733
    # words: "A dog runs home He hides A cat sleeps a lot" has 9 distinct of 11 without case ("a" three times); 4 of 4; 3 of 3
    assert quality["distinct-1"] == round((9 / 11 + 1 + 1) / 3, 4)
    # "The dog runs home He hides The cat sleeps a lot": 10 distinct of 11
    assert quality["distinct-1 of the originals"] == round((10 / 11 + 1 + 1) / 3, 4)
    assert 0 < quality["bleu"] < 100
    assert [pair["id"] for pair in quality["pairs"]["worst"]] == ["f1"]  # the only plot that changed
    assert 0.8 < quality["pairs"]["worst"][0]["cosine"] < 1  # of the same dog and cat


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
    whole = files(cache, publish(GREEDY, sample, cache=cache))
    other = Cache(tmp_path / "other")
    publish_sample(other, PLOTS)
    monkeypatch.setattr(text_shelf, "FILMS_AT_ONCE", films)
    assert files(other, publish(GREEDY, sample, cache=other)) == whole


@pytest.mark.usefixtures("legs")
def test_what_decides_the_rows_changes_the_name_and_nothing_else_does(cache: Cache, sample: ShelfId):
    name = publish(GREEDY, sample, cache=cache)
    for change in (
        {"pivot": "de"},
        {"min_chars": 5},
        {"max_length_change": 0.4},
        {"max_repeats": 3},
        {"check_copies": False},
        {"decoding": "beam"},
        {"dtype": "bf16"},
        {"engine": "ctranslate2"},
    ):
        assert publish(GREEDY.model_copy(update=change), sample, cache=cache) != name, change
    for unread in ({"temperature": 0.7}, {"beams": 8}, {"seed": 9}, {"top_k": 5}, {"dtype": "fp32"}):
        assert publish(GREEDY.model_copy(update=unread), sample, cache=cache) == name, unread


def test_other_weights_are_another_shelf(cache: Cache, sample: ShelfId, legs: list[Following]):
    name = publish(GREEDY, sample, cache=cache)
    legs[0].version = legs[1].version = "v2"
    assert publish(GREEDY, sample, cache=cache) != name


def test_a_model_that_is_missing_is_missed_before_the_work_begins(cache: Cache, sample: ShelfId, legs: list[Following]):
    def missing() -> None:
        message = "no model"
        raise ValueError(message)

    legs[1].load = missing  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="no model"):
        publish(GREEDY, sample, cache=cache)
    assert legs[0].given == []


# ---------------------------------------------------------------- shards

SENTENCES = (
    "A detective returns to the town where he was born.", "Nobody remembers him.", "Two brothers rob a bank.",
    "The captain fears a storm.", "A letter from her father is lost at sea.", "The king has no heir.",
)  # fmt: skip
MANY = {f"film {number}": " ".join(SENTENCES[number % 6 : number % 6 + 1 + number % 3]) for number in range(12)}


@pytest.fixture
def tiny(make_marian: MakeMarian) -> dict[str, object]:
    """Settings that run tiny checkpoints, whose nonsense passes the guards."""
    models = {"en-fr": str(make_marian(1)), "fr-en": str(make_marian(2))}
    return {"models": models, "min_chars": 0, "max_length_change": 50, "max_repeats": 500, "check_language": False}


@pytest.mark.parametrize("decoding", ["greedy", "sampling"])
def test_rows_do_not_depend_on_shards_interruptions_or_who_makes_which(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: dict[str, object], decoding: str
):
    spec = BackTranslationSpec(decoding=decoding, **tiny)  # type: ignore[arg-type]
    sample = publish_sample(cache, MANY)
    single = publish(spec, sample, cache=cache, device="cpu", threads=1)
    whole = rows(cache, single)
    assert cache.open(single).manifest.counts["changed"] > 0  # else there is nothing to compare

    monkeypatch.setattr(division, "FILMS_PER_SHARD", 3)
    undisturbed, disturbed = Cache(tmp_path / "undisturbed"), Cache(tmp_path / "disturbed")
    publish_sample(undisturbed, MANY)
    shelf = publish(spec, sample, cache=undisturbed, device="cpu", threads=1)
    assert len(files(undisturbed, shelf)) == 4
    assert rows(undisturbed, shelf) == whole

    publish_sample(disturbed, MANY)
    build = text_shelf.start(spec, sample, cache=disturbed)
    for number in build.claimed([3, 1]):  # another order, and another process would do the same
        text_shelf.make_shard(build, spec, sample, number, device="cpu", threads=1)
    broken_off = text_shelf.start(spec, sample, cache=disturbed)

    def die_after_a_batch(_sentences: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_shelf.make_shard(broken_off, spec, sample, 0, device="cpu", threads=1, tick=die_after_a_batch)
    assert publish(spec, sample, cache=disturbed, device="cpu", threads=2) == shelf
    assert files(disturbed, shelf) == files(undisturbed, shelf)


def test_finished_shards_are_not_translated_again(cache: Cache, legs: list[Following], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 3)
    sample = publish_sample(cache, MANY)
    build = text_shelf.start(GREEDY, sample, cache=cache)
    for number in build.claimed([0, 1, 2]):
        text_shelf.make_shard(build, GREEDY, sample, number)
    legs[0].given.clear()
    shelf = publish(GREEDY, sample, cache=cache)
    last = [row["id"] for row in rows(cache, shelf) if division.shard_of(str(row["id"]), 4) == 3]
    expected = {sentence for film in last for sentence in SENTENCES if sentence in MANY[str(film)]}
    assert set(legs[0].given) == expected


def test_a_part_of_the_films_leaves_the_last_shards_empty_and_the_shelf_whole(
    cache: Cache, legs: list[Following], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 1)
    lowest = dict(sorted(MANY.items(), key=lambda item: rank(item[0]))[: len(MANY) // 3])
    sample = publish_sample(cache, lowest)
    build = text_shelf.start(GREEDY, sample, cache=cache)
    films = cache.open(sample).split("train")
    assert len(division.rows_of(films, build.shards - 1, build.shards)) == 0
    assert [row["id"] for row in rows(cache, publish(GREEDY, sample, cache=cache))] == list(lowest)
    assert legs[0].given


def test_a_failure_in_one_shard_stops_the_work_and_keeps_the_finished_ones(
    cache: Cache, legs: list[Following], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(division, "FILMS_PER_SHARD", 3)
    sample = publish_sample(cache, {**MANY, "film 0": "The machine breaks down."})

    def breaking(sentence: str) -> str:
        if "breaks" in sentence:
            message = "out of order"
            raise RuntimeError(message)
        return sentence.replace("The", "Le")

    legs[0].rule = breaking
    with pytest.raises(RuntimeError, match="out of order"):
        publish(GREEDY, sample, cache=cache)
    legs[0].rule = lambda sentence: sentence.replace("The", "Le")
    assert len(rows(cache, publish(GREEDY, sample, cache=cache))) == 12


def test_sampling_makes_several_views_by_film_and_view(cache: Cache, sample: ShelfId, tiny: dict[str, object]):
    spec = BackTranslationSpec(views=2, **tiny)  # type: ignore[arg-type]
    made = rows(cache, publish(spec, sample, cache=cache, device="cpu", threads=1))
    films = sorted(PLOTS, key=rank)
    assert [(row["id"], row["view"]) for row in made] == [(film, view) for film in films for view in (0, 1)]
    of_f1 = [row["plot"] for row in made if row["id"] == "f1"]
    assert of_f1[0] != of_f1[1]
    one = BackTranslationSpec(views=1, **tiny)  # type: ignore[arg-type]
    alone = rows(cache, publish(one, sample, cache=cache, device="cpu", threads=1, batch_tokens=20))
    assert [row["plot"] for row in alone] == [row["plot"] for row in made[::2]]


def test_a_chain_of_pivots_passes_each_language_in_turn_and_its_rows_are_the_last_ones(
    cache: Cache, sample: ShelfId, monkeypatch: pytest.MonkeyPatch
):
    words = (("The", "Le"), ("Le", "Das"), ("Das", "A"))
    names = ("en → fr", "fr → de", "de → en")
    chain = [
        Following(lambda sentence, before=before, after=after: sentence.replace(before, after), name)
        for (before, after), name in zip(words, names, strict=True)
    ]
    monkeypatch.setattr(text_shelf, "translators", lambda *_, **__: tuple(chain))
    opened = cache.open(publish(GREEDY.model_copy(update={"pivot": "fr,de"}), sample, cache=cache))
    given = [{"The dog runs home.", "The cat sleeps a lot.", "The cow eats grass."}]
    given += [{sentence.replace("The", article) for sentence in given[0]} for article in ("Le", "Das")]
    assert [set(leg.given) for leg in chain] == given
    assert list(opened.manifest.models) == list(names)
    plots = {row["id"]: row["plot"] for row in opened.split("train").to_list()}
    assert plots["f2"] == "A cow eats grass."


def test_a_chain_is_built_from_a_checkpoint_for_each_direction(make_marian: MakeMarian):
    models = {"en-fr": str(make_marian(1)), "fr-de": str(make_marian(2)), "de-en": str(make_marian(3))}
    legs = translators(BackTranslationSpec(pivot="fr,de", models=models))
    assert [leg.direction for leg in legs] == ["en → fr", "fr → de", "de → en"]
    assert len({identity for leg in legs for identity in leg.models.values()}) == 3
