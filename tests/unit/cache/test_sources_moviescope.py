"""Moviescope: three files of rows and a folder of posters, with fields that can be named."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets_cache.sources import MoviescopeSource, read_source
from datasets_cache.sources.index import SourceIndex

Write = Callable[..., Path]


def read(root: Path | None, **options: Any) -> SourceIndex:
    with tempfile.TemporaryFile() as scratch:
        return read_source(MoviescopeSource(root=root, **options), likely=lambda _film: True, scratch=scratch)


def row(film: Any, **changes: Any) -> dict[str, Any]:
    return {"id": film, "title": "T", "label": ["Drama"], "synopsis": f"The story of {film}."} | changes


def test_films_come_out_with_lower_case_genres_and_clean_titles(moviescope_folder: Write):
    root = moviescope_folder({"train": [row(3331, title="The Lost Boys\u00a0", label=["Horror", "Comedy", "Sport"])]})
    film = read(root).records[0]
    assert (film.id, film.split, film.title, film.genres) == ("3331", "train", "The Lost Boys", ("comedy", "horror"))
    assert read(root).posters.read(film.poster) == (root / "posters" / "3331.jpg").read_bytes()


def test_fields_can_have_other_names(moviescope_folder: Write):
    rows = {name: [{"id": "x", "key": name, "text": f"In {name}.", "genres": ["drama"]}] for name in ("train", "dev", "test")}
    root = moviescope_folder(rows)
    for name in rows:
        (root / "posters" / f"{name}.jpg").write_bytes(b"...")
    index = read(root, id_field="key", plot_field="text", label_field="genres")
    assert [(film.id, film.split, film.plot) for film in index.records] == [
        ("train", "train", "In train."),
        ("dev", "validation", "In dev."),
        ("test", "test", "In test."),
    ]


def test_a_field_that_no_row_has_is_a_wrong_option_and_says_which_fields_there_are(moviescope_folder: Write):
    root = moviescope_folder({})
    with pytest.raises(ValueError, match=r"no row has the field 'text' \(option `--source\.plot_field`\).*'synopsis'"):
        read(root, plot_field="text")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "2", "label": ["Drama"]}', "field missing"),
        ('{"id": "2", "label": ["Drama"], "synopsis": null}', "plot missing"),
        ('{"id": "2", "label": ["Drama"], "synopsis": ""}', "plot empty"),
        ('{"id": "2", "label": ["Drama"], "synopsis": 5}', "metadata wrong type"),
        ('{"id": "2", "label": "Drama", "synopsis": "x"}', "metadata wrong type"),
        ('{"id": "2", "label": ["Western"], "synopsis": "x"}', "no genre of the task"),
        ('{"id": "2", "label": ["Drama"], "synopsis": "no poster"}', "poster missing"),
        ('{"id": "a/b", "label": ["Drama"], "synopsis": "x"}', "id not usable"),
        ('{"id": true, "label": ["Drama"], "synopsis": "x"}', "id not usable"),
        ('{"id": 1e3, "label": ["Drama"], "synopsis": "x"}', "id not usable"),
        ("[1, 2]", "metadata wrong type"),
        ('{"id": "2", ', "metadata not JSON"),
    ],
)
def test_a_row_that_cannot_be_used_is_skipped_with_the_reason(moviescope_folder: Write, line: str, reason: str):
    root = moviescope_folder({"train": [row("1")]})
    with (root / "train.jsonl").open("a") as file:
        file.write(line + "\n")
    index = read(root)
    assert [(issue.split, issue.reason) for issue in index.skipped] == [("train", reason)]
    assert [film.id for film in index.records if film.split == "train"] == ["1"]


def test_a_wrong_byte_costs_one_line_and_not_the_file(moviescope_folder: Write):
    root = moviescope_folder({"train": [row("1"), row("2"), row("3")]})
    data = (root / "train.jsonl").read_bytes().replace(b"story of 2", b"story of \xe9")
    (root / "train.jsonl").write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n") + b"\n\n")
    index = read(root)
    assert [film.id for film in index.records if film.split == "train"] == ["1", "3"]
    assert [(issue.id, issue.reason) for issue in index.skipped] == [("line 2", "metadata not JSON")]


def test_a_file_in_utf_16_is_read(moviescope_folder: Write):
    root = moviescope_folder({"train": [row("1", title="Amélie"), row("2")]})
    text = (root / "train.jsonl").read_text()
    (root / "train.jsonl").write_bytes(text.encode("utf-16"))
    assert [film.title for film in read(root).records if film.split == "train"] == ["Amélie", "T"]


def test_a_line_separator_inside_a_text_does_not_cut_a_row(moviescope_folder: Write):
    root = moviescope_folder({})
    text = json.dumps(row("train1", synopsis="One.\u2028Two.\u2029Three."), ensure_ascii=False)
    (root / "train.jsonl").write_text(text + "\n", encoding="utf-8")
    assert read(root).records[0].plot == "One. Two. Three."


def test_a_duplicate_id_keeps_the_first_row_that_can_be_used(moviescope_folder: Write):
    rows = [row("1", synopsis=""), row("1", synopsis="First."), row("1", synopsis="Second.")]
    index = read(moviescope_folder({"train": rows}))
    assert [film.plot for film in index.records if film.split == "train"] == ["First."]
    assert [issue.reason for issue in index.skipped] == ["plot empty", "id duplicated"]


def test_given_augmentations_are_carried_by_training_films_alone(moviescope_folder: Write, jpeg: Callable[..., bytes]):
    root = moviescope_folder(
        {"train": [row("1", bt="Der Plot &amp; mehr."), row("2", bt="")], "dev": [row("3", bt="never")], "test": [row("4")]}
    )
    (root / "augmented").mkdir()
    (root / "augmented" / "1.jpg").write_bytes(jpeg("blue"))
    index = read(root, augmented_plot_field="bt", augmented_poster_folder="augmented")
    films = {film.id: film for film in index.records}
    assert films["1"].given_plot == "Der Plot & mehr."
    assert index.posters.read(films["1"].given_poster or "") == jpeg("blue")
    assert films["2"].repairs == ("given plot missing", "given poster unusable")
    assert (films["3"].given_plot, films["3"].given_poster, films["3"].repairs) == (None, None, ())


def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(moviescope_folder: Write):
    root = moviescope_folder({})
    (root / "dev.jsonl").rename(root / "val.jsonl")
    with pytest.raises(ValueError, match=r"no dev\.jsonl and no images/ there; looked for .*images/<id>\.jpg.*val\.jsonl"):
        read(root, poster_folder="images")


def test_the_real_mini_set_is_read_whole(real_films: Path):
    index = read(real_films / "moviescope-mini")
    sizes = {split: sum(film.split == split for film in index.records) for split in ("train", "validation", "test")}
    assert sizes == {"train": 120, "validation": 20, "test": 60}
    assert index.skipped == ()
    assert {mark for film in index.records for mark in ("{{", "[[", "&mdash;") if mark in film.plot} == set()


def test_a_value_that_nests_deeply_is_said_in_short(moviescope_folder: Write):
    root = moviescope_folder({"train": [row("1")]})
    with (root / "train.jsonl").open("a") as file:
        for depth in range(600, 1000, 5):  # up to some depth JSON reads it
            deep = "[" * depth + "]" * depth
            file.write(f'{{"id": {deep}, "label": ["Drama"], "synopsis": "A story."}}\n')
            file.write(f'{{"id": "2", "label": {deep}, "synopsis": "A story."}}\n')
    skipped = read(root).skipped
    assert [(issue.id, issue.reason) for issue in skipped[:2]] == [
        ("[[[[...]]]]", "id not usable"),
        ("2", "metadata wrong type"),
    ]
    assert {issue.reason for issue in skipped} == {"id not usable", "metadata wrong type", "metadata not JSON"}


def test_what_cannot_be_printed_is_escaped_in_what_is_said_of_a_row(moviescope_folder: Write):
    root = moviescope_folder({"train": [row("1")]})
    with (root / "train.jsonl").open("a") as file:
        file.write(json.dumps(row("half \ud83d, red \x1b[31m")) + "\n")
    [issue] = read(root).skipped
    assert issue.id == "half \\ud83d, red \\x1b[31m"
    assert issue.detail.isprintable()


def test_a_row_of_absurd_size_is_skipped_unread(moviescope_folder: Write):
    root = moviescope_folder({"train": [row("1"), row("2", synopsis="word " * 3_400_000)]})
    [issue] = read(root).skipped
    assert (issue.id, issue.reason, issue.detail[:10]) == ("line 2", "metadata not JSON", "17,000,061")  # 61 beside the plot


def test_of_many_fields_an_error_lists_the_first(moviescope_folder: Write):
    root = moviescope_folder({"train": [{f"field {number}": 1 for number in range(5000)}]})
    with pytest.raises(ValueError, match=r"the fields are 'field 0', .*'field 19' and 4980 more\.$"):
        read(root)
