"""The unlabelled pool: what the sample left, in its order, without genres, and never a film that was taken or left out."""

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets_cache import sources
from datasets_cache.given import publish_given_images, publish_given_text
from datasets_cache.pool import find_pool, publish_pool
from datasets_cache.sampling import Sample, publish_sample
from datasets_cache.schema import SPLITS
from datasets_cache.sources import MmimdbSource, MoviescopeSource, SourceSpec
from datasets_cache.store import Cache

Write = Callable[..., Path]
SPLIT = {
    "train": [f"a{number}" for number in range(20)],
    "dev": [f"b{number}" for number in range(5)],
    "test": [f"c{number}" for number in range(10)],
}
LONG = " ".join(f"word{number}" for number in range(30))
"""A plot long enough to be evidence: 28 shingles."""


def digest(film: str) -> str:
    return hashlib.sha256(film.encode()).hexdigest()


RANKED = sorted(SPLIT["train"], key=digest)
"""Training films in rank order."""


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def ids(cache: Cache, shelf: Sample) -> list[str]:
    return cache.open(shelf.id).split("train")["id"][:]


def take(cache: Cache, source: SourceSpec, share: float = 0.3, unlabelled: float = 1.0, **more: Any) -> tuple[Sample, Sample]:
    """A sample and the pool beside it."""
    both = {name: more.pop(name) for name in ("dedupe", "strict") if name in more}
    sample = publish_sample(source, share=share, cache=cache, **both, **more)
    return sample, publish_pool(source, share=share, unlabelled=unlabelled, sample=sample.id, cache=cache, **both)


def test_the_pool_takes_the_exact_share_of_what_the_sample_left_in_rank_order(mmimdb_folder: Write, cache: Cache):
    sample, pool = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT)), unlabelled=0.5)
    # round(0.3 * 20) = 6 in the sample; round(0.5 * 14) = 7 of the 14 that are left
    assert ids(cache, sample) == RANKED[:6]
    assert ids(cache, pool) == RANKED[6:13]
    assert pool.manifest.rows == {"train": 7}
    assert pool.manifest.parents == (sample.id,)
    assert pool.manifest.quality["usable_films"] == {"train": 14}


def test_a_row_of_the_pool_is_the_film_as_it_was_without_its_genres(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    _, pool = take(cache, source)
    whole = publish_sample(source, share=1.0, cache=cache)
    labelled = {row["id"]: row for row in cache.open(whole.id).split("train")}
    rows = list(cache.open(pool.id).split("train"))
    assert len(rows) == 14
    assert rows == [labelled[row["id"]] | {"genres": []} for row in rows]
    assert pool.manifest.genres == ()


def test_genres_of_pool_films_change_nothing_in_the_pool(mmimdb_folder: Write, tmp_path: Path):
    others = {film: {"genres": ["War", "Horror"]} for film in RANKED[6:]}
    made: list[tuple[str, bytes]] = []
    for name, films in (("dramas", {}), ("others", others)):
        cache = Cache(tmp_path / "caches" / name)
        _, pool = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT, films, name=name)))
        made.append((pool.id, (cache.shelf_folder(pool.id) / "train.arrow").read_bytes()))
    assert made[0] == made[1]
    assert b"War" not in made[1][1]


def test_a_plot_of_a_pool_film_makes_another_pool_of_the_same_sample(mmimdb_folder: Write, cache: Cache):
    changed = {RANKED[6]: {"plot": ["Another story."]}}
    first = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT)))
    second = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT, changed, name="changed")))
    assert second[0].id == first[0].id
    assert second[1].id != first[1].id


def test_a_smaller_pool_is_the_beginning_of_a_larger_one(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    small, middle, whole = (ids(cache, take(cache, source, unlabelled=share)[1]) for share in (0.2, 0.5, 1.0))
    assert middle[: len(small)] == small
    assert whole[: len(middle)] == middle
    assert whole == RANKED[6:]


def test_a_film_without_a_genre_of_the_task_is_in_no_pool(mmimdb_folder: Write, cache: Cache):
    _, pool = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT, {RANKED[10]: {"genres": ["News"]}})))
    # 19 usable films: round(0.3 * 19) = round(5.7) = 6
    assert ids(cache, pool) == [*RANKED[6:10], *RANKED[11:]]


def test_a_film_whose_poster_failed_in_the_sample_is_not_looked_at_again(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / f"{RANKED[1]}.jpeg").write_bytes(b"<html>")
    sample, pool = take(cache, MmimdbSource(root=root))
    assert ids(cache, sample) == [RANKED[0], *RANKED[2:7]]
    assert ids(cache, pool) == RANKED[7:]
    assert pool.issues == ()


def test_a_film_whose_poster_fails_gives_its_place_in_the_pool_to_the_next(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / f"{RANKED[7]}.jpeg").write_bytes(b"<html>")
    _, pool = take(cache, MmimdbSource(root=root), unlabelled=0.2)
    # round(0.2 * 14) = round(2.8) = 3
    assert ids(cache, pool) == [RANKED[6], RANKED[8], RANKED[9]]
    assert pool.manifest.counts == {"skipped: poster not an image": 1}


def near_films(*train: str) -> dict[str, dict[str, Any]]:
    """Plots: of the first test film in rank, and nearly the same of these training films."""
    test = sorted(SPLIT["test"], key=digest)[0]
    return {film: {"plot": [f"{LONG} but differently"]} for film in train} | {test: {"plot": [LONG]}}


def test_what_dedupe_leaves_out_of_the_sample_or_of_the_pool_is_in_neither(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films(RANKED[1], RANKED[9])))
    sample, pool = take(cache, source, dedupe=True)
    assert ids(cache, sample) == [RANKED[0], *RANKED[2:7]]
    assert ids(cache, pool) == [film for film in RANKED[7:] if film != RANKED[9]]
    assert pool.manifest.counts == {"skipped: plot nearly in test": 1}
    assert pool.manifest.quality["near_duplicates"]["left_out"] is True


def test_the_last_of_all_films_that_dedupe_leaves_out_is_in_neither(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT, near_films(*RANKED[3:])))
    sample = publish_sample(source, share=0.3, cache=cache, dedupe=True)  # nobody is left to take the places
    assert ids(cache, sample) == RANKED[:3]
    with pytest.raises(ValueError, match=r"no film that sample-\w+ left can be used; 17 were looked at(.|\n)*plot nearly"):
        publish_pool(source, share=0.3, unlabelled=1.0, sample=sample.id, cache=cache, dedupe=True)


def test_without_dedupe_near_duplicates_of_the_samples_evaluation_films_are_reported(mmimdb_folder: Write, cache: Cache):
    test = sorted(SPLIT["test"], key=digest)[0]
    _, pool = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT, near_films(RANKED[1], RANKED[9]))))
    assert RANKED[9] in ids(cache, pool)
    report = pool.manifest.quality["near_duplicates"]
    assert (report["counts"], report["left_out"]) == ({"plot nearly in test": 1}, False)
    assert [(pair["film"], pair["other"]) for pair in report["pairs"]] == [(RANKED[9], test)]


def test_evaluation_may_take_all_films_beside_a_small_sample_and_a_pool(mmimdb_folder: Write, cache: Cache):
    sample, pool = take(cache, MmimdbSource(root=mmimdb_folder(SPLIT)), share=0.1, evaluation_share=1.0)
    assert sample.manifest.rows == {"train": 2, "validation": 5, "test": 10}
    assert ids(cache, pool) == RANKED[2:]


def _forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_args: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sources, "read_source", read)


def test_the_pool_of_an_untouched_source_is_found_without_reading_it(
    mmimdb_folder: Write, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    sample, pool = take(cache, source)
    _forbid_reading(monkeypatch)
    again = publish_pool(source, share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)
    found = find_pool(source, unlabelled=1.0, sample=sample.id, cache=cache)
    assert (pool.reused, again.reused) == (False, True)
    assert found == again
    assert again.id == pool.id
    assert find_pool(source, unlabelled=0.5, sample=sample.id, cache=cache) is None


def test_a_source_that_was_moved_and_touched_gives_the_same_pool(mmimdb_folder: Write, cache: Cache, tmp_path: Path):
    root = mmimdb_folder(SPLIT)
    sample, pool = take(cache, MmimdbSource(root=root))
    elsewhere = shutil.copytree(root, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    again = publish_pool(MmimdbSource(root=elsewhere), share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)
    assert (again.id, again.reused) == (pool.id, True)


def test_an_archive_gives_the_same_pool_as_its_folder_in_one_pass(
    mmimdb_folder: Write, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = mmimdb_folder(SPLIT)
    with tarfile.open(tmp_path / "mmimdb.tar.gz", "w:gz") as archive:
        archive.add(root, "mmimdb")
    sample, pool = take(cache, MmimdbSource(root=root))
    passes: list[object] = []
    whole = tarfile.open

    def counted(*args: Any, **options: Any) -> tarfile.TarFile:
        passes.append(options)
        return whole(*args, **options)

    monkeypatch.setattr(tarfile, "open", counted)
    packed = MmimdbSource(root=tmp_path / "mmimdb.tar.gz")
    again = publish_pool(packed, share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)
    assert again.id == pool.id
    assert len(passes) == 1


def test_a_removed_pool_is_made_again(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    sample, pool = take(cache, source)
    shutil.rmtree(cache.shelf_folder(pool.id))
    assert find_pool(source, unlabelled=1.0, sample=sample.id, cache=cache) is None
    again = publish_pool(source, share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)
    assert (again.id, again.reused) == (pool.id, False)


@pytest.mark.parametrize(
    ("share", "unlabelled", "said"),
    [
        (1.0, 1.0, r"leaves no training film for a pool; take a smaller sample \(`--sample`; `--evaluation_sample`"),
        (0.3, 0.03, r"share of 0\.03 of the 14 training films that sample-\w+ left is none; choose at least 0\.0714"),
        (0.3, 0.0, "above 0 and at most 1 of the films that the sample left, got 0"),
        (0.3, 1.5, "above 0 and at most 1"),
    ],
)
def test_a_share_that_leaves_no_pool_is_refused(mmimdb_folder: Write, cache: Cache, share: float, unlabelled: float, said: str):
    with pytest.raises(ValueError, match=said):
        take(cache, MmimdbSource(root=mmimdb_folder(SPLIT)), share=share, unlabelled=unlabelled)


def test_a_sample_taken_with_other_settings_is_refused(mmimdb_folder: Write, cache: Cache):
    source = MmimdbSource(root=mmimdb_folder(SPLIT))
    sample = publish_sample(source, share=0.3, cache=cache, dedupe=True)
    with pytest.raises(ValueError, match=r"taken with .*'dedupe': True.* to be taken with .*'dedupe': False"):
        publish_pool(source, share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)


@pytest.mark.parametrize("gone", ["metadata", "poster"])
def test_a_source_that_lost_a_film_of_the_sample_is_refused(mmimdb_folder: Write, cache: Cache, gone: str):
    root = mmimdb_folder(SPLIT)
    sample = publish_sample(MmimdbSource(root=root), share=0.3, cache=cache)
    film = sorted(SPLIT["test"], key=digest)[0]
    if gone == "metadata":
        (root / "dataset" / f"{film}.json").unlink()
    else:
        (root / "dataset" / f"{film}.jpeg").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"no longer has every film of sample-\w+; take the sample again"):
        publish_pool(MmimdbSource(root=root), share=0.3, unlabelled=1.0, sample=sample.id, cache=cache)
    assert [manifest.id for manifest in cache.manifests("shelves")] == [sample.id]


def test_strict_refuses_a_pool_with_skipped_films_but_not_with_films_left_out(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT, near_films(RANKED[9]))
    _, pool = take(cache, MmimdbSource(root=root), strict=True, dedupe=True)
    assert RANKED[9] not in ids(cache, pool)
    (root / "dataset" / f"{RANKED[8]}.jpeg").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=rf"--strict allows none(.|\n)*train {RANKED[8]}: poster not an image"):
        take(cache, MmimdbSource(root=root), strict=True, dedupe=True)


def test_views_that_came_with_the_source_are_views_of_the_pool_too(
    moviescope_folder: Write, cache: Cache, jpeg: Callable[..., bytes]
):
    films = sorted("uvwx", key=digest)
    rows = [
        {"id": film, "title": "T", "label": ["Drama"], "synopsis": f"Story {film}.", "bt": f"Tale {film}."} for film in films
    ]
    root = moviescope_folder({"train": rows})
    (root / "augmented").mkdir()
    for film in films:
        (root / "augmented" / f"{film}.jpg").write_bytes(jpeg("blue"))
    source = MoviescopeSource(root=root, augmented_plot_field="bt", augmented_poster_folder="augmented")
    sample, pool = take(cache, source, share=0.5, evaluation_share=1.0)
    assert (ids(cache, sample), ids(cache, pool)) == (films[:2], films[2:])
    text = cache.open(publish_given_text(pool.id, cache=cache))
    image = cache.open(publish_given_images(pool.id, cache=cache))
    assert text.split("train")["plot"][:] == [f"Tale {film}." for film in films[2:]]
    assert image.split("train")["ops"][:] == [["given"], ["given"]]
    assert text.manifest.parents == image.manifest.parents == (pool.id,)


@pytest.mark.parametrize(("name", "usable", "sampled"), [("mmimdb-mini", 240, 72), ("moviescope-mini", 120, 36)])
def test_sample_and_pool_of_real_films_are_all_training_films_once(
    real_films: Path, cache: Cache, name: str, usable: int, sampled: int
):
    root = real_films / name
    source = MmimdbSource(root=root) if name.startswith("mmimdb") else MoviescopeSource(root=root)
    sample, pool = take(cache, source)
    labelled, unlabelled = ids(cache, sample), ids(cache, pool)
    assert (len(labelled), len(unlabelled)) == (sampled, usable - sampled)
    films = cache.open(pool.id).split("train")
    evaluation = {film for split in SPLITS[1:] for film in cache.open(sample.id).split(split)["id"]}
    assert len({*labelled, *unlabelled}) == usable
    assert not evaluation & {*labelled, *unlabelled}
    assert {len(genres) for genres in films["genres"]} == {0}
    whole = publish_sample(source, share=1.0, cache=cache)
    assert ids(cache, whole) == labelled + unlabelled


def test_the_note_of_a_pools_reading_lists_its_own_films_alone(mmimdb_folder: Write, cache: Cache):
    root = mmimdb_folder(SPLIT, {RANKED[0]: {"plot": ["cafÃ©"]}, RANKED[8]: {"plot": ["naÃ¯ve"]}})
    _, pool = take(cache, MmimdbSource(root=root))
    notes = [json.loads(path.read_text()) for path in (cache.root / "sources").iterdir()]
    (own,) = [note for note in notes if note["sample"] == pool.id]
    assert [(issue["id"], issue["reason"]) for issue in own["issues"]] == [(RANKED[8], "plot mojibake")]
