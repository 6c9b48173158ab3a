"""Films of one's own: a table with any columns, delimiter and labels, images where people put them, splits by the ids."""

import csv
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from datasets_cache.genres import MMIMDB_GENRES, MOVIESCOPE_GENRES
from datasets_cache.sampling import publish_sample
from datasets_cache.sources import MoviescopeSource, TableSource, read_source, stat_digest
from datasets_cache.sources.index import SourceIndex
from datasets_cache.sources.table_splits import NO_VALIDATION, divide
from datasets_cache.store import Cache

Write = Callable[..., Path]
Rows = Sequence[Mapping[str, Any]]


@pytest.fixture
def table_folder(tmp_path: Path, jpeg: Callable[..., bytes]) -> Write:
    """Write a folder with `films.csv` and, unless `images` says which, one image for each film of `many`."""

    def write(
        rows: Rows | None = None, *, data: bytes | None = None, images: Sequence[str] | None = None, name: str = "films.csv"
    ) -> Path:
        root = tmp_path / "my-films"
        root.mkdir()
        (root / name).write_bytes(as_csv(many() if rows is None else rows) if data is None else data)
        for image in [f"images/f{number:02d}.jpg" for number in range(30)] if images is None else images:
            (root / image).parent.mkdir(parents=True, exist_ok=True)
            (root / image).write_bytes(jpeg())
        return root

    return write


def many(films: int = 30, **changes: Any) -> list[dict[str, Any]]:
    """Films f00, f01, … in turn cosy, loud, and both; `changes` are values, or functions of the film's number."""
    labels = ("cosy", "loud", "cosy|loud")
    rows: list[dict[str, Any]] = []
    for number in range(films):
        film = f"f{number:02d}"
        row = {"id": film, "title": f"Film {number}", "plot": f"The story of {film}.", "labels": labels[number % 3]}
        row["image"] = f"images/{film}.jpg"
        rows.append(row | {name: value(number) if callable(value) else value for name, value in changes.items()})
    return rows


def as_csv(rows: Rows, *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """As Python's csv module writes it."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def read(root: Path | None, **options: Any) -> SourceIndex:
    with tempfile.TemporaryFile() as scratch:
        return read_source(TableSource(root=root, **options), likely=lambda _film: True, scratch=scratch)


def renamed(rows: Rows, **names: str) -> list[dict[str, Any]]:
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def without(rows: Rows, *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def of_split(index: SourceIndex, split: str) -> set[str]:
    return {record.id for record in index.records if record.split == split}


def skipped(index: SourceIndex) -> list[tuple[str, str]]:
    return [(issue.id, issue.reason) for issue in index.skipped]


# The table


def test_thirty_films_and_a_csv_are_a_source(table_folder: Write):
    root = table_folder()
    index = read(root)
    film = next(record for record in index.records if record.id == "f02")
    assert (film.title, film.plot, film.genres) == ("Film 2", "The story of f02.", ("cosy", "loud"))
    assert index.posters.read(film.poster) == (root / "images" / "f02.jpg").read_bytes()
    assert (len(index.records), index.genres, index.skipped) == (30, ("cosy", "loud"), ())


@pytest.mark.parametrize(
    "data",
    [
        as_csv(many(), delimiter=";", encoding="utf-8-sig"),  # Excel in most of Europe
        as_csv(many(), delimiter="\t", encoding="utf-16"),  # Excel's Unicode text
        as_csv(many(), delimiter="\t", encoding="utf-16-le"),
        b"sep=;\r\n" + as_csv(many(), delimiter=";"),
        b"\r\n" + as_csv(many(), delimiter="|") + b"\r\n\r\n",
        as_csv(many()).replace(b"\r\n", b"\r"),  # old Macs
    ],
)
def test_spreadsheets_dialects_are_understood(table_folder: Write, data: bytes):
    index = read(table_folder(data=data))
    assert {record.id: record.genres for record in index.records}["f02"] == ("cosy", "loud")
    assert (len(index.records), index.skipped) == (30, ())


def test_a_tsv_and_a_jsonl_are_read_by_their_suffix(table_folder: Write):
    root = table_folder(data=as_csv(many(), delimiter="\t"), name="films.tsv")
    expected = [(record.id, record.genres, record.split) for record in read(root).records]
    (root / "films.tsv").unlink()
    lists = many(labels=lambda number: [["cosy"], ["loud"], ["cosy", "loud"]][number % 3])
    (root / "films.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lists))
    assert [(record.id, record.genres, record.split) for record in read(root).records] == expected


def test_a_cell_may_hold_delimiters_quotes_and_line_breaks(table_folder: Write):
    index = read(table_folder(many(plot=lambda number: f'He said "no", twice;\nthen {number}.')))
    assert {record.plot for record in index.records if record.id == "f07"} == {'He said "no", twice; then 7.'}


def test_windows_1252_is_refused_with_a_line_that_shows_how_it_would_read(table_folder: Write):
    root = table_folder(data=as_csv(many(title=lambda number: "Amélie" if number == 4 else "T"), encoding="cp1252"))
    with pytest.raises(ValueError, match=r"not UTF-8: line 6, byte 0xe9.*…f04,Amélie,.*--source\.encoding cp1252.*CSV UTF-8"):
        read(root)
    assert {record.title for record in read(root, encoding="cp1252").records} == {"Amélie", "T"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", r"the file is empty; write a line of column names"),
        (b"PK\x03\x04rest", r"an Excel workbook, whatever its name says; save it as CSV UTF-8"),
        (b"one column\nand a row\n", r"one column only, 'one column'; expected .* separated by commas, semicolons or tabs"),
        (b'id,plot,labels\n1,"never closed,cosy\n', r"the row that begins in line 2 cannot be read .* is written twice"),
        (b'id,plot,labels\n1,a,b\n2,"He said "no" to",cosy\n', r"the row that begins in line 3 cannot be read"),
        (b"id,plot,labels\n", r"0 of 0 films can be used, and 10 are needed .* Add films, or a column `split`"),
    ],
)
def test_what_is_no_table_says_what_to_do(table_folder: Write, data: bytes, expected: str):
    with pytest.raises(ValueError, match=expected):
        read(table_folder(data=data))


def test_an_encoding_that_there_is_not_is_a_sentence(table_folder: Write):
    with pytest.raises(ValueError, match=r"knows no encoding 'utf-99'; give for example `--source\.encoding cp1252`"):
        read(table_folder(), encoding="utf-99")


def test_a_row_of_another_length_than_the_header_is_skipped_with_its_number(table_folder: Write):
    lines = as_csv(many()).split(b"\r\n")
    lines[3] += b",one more"  # the header is row 1, so this is row 4
    lines[7] = lines[7].rpartition(b",")[0]
    lines[9] += b",,"  # empty cells at the end are none
    index = read(table_folder(data=b"\r\n".join(lines)))
    assert skipped(index) == [("row 4", "metadata wrong type"), ("row 8", "metadata wrong type")]
    assert len(index.records) == 28


# Its columns


def test_columns_are_found_by_what_people_call_them(table_folder: Write):
    rows = renamed(many(), id="IMDb-ID", title="Movie Title", plot="Plot_Synopsis", labels="Genre", image="FileName")
    film = read(table_folder(rows)).records[0]
    assert (film.id, film.title, film.plot, film.genres) == ("f00", "Film 0", "The story of f00.", ("cosy",))


def test_columns_can_be_named(table_folder: Write):
    rows = renamed(many(), id="Nummer", title="Titel", plot="Handlung", labels="Stimmung", image="Bild")
    root = table_folder([row | {"plot": "not this one"} for row in rows])
    named = {"id_field": "nummer", "title_field": "Titel", "label_field": "STIMMUNG", "poster_field": "Bild"}
    film = read(root, plot_field="Handlung", **named).records[0]
    assert (film.id, film.title, film.plot, film.genres) == ("f00", "Film 0", "The story of f00.", ("cosy",))


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        (
            many(),
            {"plot_field": "story"},
            r"no column is named 'story' \(option `--source\.plot_field`\).*'id', 'title', 'plot'",
        ),
        (renamed(many(), plot="Die Handlung"), {}, r"no column is named like a plot.*`--source\.plot_field 'Die Handlung'`"),
        (without(many(), "labels"), {}, r"no column is named like labels.*`--source\.label_field`"),
        (without(many(), "id", "image"), {}, r"no column names the images.*or the ids; name one with `--source\.poster_field`"),
        (without(many(), "plot", "labels"), {}, r"(?s)no column is named like a plot.*no column is named like labels"),
    ],
)
def test_a_column_that_is_missing_is_named_with_its_option(
    table_folder: Write, rows: Rows, options: dict[str, str], expected: str
):
    with pytest.raises(ValueError, match=expected):
        read(table_folder(rows), **options)


def test_two_columns_of_one_name_are_refused_where_the_name_is_needed(table_folder: Write):
    data = as_csv(many()).replace(b"id,title,plot", b"id,plot,plot", 1)
    with pytest.raises(ValueError, match=r"several columns are named 'plot'; rename all but one"):
        read(table_folder(data=data))


def test_without_a_column_of_ids_the_images_names_are_the_ids(table_folder: Write):
    index = read(table_folder(without(many(), "id")))
    assert {record.id for record in index.records} == {f"f{number:02d}" for number in range(30)}
    assert "no column of ids: images' names are the ids" in index.notes


def test_where_films_share_an_image_row_numbers_are_the_ids(table_folder: Write):
    index = read(table_folder(without(many(image=lambda number: f"f{max(number, 1):02d}.jpg"), "id")))
    assert {record.id for record in index.records} == {f"row-{number}" for number in range(2, 32)}


# Its labels


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("cosy|loud", ("cosy", "loud")),
        (" loud ; cosy ", ("cosy", "loud")),
        ("loud, cosy,", ("cosy", "loud")),
        ('["loud", "cosy"]', ("cosy", "loud")),
        ("['loud', 'cosy']", ("cosy", "loud")),
        ('[{"id": 1, "name": "loud"}, {"id": 2, "name": "cosy"}]', ("cosy", "loud")),
        ("Loud|loud|LOUD", ("Loud",)),
        ("quiet and slow", ("quiet and slow",)),
    ],
)
def test_labels_of_one_cell_are_written_in_many_ways(table_folder: Write, cell: str, expected: tuple[str, ...]):
    def labels(number: int) -> str:
        return cell if number % 2 else ("loud" if number % 4 else "cosy")

    index = read(table_folder(many(labels=labels)))
    assert {record.genres for record in index.records if int(record.id[1:]) % 2} == {expected}


def test_the_first_separator_of_the_column_holds_for_all_its_cells_so_a_label_may_have_a_comma(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: ("warm, cosy", "loud", "warm, cosy|loud")[number % 3])))
    assert index.genres == ("loud", "warm, cosy")


def test_a_separator_can_be_named(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: ("a,b", "c", "a,b/c")[number % 3])), separator="/")
    assert index.genres == ("a,b", "c")


def test_columns_of_0_and_1_are_labels_where_no_column_is_named_like_labels(table_folder: Write):
    rows = [
        row | {"Cosy": number % 3 != 1, "Loud": number % 3 and 1, "year": 1990}
        for number, row in enumerate(without(many(), "labels"))
    ]
    index = read(table_folder(rows))
    assert index.genres == ("Cosy", "Loud")
    assert {record.id: record.genres for record in index.records if record.id < "f03"} == {
        "f00": ("Cosy",),
        "f01": ("Loud",),
        "f02": ("Cosy", "Loud"),
    }


def test_the_list_is_alphabetical_so_that_films_that_join_do_not_reorder_it(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: ("zebra", "Ant", "bee")[min(number % 5, 2)])))
    assert index.genres == ("Ant", "bee", "zebra")
    assert index.genres_are_own


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(("DRAMA", "Sci-Fi"), MOVIESCOPE_GENRES), (("drama", "war"), MMIMDB_GENRES), (("drama", "noir"), ("drama", "noir"))],
)
def test_a_known_list_that_has_every_label_is_the_list(table_folder: Write, labels: Sequence[str], expected: tuple[str, ...]):
    assert read(table_folder(many(labels=lambda number: labels[number % 2]))).genres == expected


def test_a_label_goes_by_its_most_frequent_spelling(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: "loud" if number % 3 else ("Cosy" if number else "COSY"))))
    assert index.genres == ("Cosy", "loud")


def splits(number: int) -> str:
    return ("train", "dev", "test")[0 if number < 20 else 1 + number % 2]


def test_labels_of_evaluation_films_alone_are_left_out_and_said(table_folder: Write):
    def labels(number: int) -> str:
        return {24: "odd", 25: "odd|loud"}.get(number, ("cosy", "loud")[number % 2])

    index = read(table_folder(many(labels=labels, split=splits)))
    assert index.genres == ("cosy", "loud")
    assert skipped(index) == [("f24", "no genre of the task")]
    assert {record.id: record.genres for record in index.records}["f25"] == ("loud",)
    assert any(note.startswith("left out, since no training film has them: odd") for note in index.notes)


def test_a_label_of_one_training_film_stays_and_is_said(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: "odd" if not number else ("cosy", "loud")[number % 2], split=splits)))
    assert index.genres == ("cosy", "loud", "odd")
    assert "with one training film only, from which little can be learnt: odd" in index.notes


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("drama", r"training films all have the same labels \(drama\), so there is nothing to tell apart.*'other'"),
        (lambda number: f"label {number}", r"every label occurs in one training film only.*is this the column of labels"),
    ],
)
def test_labels_that_nothing_can_be_learnt_from_are_refused(table_folder: Write, labels: Any, expected: str):
    with pytest.raises(ValueError, match=re.compile(expected, re.IGNORECASE)):
        read(table_folder(many(labels=labels)))


def test_films_without_a_label_are_skipped(table_folder: Write):
    index = read(table_folder(many(labels=lambda number: "" if number == 3 else ("cosy", "loud")[number % 2])))
    assert skipped(index) == [("f03", "no genre of the task")]


# Its images


@pytest.mark.parametrize(
    ("cell", "image"),
    [
        ("f05.jpg", "deep/below/f05.jpg"),
        ("images/f05", "images/f05.png"),
        ("IMAGES/F05.JPG", "images/f05.jpg"),
        ("./images/f05.jpg", "images/f05.JPEG.jpg"),
        ("images\\f05.jpg", "images/f05.jpg"),
        ("C:\\Users\\me\\posters\\f05.jpg", "images/f05.jpg"),
        ("Ame\u0301lie.jpg", "images/Am\u00e9lie.jpg"),
    ],
)
def test_an_image_is_found_however_its_cell_names_it(table_folder: Write, cell: str, image: str):
    if cell.startswith("./"):
        cell = "./images/f05.jpeg.JPG"
    images = [f"images/f{number:02d}.jpg" for number in range(30) if number != 5]
    root = table_folder(many(image=lambda number: cell if number == 5 else f"f{number:02d}.jpg"), images=[*images, image])
    assert {record.id: record.poster for record in read(root).records}["f05"] == str(root / image)


def test_without_a_column_of_images_the_ids_name_them(table_folder: Write):
    root = table_folder(without(many(), "image"))
    assert read(root).records[0].poster == str(root / "images" / "f00.jpg")


def test_an_image_that_is_not_there_is_skipped_with_the_nearest_name(table_folder: Write):
    index = read(table_folder(many(image=lambda number: "images/f07_.jpg" if number == 7 else f"f{number:02d}.jpg")))
    assert skipped(index) == [("f07", "poster missing")]
    assert index.skipped[0].detail == "no image 'images/f07_.jpg'; the nearest name is 'images/f07.jpg'"


def test_an_image_name_that_several_files_have_is_skipped_with_their_paths(table_folder: Write):
    images = [*(f"images/f{number:02d}.jpg" for number in range(30)), "old/f07.jpg"]
    index = read(table_folder(many(image=lambda number: f"f{number:02d}.jpg"), images=images))
    assert index.skipped[0].detail == "'f07.jpg' may be images/f07.jpg, old/f07.jpg; write the path below my-films"


def test_an_image_outside_the_folder_is_not_read(table_folder: Write, tmp_path: Path, jpeg: Callable[..., bytes]):
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    index = read(table_folder(many(image=lambda number: "../secret.jpg" if number == 7 else f"f{number:02d}.jpg")))
    assert skipped(index) == [("f07", "poster missing")]


def test_where_no_image_is_found_the_error_says_so(table_folder: Write):
    with pytest.raises(
        ValueError, match=r"0 of 30 films can be used.*Mend what cannot: 30 rows: poster missing.*there are 0 im"
    ):
        read(table_folder(images=[]))


# Its splits


def test_without_a_column_for_it_the_ids_decide_the_split_whatever_else_is_there():
    films = [f"film {number}" for number in range(1000)]
    whole, part = divide(films), divide(films[:200])
    assert part == {film: whole[film] for film in films[:200]}
    shares = [sum(split == name for split in whole.values()) / 1000 for name in ("train", "validation", "test")]
    # three standard deviations of a binomial of 1,000: 0.043, 0.028, 0.038
    assert shares == [pytest.approx(0.7, abs=0.043), pytest.approx(0.1, abs=0.028), pytest.approx(0.2, abs=0.038)]


def test_a_films_split_does_not_follow_from_its_place_in_samples():
    # the first third in the order of samples is divided like the whole: three standard deviations of a binomial of 300: 0.08
    split = divide(f"film {number}" for number in range(900))
    first = sorted(split, key=lambda film: hashlib.sha256(film.encode()).digest())[:300]
    assert sum(split[film] == "train" for film in first) / 300 == pytest.approx(0.7, abs=0.08)


@pytest.mark.parametrize("films", range(10, 40, 3))
def test_ten_films_are_enough_for_three_splits(films: int):
    for start in range(0, 2000, films):  # other films each time, so also those that the ids leave without validation
        found = list(divide(f"{number}" for number in range(start, start + films)).values())
        assert found.count("train") >= 4
        assert min(found.count("validation"), found.count("test")) >= 2


def test_a_column_says_the_split_in_the_usual_words(table_folder: Write):
    words = ("Train", "training", "VAL", "dev", "valid", "validation", "test", "Testing")
    index = read(table_folder(many(split=lambda number: words[number % 8])))
    assert of_split(index, "test") == {f"f{number:02d}" for number in range(30) if number % 8 > 5}
    assert of_split(index, "validation") == {f"f{number:02d}" for number in range(30) if 1 < number % 8 < 6}


def test_a_word_that_is_no_split_costs_the_row(table_folder: Write):
    index = read(table_folder(many(split=lambda number: "holdout" if number == 29 else splits(number))))
    assert skipped(index) == [("f29", "split not known")]
    assert index.skipped[0].detail == "'holdout'; expected train, validation or test"


def test_a_table_of_training_and_test_films_gets_its_validation_films_from_the_training_films(table_folder: Write):
    index = read(table_folder(many(split=lambda number: "train" if number < 24 else "test")))
    training = {f"f{number:02d}" for number in range(24)}
    assert of_split(index, "test") == {f"f{number:02d}" for number in range(24, 30)}
    assert of_split(index, "train") | of_split(index, "validation") == training
    assert of_split(index, "validation") == {
        film for film, split in divide(training, NO_VALIDATION).items() if split == "validation"
    }


def test_three_films_are_too_few_and_the_error_says_how_many_are_enough(table_folder: Write):
    with pytest.raises(ValueError, match=r"3 of 3 films can be used, and 10 are needed.* Add films, or a column `split`"):
        read(table_folder(many(3)))


def test_few_films_are_enough_with_a_split_of_their_own(table_folder: Write):
    index = read(table_folder(many(5, split=lambda number: ("train", "train", "train", "val", "test")[number])))
    assert [len(of_split(index, split)) for split in ("train", "validation", "test")] == [3, 1, 1]


def test_an_id_twice_keeps_the_first_row(table_folder: Write):
    index = read(table_folder([*many(), many()[4] | {"title": "again"}]))
    assert skipped(index) == [("f04", "id duplicated")]
    assert {record.title for record in index.records if record.id == "f04"} == {"Film 4"}


# Its folder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], r"no table \(\.csv, \.tsv or \.jsonl\) there; looked for .*films\.csv.*is empty"),
        (["films.xlsx"], r"films\.xlsx is a workbook: save it as CSV UTF-8"),
        (["a.csv", "b.csv"], r"several tables: a\.csv, b\.csv\. Name one with `--source\.table a\.csv`.*column `split`"),
        (["train.jsonl", "dev.jsonl", "test.jsonl"], r"films in Moviescope's form; use the recipe moviescope"),
    ],
)
def test_a_folder_without_one_table_says_what_to_do(tmp_path: Path, files: Sequence[str], expected: str):
    for name in files:
        (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match=expected):
        stat_digest(TableSource(root=tmp_path))


def test_the_table_itself_can_be_the_root_and_one_of_several_can_be_named(table_folder: Write):
    root = table_folder()
    (root / "notes.csv").write_text("x,y\n1,2\n")
    assert read(root / "films.csv").records == read(root, table="films.csv").records
    with pytest.raises(ValueError, match=r"no filmz\.csv there.*films\.csv"):
        read(root, table="filmz.csv")


# The sample


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_sample_keeps_its_list_and_what_was_understood_and_skipped(table_folder: Write, cache: Cache):
    root = table_folder(many(labels=lambda number: "" if number == 3 else ("cosy", "loud")[number % 2]))
    manifest = publish_sample(TableSource(root=root), share=1.0, cache=cache).manifest
    assert manifest.genres == ("cosy", "loud")
    assert manifest.spec["genres"] == ["cosy", "loud"]
    assert manifest.counts == {"skipped: no genre of the task": 1}
    assert manifest.quality["skipped_rows"] == ["- f03: no genre of the task: it has no label"]
    assert manifest.quality["read_as"][1] == (
        "id from 'id', title from 'title', plot from 'plot', labels from 'labels', image from 'image'"
    )


def test_an_untouched_folder_is_not_read_again_and_a_touched_one_is(table_folder: Write, cache: Cache, jpeg: Any):
    source = TableSource(root=table_folder())
    first, digest = publish_sample(source, share=1.0, cache=cache), stat_digest(source)
    assert stat_digest(source) == digest
    assert source.root is not None
    (source.root / "images" / "f00.jpg").write_bytes(jpeg("blue"))
    assert stat_digest(source) != digest
    assert publish_sample(source, share=1.0, cache=cache).id != first.id


def test_another_list_of_labels_is_another_sample_of_the_same_films(table_folder: Write, cache: Cache):
    def published(rows: Rows) -> str:
        (root / "films.csv").write_bytes(as_csv(rows))
        found = publish_sample(source, share=0.2, cache=cache)
        return found.id if taken == {name: list(cache.open(found.id).split(name)["id"]) for name in taken} else "other films"

    root = table_folder(many(300), images=[f"images/f{number:02d}.jpg" for number in range(300)])
    source = TableSource(root=root)
    first = publish_sample(source, share=0.2, cache=cache).id
    taken: dict[Any, list[str]] = {name: list(cache.open(first).split(name)["id"]) for name in ("train", "validation", "test")}
    beyond = min(record.id for record in read(root).records if record.split == "train" and record.id not in set(taken["train"]))
    rows = many(300)
    rows[int(beyond[1:])]["labels"] = "rare"
    assert published(rows) not in (first, "other films")
    assert published(many(300)) == first


def test_strict_refuses_a_row_that_has_to_be_skipped(table_folder: Write, cache: Cache):
    root = table_folder(many(labels=lambda number: "" if number == 3 else ("cosy", "loud")[number % 2]))
    with pytest.raises(ValueError, match=r"--strict allows none(.|\n)*f03: no genre of the task: it has no label"):
        publish_sample(TableSource(root=root), share=1.0, cache=cache, strict=True)


# Moviescope's form with other labels


def scope(split: str, labels: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"id": f"{split}{number}", "title": "T", "label": [label], "synopsis": f"Story {number} of {split}."}
        for number, label in enumerate(labels)
    ]


def read_scope(root: Path) -> SourceIndex:
    with tempfile.TemporaryFile() as scratch:
        return read_source(MoviescopeSource(root=root), likely=lambda _film: True, scratch=scratch)


def test_in_moviescopes_form_most_labels_decide_whose_they_are(moviescope_folder: Write):
    own = {"train": ["cosy", "loud", "loud", "Drama"], "dev": ["cosy"], "test": ["loud"]}
    index = read_scope(moviescope_folder({split: scope(split, labels) for split, labels in own.items()}, name="own"))
    assert (index.genres, index.genres_are_own) == (("cosy", "Drama", "loud"), True)
    known = {"train": ["cosy", "loud", "drama", "Drama"], "dev": ["comedy"], "test": ["loud"]}
    index = read_scope(moviescope_folder({split: scope(split, labels) for split, labels in known.items()}, name="known"))
    assert (index.genres, index.genres_are_own) == (MOVIESCOPE_GENRES, False)
    assert skipped(index) == [
        ("train0", "no genre of the task"),
        ("train1", "no genre of the task"),
        ("test0", "no genre of the task"),
    ]


def test_the_real_films_keep_their_13_genres_and_the_name_of_their_sample(real_films: Path, cache: Cache):
    sample = publish_sample(MoviescopeSource(root=real_films / "moviescope-mini"), share=0.3, cache=cache)
    assert sample.manifest.genres == MOVIESCOPE_GENRES
    assert sample.id == "sample-84b6ec413fc36378"  # as it was before labels could be others


def test_a_plot_of_200_000_characters_is_read_from_a_cell(table_folder: Write):
    films = many()
    films[0] = films[0] | {"plot": "word " * 40_000}
    index = read(table_folder(films))
    assert max(len(film.plot) for film in index.records) == 199_999


@pytest.mark.parametrize("data", [b"sep=", b"sep=\n", b"sep=;\n \n", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["films.csv", "films.tsv"])
def test_a_table_of_a_mark_alone_is_empty(tmp_path: Path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r"films\..sv: the file is empty"):
        read(tmp_path)
