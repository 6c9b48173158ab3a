"""Near-duplicates across splits: the same plot with small edits and the same poster saved again are found, others are not."""

import io
import random
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from datasets_cache import sources
from datasets_cache.duplicates import LISTED, Pair, Watch, left_out
from datasets_cache.likeness import COMMON, PLACEHOLDER, POSTER_BITS, PlotIndex, PosterIndex, look_of, shingles
from datasets_cache.posters import prepare
from datasets_cache.schema import Split
from datasets_cache.sources import BundledSource, MmimdbSource, MoviescopeSource
from datasets_cache.sources.index import Record

POSTERS = Path(sources.__file__).parents[1] / "bundled" / "posters"
HAMMING_BITS = 192


def record(film: str, split: Split = "test", plot: str = "") -> Record:
    return Record(film, split, f"Title {film}", plot, ("Drama",), f"{film}.jpg")


def numbered(first: int, last: int) -> str:
    """A plot of which every word is another: the numbers from `first` to `last`, without it."""
    return " ".join(f"word{number}" for number in range(first, last))


def nearest_plot(plot: str, *others: str) -> tuple[str, float] | None:
    films = [record(str(place), plot=other) for place, other in enumerate(others)]
    near = PlotIndex.of([(film, shingles(film.plot)) for film in films]).nearest(shingles(plot))
    return (near[0].id, near[1]) if near else None


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def look(poster: bytes | Image.Image) -> bytes | None:
    return look_of(prepare(poster if isinstance(poster, bytes) else jpeg(poster)).grey)


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.fixture(scope="module")
def drawn() -> list[Image.Image]:
    """Some of the bundled posters."""
    return [Image.open(path).convert("RGB") for path in sorted(POSTERS.glob("*.jpg"))[:40]]


def test_a_shingle_is_three_words_whatever_their_case_and_punctuation():
    plot = "He runs. She runs after him, and he runs."
    # he-runs-she runs-she-runs she-runs-after runs-after-him after-him-and him-and-he and-he-runs
    assert len(shingles(plot)) == 7
    assert shingles(plot).tolist() == shingles("HE RUNS -- she runs; after him and he runs!").tolist()
    assert shingles("Two words").size == 0


def test_a_plot_with_a_sentence_dropped_is_near():
    # 30 words; without the middle ten 20 are left, 18 shingles. 8 of the first ten words and 8 of the last ten are shared.
    shortened = numbered(0, 10) + ". " + numbered(20, 30)
    assert nearest_plot(shortened, numbered(100, 130), numbered(0, 30)) == ("1", pytest.approx(16 / 18))


def test_a_plot_inside_a_longer_one_is_wholly_contained():
    assert nearest_plot(numbered(40, 60), numbered(0, 200)) == ("0", 1.0)
    assert nearest_plot(numbered(0, 200), numbered(40, 60)) == ("0", 1.0)


@pytest.mark.parametrize(("words", "near"), [(14, True), (13, False)])
def test_a_logline_is_evidence_from_fourteen_words_on(words: int, near: bool):  # noqa: FBT001
    # 14 words have 12 shingles
    assert bool(nearest_plot(numbered(0, words), numbered(0, words))) == near


@pytest.mark.parametrize(("shared", "near"), [(22, True), (21, False)])
def test_two_fifths_of_the_shorter_plot_make_it_near(shared: int, near: bool):  # noqa: FBT001
    # 52 words have 50 shingles; 22 words in common have 20 of them, 21 words have 19
    assert bool(nearest_plot(numbered(0, 52), numbered(0, shared) + " " + numbered(100, 200))) == near


def test_of_equally_near_plots_the_first_is_named():
    assert nearest_plot(numbered(0, 30), numbered(0, 25), numbered(5, 30)) == ("0", 1.0)


def test_sequels_that_begin_alike_are_not_near():
    first = (
        "Taking place six years after the events of the first film, the story follows Nell to the harbour, where the light "
        "has gone dark and her brother's boat lies empty on the rocks."
    )
    second = (
        "Taking place six years after the events of the first film, the story sends Captain Oda back to the station to bargain "
        "with the machines that once spared him."
    )
    assert nearest_plot(first, second) is None


def test_a_phrase_that_many_films_have_makes_none_near():
    phrase = numbered(0, 20)
    plots = [f"{phrase} {numbered(1000 * film, 1000 * film + 20)}" for film in range(1, COMMON + 2)]
    copy = phrase + " " + numbered(5000, 5020)
    assert nearest_plot(phrase, *plots) is None  # COMMON + 1 films have it
    assert nearest_plot(phrase, *plots[:-1]) == ("0", 1.0)
    assert nearest_plot(copy, *plots) == ("4", 1.0)  # the same phrase and a story of its own


PERTURBED: dict[str, Callable[[Image.Image], bytes]] = {
    "recompressed": lambda poster: jpeg(poster, quality=20),
    "halved": lambda poster: jpeg(poster.resize((poster.width // 2, poster.height // 2))),
    "3 % cut off below": lambda poster: jpeg(poster.crop((0, 0, poster.width, round(0.97 * poster.height)))),
    "10 grey levels brighter": lambda poster: jpeg(poster.point(lambda level: min(255, level + 10))),
    "grey": lambda poster: jpeg(poster.convert("L")),
}


@pytest.mark.parametrize("how", PERTURBED)
def test_a_poster_saved_again_is_near_its_original_alone(drawn: list[Image.Image], how: str):
    films = [(record(str(place)), found) for place, poster in enumerate(drawn) if (found := look(poster))]
    index = PosterIndex.of(films)
    found = [index.nearest(look(PERTURBED[how](poster)) or b"") for poster in drawn]
    assert [near[0].id for near in found if near] == [str(place) for place in range(len(drawn))]
    assert all(1 - POSTER_BITS / HAMMING_BITS <= near[1] <= 1 for near in found if near)


def test_no_two_drawn_posters_are_near():
    looks = [found for path in sorted(POSTERS.glob("*.jpg")) if (found := look(path.read_bytes()))]
    assert len(looks) == 200
    assert min(bits_apart(*pair) for pair in combinations(looks, 2)) > POSTER_BITS


def test_the_index_finds_what_comparing_all_pairs_finds():
    random_bits = random.Random(7)
    looks = [random_bits.randbytes(24) for _ in range(60)]
    for one in looks[:30]:  # 30 more, each 1 to 40 bits from one that is there
        flipped = sum(1 << bit for bit in random_bits.sample(range(HAMMING_BITS), random_bits.randrange(1, 41)))
        looks.append((int.from_bytes(one) ^ flipped).to_bytes(24))
    index = PosterIndex.of([(record(str(place)), found) for place, found in enumerate(looks)])
    missed = 0
    for one in looks:
        places, bits = index.within(one)
        assert [bits_apart(one, looks[place]) for place in places] == bits.tolist()
        near = {place for place, other in enumerate(looks) if bits_apart(one, other) <= POSTER_BITS}
        assert set(places.tolist()) <= near
        # 23 bits cannot put two errors in each of twelve bands: those are found for sure
        assert {place for place in near if bits_apart(one, looks[place]) <= 23} <= set(places.tolist())
        missed += len(near) - len(places)
    assert missed <= 2


@pytest.mark.parametrize("shade", ["black", "white", "#c8c8c8"])
def test_a_uniform_poster_shows_nothing(shade: str):
    assert look(Image.new("RGB", (200, 300), shade)) is None


def test_a_uniform_poster_with_a_small_note_shows_nothing():
    poster = Image.new("RGB", (300, 450), "#dddddd")
    ImageDraw.Draw(poster).text((105, 215), "NO POSTER", fill="#777777")
    assert look(poster) is None


@pytest.mark.parametrize("times", [PLACEHOLDER - 1, PLACEHOLDER])
def test_a_picture_that_many_evaluation_films_have_is_a_placeholder(drawn: list[Image.Image], times: int):
    watch = Watch()
    for place in range(times):
        watch.look(record(f"test{place}"), look(jpeg(drawn[0], quality=80 + place)))
    watch.look(record("other"), look(drawn[1]))
    pairs = watch.look(record("a", "train"), look(drawn[0]))
    assert [pair.other for pair in watch.look(record("b", "train"), look(drawn[1]))] == ["other"]
    assert bool(pairs) == (times < PLACEHOLDER)


def test_the_report_counts_training_films_by_kind_and_split_and_names_the_pairs(drawn: list[Image.Image]):
    watch = Watch()
    watch.look(record("t", plot=numbered(0, 40)), look(drawn[0]))
    watch.look(record("v", "validation", numbered(50, 90)), look(drawn[1]))
    watch.look(record("both", "train", numbered(0, 40)), look(drawn[1]))
    watch.look(record("plot", "train", numbered(50, 90)), None)
    watch.look(record("none", "train", "Too short."), look(drawn[2]))
    assert watch.report(left_out=False) == {
        "counts": {"plot nearly in test": 1, "plot nearly in validation": 1, "poster nearly in validation": 1},
        "training_films": 2,
        "left_out": False,
        "no_evidence": {"plots too short": 1, "posters nearly uniform": 1},
        "pairs": [
            _pair("both", "test", "t", "plot"),
            _pair("both", "validation", "v", "poster"),
            _pair("plot", "validation", "v", "plot"),
        ],
    }


def _pair(film: str, split: Split, other: str, kind: str) -> dict[str, object]:
    titles = {"title": f"Title {film}", "other_title": f"Title {other}"}
    return {"film": film, "split": split, "other": other, "kind": kind, "similarity": 1.0, **titles}


def test_the_report_lists_no_more_than_the_first_pairs():
    watch = Watch()
    watch.look(record("t", plot=numbered(0, 40)), None)
    for film in range(LISTED + 5):
        watch.look(record(f"train{film}", "train", numbered(0, 40)), None)
    report = watch.report(left_out=False)
    assert (report["training_films"], len(report["pairs"])) == (LISTED + 5, LISTED)


def test_a_film_is_left_out_for_its_plot_first_and_both_pairs_are_told():
    pairs = [Pair("a", "A", "test", "t", "T", "plot", 0.9), Pair("a", "A", "validation", "v", "V", "poster", 0.95)]
    issue = left_out(pairs)
    assert (issue.id, issue.split, issue.action, issue.reason) == ("a", "train", "skipped", "plot nearly in test")
    assert issue.detail == "plot of test film t (T): 0.90; poster of validation film v (V): 0.95"


@pytest.mark.parametrize("name", ["mmimdb-mini", "moviescope-mini"])
def test_real_films_are_near_their_own_edited_copies_and_no_others(real_films: Path, name: str):
    # The nearest posters and plots of both folders were looked at: none is the same picture or story.
    root = real_films / name
    source = MmimdbSource(root=root) if name.startswith("mmimdb") else MoviescopeSource(root=root)
    with io.BytesIO() as scratch:
        index = sources.read_source(source, likely=lambda _: True, scratch=scratch)
    films = sorted(index.records, key=lambda film: film.id)[:100]
    index.posters.load([film.poster for film in films])
    posters = {film.id: Image.open(io.BytesIO(index.posters.read(film.poster))).convert("RGB") for film in films}
    watch = Watch()
    for film in films[:50]:
        watch.look(record(film.id, "test", film.plot), look(posters[film.id]))
    others = [watch.look(record(film.id, "train", film.plot), look(posters[film.id])) for film in films[50:]]
    assert not any(others)
    copies = {film.id: record(film.id, "train", without_a_sentence(film.plot)) for film in films[:50]}
    found = {film: watch.look(copy, look(_saved_again(posters[film]))) for film, copy in copies.items()}
    assert all(pair.other == film for film, pairs in found.items() for pair in pairs)
    assert sum(pair.kind == "poster" for pairs in found.values() for pair in pairs) >= 48
    assert sum(pair.kind == "plot" for pairs in found.values() for pair in pairs) >= 45


def without_a_sentence(plot: str) -> str:
    """The plot without its last sentence, where there are two; else without its last two words."""
    ends = [found.end() for found in re.finditer(r"[.!?] ", plot)]
    return plot[: ends[-1]] if ends and ends[-1] > len(plot) / 3 else plot.rsplit(" ", 2)[0]


def _saved_again(poster: Image.Image) -> bytes:
    return jpeg(poster.resize((150, 220)).point(lambda level: min(255, level + 10)), quality=40)


def test_the_bundled_sample_has_no_near_duplicates():
    with io.BytesIO() as scratch:
        index = sources.read_source(BundledSource(), likely=lambda _: True, scratch=scratch)
    watch = Watch()
    for split in ("test", "validation", "train"):
        for film in (film for film in index.records if film.split == split):
            watch.look(film, look(index.posters.read(film.poster)))
    assert watch.report(left_out=False)["training_films"] == 0
