"""Whatever lies in a source, its films are taken, or skipped with a reason, or one error says what is wrong with it."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_cache.sampling import Sample, publish_sample
from datasets_cache.sources import MmimdbSource, MoviescopeSource, SourceSpec, TableSource, bundled, read_source
from datasets_cache.sources.index import RowError, SourceIndex, usable_id
from datasets_cache.store import Cache
from tests.fuzz import made_archives, made_sources
from tests.fuzz.bounds import FIXED, check_issues, check_message, count, outcome_of, surrounded, tried
from tests.fuzz.made_ids import ids
from tests.fuzz.made_json import film

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
SEEDS = st.integers(0, 2**32 - 1)
Real = list[tuple[Mapping[str, Any], bytes]]


@pytest.fixture(scope="session")
def films_of_mmimdb(real_films: Path) -> Real:
    folder = real_films / "mmimdb-mini" / "dataset"
    found = sorted(folder.glob("*.json"))[:60]
    rows = [json.loads(path.read_text()) for path in found]
    return [
        ({"title": row["title"], "plot": row["plot"][0]}, path.with_suffix(".jpeg").read_bytes())
        for row, path in zip(rows, found, strict=True)
    ]


def read(spec: SourceSpec, inner: Path) -> SourceIndex:
    """The films by their metadata; some of their posters are read with them, some in a second pass over an archive."""
    with tempfile.TemporaryFile(dir=inner) as scratch:
        found = read_source(spec, likely=lambda film: "1" in film, scratch=scratch)
        for record in found.records:
            assert isinstance(found.posters.read(record.poster), bytes)
        return found


def settle(kind: str, spec: MmimdbSource | MoviescopeSource | TableSource, inner: Path) -> Sample | ValueError:
    """Publish the sample; what comes out of it is checked and counted."""
    assert spec.root is not None
    made = tried(kind, lambda: publish_sample(spec, share=1.0, cache=Cache(inner / "cache")))
    if isinstance(made, Sample):
        check_issues(made.issues)
        count(kind, outcome_of(made.issues))
        assert publish_sample(spec, share=1.0, cache=Cache(inner / "cache")).issues == made.issues  # remembered as it was
    else:
        check_message(made, names=spec.root)
        count(kind, "error")
    return made


# JSON


def check_json(seed: int) -> None:
    fields = {"id": "f", "title": "T", "plot": ["A story."], "synopsis": "A story.", "genres": ["Drama"], "label": ["Drama"]}
    with surrounded() as inner:
        data = film(fields, seed)
        split = json.dumps({"train": ["f"], "dev": [], "test": []}).encode()
        root = made_sources.written([("split.json", split), ("dataset/f.json", data), ("dataset/f.jpeg", b"")], inner / "m")
        found = tried("JSON", lambda: read(MmimdbSource(root=root), inner))
        assert isinstance(found, SourceIndex)
        assert len(found.records) + len(found.skipped) == 1
        check_issues(found.skipped)
        count("JSON", "skipped" if found.skipped else "repaired" if found.records[0].repairs else "as it is")

        files = [("train.jsonl", data), ("dev.jsonl", b""), ("test.jsonl", b""), ("posters/f.jpg", b"")]
        root = made_sources.written(files, inner / "s")
        rows = tried("jsonl", lambda: read(MoviescopeSource(root=root), inner))
        if isinstance(rows, SourceIndex):
            check_issues(rows.skipped)
            count("jsonl", "skipped" if rows.skipped else "as it is")
        else:
            check_message(rows, names=root)
            count("jsonl", "error")


@settings(FIXED, max_examples=60)
@given(SEEDS)
def test_metadata_are_read_or_skipped_with_a_reason(seed: int):
    check_json(seed)


@pytest.mark.slow
@settings(FIXED, max_examples=1500)
@given(SEEDS)
def test_thousands_of_metadata_are_read_or_skipped_with_a_reason(seed: int):
    check_json(seed)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(SEEDS)
def test_a_split_is_read_or_one_error_says_what_is_wrong_with_it(seed: int):
    with surrounded() as inner:
        data = film({"train": ["a", 1], "dev": ["b"], "test": ["c", None]}, seed)
        root = made_sources.written([("split.json", data), ("dataset/a.json", b"{}")], inner / "m")
        found = tried("split.json", lambda: read(MmimdbSource(root=root), inner))
        if isinstance(found, SourceIndex):
            check_issues(found.skipped)
        else:
            check_message(found, names=root)
        count("split.json", "skipped" if isinstance(found, SourceIndex) else "error")


# ids


def check_id(value: object) -> None:
    film = tried("id", lambda: usable_id(value))
    if isinstance(film, RowError):
        count("id", "skipped")
        return
    assert isinstance(film, str)
    assert Path(film).name == film
    assert not set(film) & set('/\\\0:*?"<>|\n')
    assert film[0] not in ".~-" or film[0] == "-"
    assert film[-1] not in ". "
    assert len(film.encode()) <= 200  # a file system takes 255, with its suffix
    count("id", "as it is")


@settings(FIXED, max_examples=300)
@given(ids())
def test_an_id_names_a_file_in_its_folder_or_is_not_usable(value: object):
    check_id(value)


@pytest.mark.slow
@settings(FIXED, max_examples=1500)
@given(ids())
def test_thousands_of_ids_name_a_file_in_their_folder_or_are_not_usable(value: object):
    check_id(value)


# whole sources


def check_mmimdb(seed: int, real: Real | None = None) -> None:
    """Films in a folder; and in an archive with faults of its own."""
    made = made_sources.films(seed, real=real or [])
    kind = "real MM-IMDb films" if real else "MM-IMDb folder"
    with surrounded() as inner:
        files = made_sources.mmimdb(made)
        root = made_sources.written(files, inner / "m")
        settle(kind, MmimdbSource(root=root), inner)
        settle("archive of films", MmimdbSource(root=made_sources.packed(files, inner / "m.tar", seed)), inner)


def check_moviescope(seed: int, real: Real | None = None) -> None:
    made = made_sources.films(seed, real=real or [])
    with surrounded() as inner:
        root = made_sources.written(made_sources.moviescope(made), inner / "s")
        (root / "posters").mkdir(exist_ok=True)
        given = {"augmented_plot_field": "synopsis", "augmented_poster_folder": "posters"} if seed % 3 == 0 else {}
        settle("real Moviescope films" if real else "jsonl of films", MoviescopeSource(root=root, **given), inner)


def check_table(seed: int) -> None:
    made = made_sources.films(seed)
    with surrounded() as inner:
        root = made_sources.written(made_sources.table(made, seed), inner / "t")
        settle("table", TableSource(root=root), inner)


@settings(FIXED, max_examples=12)
@given(SEEDS)
def test_films_of_a_folder_and_its_archive_are_taken_or_skipped_with_a_reason(seed: int):
    check_mmimdb(seed)


@settings(FIXED, max_examples=12)
@given(SEEDS)
def test_films_of_jsonl_files_are_taken_or_skipped_with_a_reason(seed: int):
    check_moviescope(seed)


@settings(FIXED, max_examples=12)
@given(SEEDS)
def test_films_of_a_table_are_taken_or_skipped_with_a_reason(seed: int):
    check_table(seed)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(SEEDS)
def test_hundreds_of_folders_and_archives_end_in_films_reasons_or_one_error(seed: int):
    check_mmimdb(seed)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(SEEDS)
def test_hundreds_of_jsonl_files_end_in_films_reasons_or_one_error(seed: int):
    check_moviescope(seed)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(SEEDS)
def test_hundreds_of_tables_end_in_films_reasons_or_one_error(seed: int):
    check_table(seed)


TABLE_PIECES = [
    "id",
    "plot",
    "labels",
    "image",
    "a",
    "Drama|War",
    ",",
    ";",
    "\t",
    "|",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    "\x00",
    " ",
    "é",
    "[",
    "0",
    "1",
    "€",
]


@pytest.mark.slow
@settings(FIXED, max_examples=1000)
@given(
    st.sampled_from(["", "id,plot,labels\n", "sep=", "sep=;\n", "id\tplot\tlabels\timage\n"]),
    st.lists(st.sampled_from(TABLE_PIECES), max_size=40).map("".join),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]),
    st.sampled_from(["films.csv", "films.tsv", "films.jsonl"]),
)
def test_anything_that_calls_itself_a_table_ends_in_one_error_or_is_read(head: str, text: str, encoding: str, name: str):
    with surrounded() as inner:
        root = made_sources.written([(name, (head + text).encode(encoding)), ("a.jpg", b"")], inner / "t")
        found = tried("table text", lambda: read(TableSource(root=root), inner))
        if isinstance(found, SourceIndex):
            check_issues(found.skipped)
        else:
            check_message(found, names=root)
        count("table text", "skipped" if isinstance(found, SourceIndex) else "error")


@pytest.mark.slow
@settings(FIXED, max_examples=100)
@given(SEEDS)
def test_real_films_with_faults_are_taken_or_skipped_with_a_reason(films_of_mmimdb: Real, seed: int):
    check_mmimdb(seed, films_of_mmimdb)
    check_moviescope(seed, films_of_mmimdb)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(SEEDS)
def test_the_reader_of_the_shipped_films_takes_any_rows(seed: int):
    made = made_sources.films(seed)
    with surrounded() as inner:
        rows = b"\n".join(film({**one.fields, "split": one.split}, seed + at) for at, one in enumerate(made))
        root = made_sources.written([("films.jsonl", rows), ("posters/f1.jpg", b"")], inner / "b")
        found = tried("bundled rows", lambda: bundled.read(root))
        assert isinstance(found, SourceIndex)
        check_issues(found.skipped)
        count("bundled rows", "skipped" if found.skipped else "as it is")


# archives


def check_archive(data: bytes, kind: str) -> None:
    with surrounded() as inner:
        path = inner / "mmimdb.tar.gz"
        path.write_bytes(data)
        found = tried(kind, lambda: read(MmimdbSource(root=path), inner))
        if isinstance(found, SourceIndex):
            check_issues(found.skipped)
            count(kind, "skipped" if found.skipped else "as it is")
        else:
            check_message(found, names=path)
            count(kind, "error")
        assert [one.name for one in inner.iterdir()] == [path.name]


def members(seed: int) -> list[tuple[str, bytes]]:
    return [(name.replace("\0", ""), data) for name, data in made_sources.mmimdb(made_sources.films(seed % 50))]


@settings(FIXED, max_examples=50)
@given(SEEDS)
def test_an_archive_is_read_or_one_error_says_what_is_wrong_with_it(seed: int):
    check_archive(made_archives.pack(members(seed), seed), "archive")


@pytest.mark.slow
@settings(FIXED, max_examples=1000)
@given(SEEDS)
def test_thousands_of_archives_are_read_or_one_error_says_what_is_wrong_with_them(seed: int):
    check_archive(made_archives.pack(members(seed), seed), "archive")


@pytest.mark.slow
@settings(FIXED, max_examples=10)
@given(SEEDS)
def test_archive_bombs_do_not_go_off(seed: int):
    check_archive(made_archives.bomb(seed), "archive bomb")
