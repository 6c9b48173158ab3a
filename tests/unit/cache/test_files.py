import pytest

from datasets_cache.files import write_text


def test_a_text_replaces_the_one_before_and_makes_its_folder(tmp_path):
    path = tmp_path / "new" / "table.md"
    for text in ("first", "second, grün"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [found.name for found in path.parent.iterdir()] == ["table.md"]


def test_a_text_that_cannot_be_written_leaves_the_one_before_whole(tmp_path):
    path = tmp_path / "table.md"
    write_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \ud800")  # a lone surrogate has no UTF-8
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["table.md"]


def test_a_place_that_cannot_be_written_is_an_error_with_a_cure(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written.*choose another place"):
        write_text(tmp_path / "file" / "table.md", "text")
