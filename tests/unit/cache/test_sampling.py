"""Samples: exact, nested, the same whatever the order or the place of the files, and found again without reading."""

import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_cache import pictures, sources
from datasets_cache.fingerprint import FORMAT, fingerprint
from datasets_cache.sampling import Sample, by_rank, find_sample, genre_drift, publish_sample
from datasets_cache.schema import SPLITS, Split
from datasets_cache.sources import MmimdbSource, MoviescopeSource
from datasets_cache.sources.index import Record
from datasets_cache.store import Cache, check_files

Write = Callable[..., Path]
SPLIT = {
    "train": [f"a{number}" for number in range(20)],
    "dev": [f"b{number}" for number in range(5)],
    "test": [f"c{number}" for number in range(10)],
}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def ids(cache: Cache, sample: Sample, split: Split = "train") -> list[str]:
    return cache.open(sample.id).split(split)["id"][:]


def digest(film: str) -> str:
    return hashlib.sha256(film.encode()).hexdigest()


def record(film: str, split: Split = "train", genres: tuple[str, ...] = ("Drama",)) -> Record:
    return Record(film, split, film, f"Story of {film}.", genres, f"{film}.jpg")


@given(st.lists(st.text(min_size=1), unique=True), st.randoms(use_true_random=False))
def test_the_order_depends_on_the_ids_alone(films: list[str], random: Any):
    films = [film for film in films if film.isprintable()]
    shuffled = random.sample(films, len(films))
    ranked = [film.id for film in by_rank(record(film) for film in shuffled)]
    assert ranked == sorted(films, key=digest)


def test_a_sample_takes_the_exact_share_of_each_split_by_rank(mmimdb_folder: Write, cache: Cache):
    sample = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.3, cache=cache)
    # round(0.3 * 20) = 6, round(0.3 * 5) = round(1.5) = 2, round(0.3 * 10) = 3
    assert sample.manifest.rows == {"train": 6, "validation": 2, "test": 3}
    assert ids(cache, sample) == sorted(SPLIT["train"], key=digest)[:6]


def test_evaluation_splits_may_have_a_share_of_their_own(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    sample = publish_sample(source, share=0.1, evaluation_share=0.6, cache=cache)
    # round(0.1 * 20) = 2, round(0.6 * 5) = 3, round(0.6 * 10) = 6
    assert sample.manifest.rows == {"train": 2, "validation": 3, "test": 6}
    assert ids(cache, sample, "test") == sorted(SPLIT["test"], key=digest)[:6]
    assert sample.manifest.spec["evaluation_share"] == 0.6
    found = find_sample(source, share=0.1, evaluation_share=0.6, cache=cache)
    assert found is not None
    assert (found.id, found.reused) == (sample.id, True)
    assert find_sample(source, share=0.1, cache=cache) is None


def test_one_share_for_all_splits_is_told_as_it_always_was(mmimdb_folder: Write, cache: Cache):
    # The shelf's name is made from this: one more key, and every sample of an older cache would be taken again.
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    plain = publish_sample(source, share=0.3, cache=cache)
    assert set(plain.manifest.spec) == {"source", "share", "dedupe", "given_text", "given_images"}
    same = publish_sample(source, share=0.3, evaluation_share=0.3, cache=cache)
    assert (same.id, same.reused) == (plain.id, True)
    (note,) = (cache.root / "sources").iterdir()
    settings = {"source": source.model_dump(mode="json", exclude={"root"}), "share": 0.3, "dedupe": False}
    assert note.stem == fingerprint([FORMAT, settings, sources.stat_digest(source)])


def test_an_archive_is_read_once_where_evaluation_takes_more_than_training(
    mmimdb_folder: Write, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with tarfile.open(tmp_path / "mmimdb.tar.gz", "w:gz") as archive:
        archive.add(mmimdb_folder(SPLIT), "mmimdb")
    passes: list[object] = []
    whole = tarfile.open

    def counted(*args: Any, **options: Any) -> tarfile.TarFile:
        passes.append(options)
        return whole(*args, **options)

    monkeypatch.setattr(tarfile, "open", counted)
    publish_sample(MmimdbSource(root=tmp_path / "mmimdb.tar.gz"), share=0.1, evaluation_share=1.0, cache=cache)
    assert len(passes) == 1


def test_a_row_holds_the_film_as_it_was_and_the_square_copy(mmimdb_folder: Write, cache: Cache, jpeg: Callable[..., bytes]):
    root = mmimdb_folder(SPLIT, {"a0": {"title": "One", "plot": ["It begins."], "genres": ["War", "Drama"]}})
    sample = publish_sample(MmimdbSource(root=root), share=1.0, cache=cache)
    rows = {row["id"]: row for row in cache.open(sample.id).split("train")}
    square = rows["a0"].pop("poster_256")
    assert square.startswith(b"\xff\xd8\xff")
    assert rows["a0"] == {
        "id": "a0",
        "title": "One",
        "plot": "It begins.",
        "poster": jpeg(),
        "genres": ["Drama", "War"],
        "given_plot": None,
        "given_poster_256": None,
    }


def test_a_smaller_sample_is_the_beginning_of_a_larger_one(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    samples = [publish_sample(source, share=share, cache=cache) for share in (0.2, 0.5, 1.0)]
    for split in SPLITS:
        small, middle, whole = (ids(cache, sample, split) for sample in samples)
        assert middle[: len(small)] == small
        assert whole[: len(middle)] == middle


def test_a_film_whose_poster_fails_gives_its_place_to_the_next_in_rank(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT)
    ranked = sorted(SPLIT["train"], key=digest)
    (root / "dataset" / f"{ranked[1]}.jpeg").write_bytes(b"<html>")
    sample = publish_sample(MmimdbSource(root=root), share=0.2, cache=cache)
    assert ids(cache, sample) == [ranked[0], ranked[2], ranked[3], ranked[4]]
    assert [(issue.id, issue.split, issue.action, issue.reason) for issue in sample.issues] == [
        (ranked[1], "train", "skipped", "poster not an image")
    ]
    assert sample.manifest.counts == {"skipped: poster not an image": 1}


def test_where_no_film_is_left_the_sample_is_smaller_and_says_why(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT)
    for film in ("c1", "c2"):
        (root / "dataset" / f"{film}.jpeg").write_bytes((root / "dataset" / f"{film}.jpeg").read_bytes()[:-200])
    sample = publish_sample(MmimdbSource(root=root), share=1.0, cache=cache)
    assert sample.manifest.rows["test"] == 8
    assert sample.manifest.counts == {"skipped: poster truncated": 2}


def test_repairs_count_for_films_of_the_sample_and_skips_for_the_whole_source(mmimdb_folder: Write, cache: Cache):
    last = sorted(SPLIT["train"], key=digest)[-1]
    first = sorted(SPLIT["train"], key=digest)[0]
    dropped = sorted(SPLIT["dev"], key=digest)[-1]
    films = {first: {"plot": ["cafÃ©"]}, last: {"plot": ["naÃ¯ve"]}, dropped: {"genres": ["News"]}}
    sample = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT, films)), share=0.3, cache=cache)
    assert sample.manifest.counts == {"repaired: plot mojibake": 1, "skipped: no genre of the task": 1}


def test_the_manifest_says_how_far_the_genres_drift(mmimdb_folder: Write, cache: Cache):
    sample = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.3, cache=cache)
    assert sample.manifest.quality["usable_films"] == {"train": 20, "validation": 5, "test": 10}
    assert set(sample.manifest.quality["genre_drift"]) == set(SPLITS)
    assert sample.manifest.quality["largest_genre_drift"] == 0.0  # every film is a drama and nothing else


def test_drift_is_the_share_in_the_sample_less_the_share_in_the_full_set():
    full = [record("1", genres=("War",)), record("2", genres=("War", "Drama")), record("3"), record("4")]
    # sample {1, 2}: War 2/2 - 2/4 = .5, Drama 1/2 - 3/4 = -.25, Music 0 - 0
    assert genre_drift(full[:2], full, ["War", "Drama", "Music"]) == {"War": 0.5, "Drama": -0.25, "Music": 0.0}


LONG = " ".join(f"word{number}" for number in range(30))
"""A plot long enough to be evidence: 28 shingles."""


def near_films(*train: str) -> dict[str, dict[str, Any]]:
    """Plots: of the first test film in rank, and nearly the same of these training films."""
    test = sorted(SPLIT["test"], key=digest)[0]
    return {film: {"plot": [f"{LONG} but differently"]} for film in train} | {test: {"plot": [LONG]}}


def test_near_duplicates_are_reported_and_stay_where_nothing_else_is_wanted(mmimdb_folder: Write, cache: Cache):
    film, test = (sorted(SPLIT[split], key=digest)[0] for split in ("train", "test"))
    sample = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT, near_films(film))), share=0.2, cache=cache)
    assert film in ids(cache, sample)
    assert sample.issues == ()
    report = sample.manifest.quality["near_duplicates"]
    assert (report["counts"], report["training_films"], report["left_out"]) == ({"plot nearly in test": 1}, 1, False)
    assert [(pair["film"], pair["other"], pair["split"], pair["kind"], pair["similarity"]) for pair in report["pairs"]] == [
        (film, test, "test", "plot", 1.0)
    ]


def test_with_dedupe_the_next_in_rank_takes_the_place_of_a_near_duplicate(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films(sorted(SPLIT["train"], key=digest)[1])))
    plain = publish_sample(source, share=0.2, cache=cache)
    deduped = publish_sample(source, share=0.2, cache=cache, dedupe=True)
    ranked = sorted(SPLIT["train"], key=digest)
    assert ids(cache, plain) == ranked[:4]
    assert ids(cache, deduped) == [ranked[0], ranked[2], ranked[3], ranked[4]]
    assert all(ids(cache, deduped, split) == ids(cache, plain, split) for split in ("validation", "test"))
    assert [(issue.id, issue.split, issue.action, issue.reason) for issue in deduped.issues] == [
        (ranked[1], "train", "skipped", "plot nearly in test")
    ]
    assert deduped.manifest.counts == {"skipped: plot nearly in test": 1}
    assert deduped.manifest.quality["near_duplicates"]["left_out"] is True


def test_with_dedupe_the_same_poster_in_validation_keeps_a_film_out(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT)
    drawn = sorted((Path(sources.__file__).parents[1] / "bundled" / "posters").glob("*.jpg"))[0].read_bytes()
    for film in ("a3", "b2"):
        (root / "dataset" / f"{film}.jpeg").write_bytes(drawn)
    sample = publish_sample(MmimdbSource(root=root), share=1.0, cache=cache, dedupe=True)
    assert sample.manifest.rows == {"train": 19, "validation": 5, "test": 10}  # nobody is left to take the place
    assert sample.manifest.counts == {"skipped: poster nearly in validation": 1}


def test_samples_without_near_duplicates_are_nested_where_the_evaluation_film_is_in_all_of_them(
    mmimdb_folder: Write, cache: Cache
):
    ranked = sorted(SPLIT["train"], key=digest)
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films(ranked[1], ranked[6])))
    small, whole = (publish_sample(source, share=share, cache=cache, dedupe=True) for share in (0.2, 1.0))
    assert ids(cache, whole) == [film for film in ranked if film not in (ranked[1], ranked[6])]
    assert ids(cache, small) == ids(cache, whole)[:4]


def test_a_film_near_an_evaluation_film_outside_the_sample_stays(mmimdb_folder: Write, cache: Cache):
    film, outside = sorted(SPLIT["train"], key=digest)[0], sorted(SPLIT["test"], key=digest)[-1]
    films = {film: {"plot": [f"{LONG} again"]}, outside: {"plot": [LONG]}}
    sample = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT, films)), share=0.2, cache=cache, dedupe=True)
    assert film in ids(cache, sample)
    assert sample.manifest.quality["near_duplicates"]["training_films"] == 0


def test_dedupe_is_another_sample_even_where_it_leaves_nothing_out(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    plain = publish_sample(source, share=0.3, cache=cache)
    assert find_sample(source, share=0.3, cache=cache, dedupe=True) is None
    deduped = publish_sample(source, share=0.3, cache=cache, dedupe=True)
    assert ids(cache, deduped) == ids(cache, plain)
    assert deduped.id != plain.id
    for known, dedupe in ((plain, False), (deduped, True)):
        found = find_sample(source, share=0.3, cache=cache, dedupe=dedupe)
        assert found is not None
        assert found.id == known.id


def test_strict_does_not_mind_what_dedupe_leaves_out(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films("a1")))
    sample = publish_sample(source, share=1.0, cache=cache, strict=True, dedupe=True)
    assert "a1" not in ids(cache, sample)
    assert publish_sample(source, share=1.0, cache=cache, strict=True, dedupe=True).id == sample.id


def test_the_same_near_duplicates_are_left_out_with_any_number_of_threads(
    mmimdb_folder: Write, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films("a1", "a7")))
    many = publish_sample(source, share=0.5, cache=cache, dedupe=True)
    monkeypatch.setattr(pictures, "_THREADS", 1)
    one = publish_sample(source, share=0.5, cache=Cache(tmp_path / "again"), dedupe=True)
    assert (one.id, one.issues, one.manifest.quality) == (many.id, many.issues, many.manifest.quality)


def test_a_source_whose_training_films_are_all_near_duplicates_is_refused(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films(*SPLIT["train"])))
    with pytest.raises(ValueError, match=r"no film of train can be used; 20 were looked at(.|\n)*plot nearly in test"):
        publish_sample(source, share=1.0, cache=cache, dedupe=True)


def _forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_args: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sources, "read_source", read)


def test_an_untouched_source_is_found_without_reading_it(mmimdb_folder: Write, cache: Cache, monkeypatch: pytest.MonkeyPatch):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, {"a1": {"genres": []}}))
    first = publish_sample(source, share=0.3, cache=cache)
    _forbid_reading(monkeypatch)
    again = publish_sample(source, share=0.3, cache=cache)
    assert (first.reused, again.reused) == (False, True)
    assert (again.id, again.manifest, again.issues) == (first.id, first.manifest, first.issues)


def test_a_source_that_was_moved_and_touched_gives_the_same_shelf(mmimdb_folder: Write, cache: Cache, tmp_path: Path):
    root = mmimdb_folder(SPLIT)
    first = publish_sample(MmimdbSource(root=root), share=0.3, cache=cache)
    elsewhere = shutil.copytree(root, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    again = publish_sample(MmimdbSource(root=elsewhere), share=0.3, cache=cache)
    assert again.reused
    assert again.id == first.id


def test_files_in_another_order_give_the_same_shelf(mmimdb_folder: Write, cache: Cache):
    backwards = {split: films[::-1] for split, films in SPLIT.items()}
    first = publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.3, cache=cache)
    again = publish_sample(MmimdbSource(root=mmimdb_folder(backwards, name="backwards")), share=0.3, cache=cache)
    assert again.id == first.id


def test_an_archive_gives_the_same_shelf_as_its_folder_in_one_pass(
    mmimdb_folder: Write, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = mmimdb_folder(SPLIT)
    with tarfile.open(tmp_path / "mmimdb.tar.gz", "w:gz") as archive:
        archive.add(root, "mmimdb")
    first = publish_sample(MmimdbSource(root=root), share=0.3, cache=cache)
    packed = publish_sample(MmimdbSource(root=tmp_path / "mmimdb.tar.gz"), share=0.3, cache=cache)
    assert packed.id == first.id
    passes: list[object] = []
    whole = tarfile.open

    def counted(*args: Any, **options: Any) -> tarfile.TarFile:
        passes.append(options)
        return whole(*args, **options)

    monkeypatch.setattr(tarfile, "open", counted)
    publish_sample(MmimdbSource(root=tmp_path / "mmimdb.tar.gz"), share=1.0, cache=cache)
    assert len(passes) == 1
    assert not list((cache.root / "staging").iterdir())


@pytest.mark.parametrize("change", ["plot", "genres", "poster", "share"])
def test_other_content_gives_another_shelf(mmimdb_folder: Write, cache: Cache, jpeg: Callable[..., bytes], change: str):
    root = mmimdb_folder(SPLIT)
    film = sorted(SPLIT["train"], key=digest)[0]
    first = publish_sample(MmimdbSource(root=root), share=0.3, cache=cache)
    if change == "plot":
        (root / "dataset" / f"{film}.json").write_text(json.dumps({"plot": ["New."], "genres": ["Drama"]}))
    if change == "genres":
        path = root / "dataset" / f"{film}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"genres": ["War"]}))
    if change == "poster":
        (root / "dataset" / f"{film}.jpeg").write_bytes(jpeg("blue"))
    again = publish_sample(MmimdbSource(root=root), share=0.4 if change == "share" else 0.3, cache=cache)
    assert not again.reused
    assert again.id != first.id


def test_a_removed_shelf_is_made_again(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    first = publish_sample(source, share=0.3, cache=cache)
    shutil.rmtree(cache.shelf_folder(first.id))
    again = publish_sample(source, share=0.3, cache=cache)
    assert (again.id, again.reused) == (first.id, False)
    assert check_files(cache.shelf_folder(again.id), again.manifest, checksums=True) == []


def test_a_damaged_note_of_an_earlier_reading_is_replaced(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    first = publish_sample(source, share=0.3, cache=cache)
    (note,) = (cache.root / "sources").iterdir()
    sound = note.read_text()
    note.write_text(sound[:20])
    assert publish_sample(source, share=0.3, cache=cache).id == first.id
    assert note.read_text() == sound


@pytest.mark.parametrize("known", [False, True])
def test_strict_refuses_a_source_with_skipped_rows_and_lists_them(mmimdb_folder: Write, cache: Cache, *, known: bool):
    films = {f"a{number}": {"genres": ["News"]} for number in range(5)}
    root = mmimdb_folder({**SPLIT, "train": [f"a{number}" for number in range(40)]}, films)
    for number in range(5, 25):
        (root / "dataset" / f"a{number}.jpeg").unlink()
    source = MmimdbSource(root=root)
    if known:
        publish_sample(source, share=1.0, cache=cache)
    with pytest.raises(ValueError, match="25 rows of the source cannot be used") as caught:
        publish_sample(source, share=1.0, cache=cache, strict=True)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert "train a0: no genre of the task" in str(caught.value)
    assert lines[-1].strip() == "and 5 more"
    assert known or not (cache.root / "shelves").exists()


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_a_share_that_is_none_is_refused(mmimdb_folder: Write, cache: Cache, share: float):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=share, cache=cache)


def test_an_evaluation_share_that_is_none_is_refused(mmimdb_folder: Write, cache: Cache):
    with pytest.raises(ValueError, match="above 0 and at most 1.*got 0"):
        publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.3, evaluation_share=0, cache=cache)


def test_a_share_that_leaves_a_split_empty_says_how_large_it_must_be(mmimdb_folder: Write, cache: Cache):
    with pytest.raises(ValueError, match=r"share of 0\.05 of 5 films leaves none in validation; choose at least 0\.2"):
        publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.05, cache=cache)


def test_a_split_without_a_usable_film_says_why(mmimdb_folder: Write, cache: Cache):
    films = {film: {"genres": ["News"]} for film in SPLIT["dev"]}
    with pytest.raises(ValueError, match=r"no usable film in validation; 5 rows were skipped(.|\n)*no genre of the task"):
        publish_sample(MmimdbSource(root=mmimdb_folder(SPLIT, films)), share=1.0, cache=cache)


def test_given_views_are_carried_and_change_the_shelf(moviescope_folder: Write, cache: Cache, jpeg: Callable[..., bytes]):
    rows = [
        {"id": name, "title": "T", "label": ["Drama"], "synopsis": f"Story {name}.", "bt": f"Tale {name}."} for name in "xy"
    ]
    root = moviescope_folder({"train": rows})
    (root / "augmented").mkdir()
    (root / "augmented" / "x.jpg").write_bytes(jpeg("blue"))
    (root / "augmented" / "y.jpg").write_bytes(b"no image")
    source = MoviescopeSource(root=root, augmented_plot_field="bt", augmented_poster_folder="augmented")
    sample = publish_sample(source, share=1.0, cache=cache)
    rows_by_id = {row["id"]: row for row in cache.open(sample.id).split("train")}
    assert rows_by_id["x"]["given_plot"] == "Tale x."
    assert rows_by_id["x"]["given_poster_256"] not in (None, rows_by_id["x"]["poster_256"])
    assert rows_by_id["y"]["given_poster_256"] is None
    assert sample.manifest.counts == {"repaired: given poster unusable": 1}
    assert (sample.manifest.spec["given_text"], sample.manifest.spec["given_images"]) == (True, True)
    train = (root / "train.jsonl").read_text()
    (root / "train.jsonl").write_text(train.replace("Tale x", "Fable x"))
    assert publish_sample(source, share=1.0, cache=cache).id != sample.id
    plain = publish_sample(MoviescopeSource(root=root), share=1.0, cache=cache)
    assert plain.id != sample.id
    assert plain.manifest.spec["given_text"] is False


@pytest.mark.parametrize("name", ["mmimdb-mini", "moviescope-mini"])
def test_real_films_are_sampled_and_found_again_at_once(real_films: Path, cache: Cache, name: str):
    root = real_films / name
    source = MmimdbSource(root=root) if name.startswith("mmimdb") else MoviescopeSource(root=root)
    first = publish_sample(source, share=0.3, cache=cache)
    assert first.manifest.rows == (
        {"train": 72, "validation": 12, "test": 36} if name.startswith("mmimdb") else {"train": 36, "validation": 6, "test": 18}
    )
    assert first.manifest.quality["near_duplicates"]["training_films"] <= 1
    started = time.monotonic()
    assert publish_sample(source, share=0.3, cache=cache).id == first.id
    assert time.monotonic() - started < 2
