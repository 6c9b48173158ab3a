"""MM-IMDb: a folder or its tar.gz, and a rule for every bad row."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datasets_cache.posters import PosterError
from datasets_cache.sampling import publish_sample
from datasets_cache.sources import MmimdbSource, read_source, stat_digest
from datasets_cache.sources.index import SourceIndex
from datasets_cache.sources.json_text import MAX_OBJECT
from datasets_cache.store import Cache

Write = Callable[..., Path]
SPLIT = {"train": ["1", "2"], "dev": ["3"], "test": ["4"]}


def read(root: Path | None, **options: Any) -> SourceIndex:
    with tempfile.TemporaryFile() as scratch:
        return read_source(MmimdbSource(root=root, **options), likely=lambda _film: True, scratch=scratch)


def skipped(index: SourceIndex) -> dict[str, tuple[str | None, str]]:
    return {issue.id: (issue.split, issue.reason) for issue in index.skipped}


def ids(index: SourceIndex) -> dict[str, list[str]]:
    return {split: [film.id for film in index.records if film.split == split] for split in ("train", "validation", "test")}


def pack(folder: Path, target: Path, prefix: str = "mmimdb/", *, mode: str = "w:gz") -> Path:
    with tarfile.open(target, mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
        for path in sorted(folder.rglob("*"), key=lambda path: path.name, reverse=True):  # split.json and posters last, mixed
            archive.add(path, prefix + path.relative_to(folder).as_posix(), recursive=False)
    return target


def test_films_come_out_with_split_title_plot_and_the_genres_of_the_task_in_label_order(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT, {"1": {"title": "A\u00a0Film ", "genres": ["Sport", "News", "Drama", "Sci-Fi"]}})
    index = read(root)
    assert ids(index) == {"train": ["1", "2"], "validation": ["3"], "test": ["4"]}
    film = index.records[0]
    assert (film.title, film.plot, film.genres) == ("A Film", "The story of 1.", ("Drama", "Sci-Fi", "Sport"))
    assert index.posters.read(film.poster) == (root / "dataset" / "1.jpeg").read_bytes()
    assert len(index.genres) == 23
    assert index.skipped == ()


@pytest.mark.parametrize(("choice", "expected"), [("longest", "The longest plot of three."), ("first", "Short.")])
def test_of_several_plots_the_chosen_one_counts(mmimdb_folder: Write, choice: str, expected: str):
    root = mmimdb_folder(SPLIT, {"1": {"plot": ["  ", "Short.", "The longest plot of three.", "Another."]}})
    assert read(root, plot=choice).records[0].plot == expected


def test_the_signature_of_a_plot_goes_and_does_not_make_it_the_longest(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT, {"1": {"plot": ["Tale.::A Very Long Name <a.very@long.name>", "A longer tale.::Bo"]}})
    film = read(root).records[0]
    assert (film.plot, film.repairs) == ("A longer tale.", ("plot markup",))


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"genres": ["News", "Adult"]}, "no genre of the task"),
        ({"genres": []}, "no genre of the task"),
        ({"genres": "Drama"}, "metadata wrong type"),
        ({"genres": ["Drama", 3]}, "metadata wrong type"),
        ({"plot": None}, "plot missing"),
        ({"plot": []}, "plot missing"),
        ({"plot": ["", " \n"]}, "plot empty"),
        ({"plot": ["..."]}, "plot empty"),
        ({"plot": [1, 2]}, "metadata wrong type"),
        ({"plot": {"text": "x"}}, "metadata wrong type"),
    ],
)
def test_a_film_that_cannot_be_used_is_skipped_with_the_reason(mmimdb_folder: Write, metadata: dict[str, Any], reason: str):
    index = read(mmimdb_folder(SPLIT, {"2": metadata}))
    assert skipped(index) == {"2": ("train", reason)}
    assert ids(index)["train"] == ["1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"plot": ["x"', "metadata not JSON"),
        (b"", "metadata not JSON"),
        (b'{"genres": ["Drama"], "plot": ["caf\xe9"]}', "metadata not JSON"),  # Latin-1
        (b"[" * 100_000, "metadata not JSON"),
        (b'["a list"]', "metadata wrong type"),
        (b'{"plot": ["x"]}', "field missing"),
        (b'{"genres": ["Drama"], "genres": ["Comedy"], "plot": ["x"]}', "metadata wrong type"),
    ],
)
def test_metadata_that_cannot_be_read_is_skipped_with_the_reason(mmimdb_folder: Write, content: bytes, reason: str):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / "2.json").write_bytes(content)
    assert skipped(read(root)) == {"2": ("train", reason)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_metadata_in_another_unicode_encoding_is_read(mmimdb_folder: Write, encoding: str):
    root = mmimdb_folder(SPLIT)
    text = json.dumps({"title": "Amélie", "plot": ["Élan."], "genres": ["Drama"]}, ensure_ascii=False)
    (root / "dataset" / "1.json").write_bytes(text.encode(encoding))
    assert (read(root).records[0].title, read(root).records[0].plot) == ("Amélie", "Élan.")


def test_what_is_wrong_with_a_key_that_nobody_needs_costs_nothing(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT)
    text = '{"rating": NaN, "x": 1, "x": 2, "title": 7, "plot": ["Tale."], "genres": ["Drama"], "genres": ["Drama"]}'
    (root / "dataset" / "1.json").write_text(text)
    assert (read(root).records[0].title, read(root).records[0].plot) == ("1", "Tale.")


def test_files_that_are_missing_are_said_to_be(mmimdb_folder: Write):
    root = mmimdb_folder({"train": ["1", "2", "5"], "dev": ["3"], "test": ["4"]})
    (root / "dataset" / "1.jpeg").unlink()
    (root / "dataset" / "2.json").unlink()
    assert skipped(read(root)) == {"1": ("train", "poster missing"), "2": ("train", "metadata missing")}


def test_metadata_of_a_film_in_no_split_is_skipped(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / "9.json").write_text("{}")
    assert skipped(read(root)) == {"9": (None, "id not in split")}


def test_an_id_twice_in_a_split_counts_once(mmimdb_folder: Write):
    index = read(mmimdb_folder({"train": ["1", "2", "1"], "dev": ["3"], "test": ["4"]}))
    assert ids(index)["train"] == ["1", "2"]
    assert skipped(index) == {"1": ("train", "id duplicated")}


def test_an_id_in_several_splits_stays_in_the_latest_so_that_test_stays_whole(mmimdb_folder: Write):
    index = read(mmimdb_folder({"train": ["1", "2", "3", "4"], "dev": ["3", "4", "5"], "test": ["4"]}))
    assert ids(index) == {"train": ["1", "2"], "validation": ["3", "5"], "test": ["4"]}
    assert {(issue.id, issue.split, issue.reason) for issue in index.skipped} == {
        ("3", "train", "id in two splits"),
        ("4", "train", "id in two splits"),
        ("4", "validation", "id in two splits"),
    }


def test_a_plot_in_two_splits_stays_in_the_latest(mmimdb_folder: Write):
    story, retold = ["The ship sinks; nobody’s left."], ["the ship sinks - nobody's LEFT"]
    films = {"1": {"plot": story}, "4": {"plot": retold}, "3": {"plot": ["A dog."]}, "2": {"plot": ["A  dog!"]}}
    index = read(mmimdb_folder({"train": ["1", "2", "5"], "dev": ["3"], "test": ["4"]}, films))
    assert ids(index) == {"train": ["5"], "validation": ["3"], "test": ["4"]}
    assert skipped(index) == {"1": ("train", "plot also in test"), "2": ("train", "plot also in validation")}


def test_a_plot_twice_in_one_split_stays_twice(mmimdb_folder: Write):
    films = {"1": {"plot": ["Same."]}, "2": {"plot": ["Same."]}}
    assert ids(read(mmimdb_folder(SPLIT, films)))["train"] == ["1", "2"]


@pytest.mark.parametrize(
    "film",
    ["../../etc/passwd", "a/b", "a\\b", "/abs", "", "..", ".hidden", "x" * 101, "nul\x00", "li\nne", "é" * 101, 1.5, None],
)
def test_an_id_that_cannot_name_a_file_is_skipped(mmimdb_folder: Write, film: object):
    root = mmimdb_folder(SPLIT)
    (root / "split.json").write_text(json.dumps({"train": ["1", "2", film], "dev": ["3"], "test": ["4"]}))
    index = read(root)
    assert [issue.reason for issue in index.skipped] == ["id not usable"]
    assert len(index.records) == 4


def test_repairs_of_a_plot_are_noted(mmimdb_folder: Write):
    films = {"1": {"plot": ["RenÃ©e &amp; Co"]}}
    film = read(mmimdb_folder(SPLIT, films)).records[0]
    assert (film.plot, film.repairs) == ("Renée & Co", ("plot mojibake", "plot markup"))


@pytest.mark.parametrize(
    ("split", "complaint"),
    [
        ('{"train": ["1"], "test": ["4"]}', "no list under 'dev'"),
        ('{"train": ["1"], "dev": "3", "test": []}', "no list under 'dev'"),
        ('{"train": ["1"], "train": ["2"], "dev": [], "test": []}', "no list under 'train'"),
        ("not JSON", "split.json is unusable"),
    ],
)
def test_a_split_that_is_none_is_an_error_of_the_whole_source(mmimdb_folder: Write, split: str, complaint: str):
    root = mmimdb_folder(SPLIT)
    (root / "split.json").write_text(split)
    with pytest.raises(ValueError, match=complaint):
        read(root)


def test_a_root_that_was_not_given_says_which_option_to_give():
    with pytest.raises(ValueError, match=r"needs a root.*split\.json.*--source\.root FOLDER"):
        read(None)


def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(tmp_path: Path):
    for name in ("holiday.txt", "taxes.pdf"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"no split\.json and no dataset/ there; looked for .* holds holiday\.txt, taxes\.pdf"):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"does not exist; looked there for .*holds holiday\.txt, taxes\.pdf"):
        read(tmp_path / "mmimdb" / "deep")


def test_an_archive_gives_the_same_films_as_its_folder(mmimdb_folder: Write, tmp_path: Path):
    root = mmimdb_folder(SPLIT, {"2": {"plot": None}})
    (root / "dataset" / "3.jpeg").unlink()
    archive = pack(root, tmp_path / "mmimdb.tar.gz")
    folder = read(root)
    with tempfile.TemporaryFile() as scratch:
        packed = read_source(MmimdbSource(root=archive), likely=lambda _film: True, scratch=scratch)
        assert [film.id for film in packed.records] == [film.id for film in folder.records] == ["1", "4"]
        assert packed.skipped == folder.skipped
        for one, other in zip(packed.records, folder.records, strict=True):
            assert packed.posters.read(one.poster) == folder.posters.read(other.poster)


def test_an_archive_is_passed_over_once_for_the_likely_posters_and_once_more_for_others(
    mmimdb_folder: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = mmimdb_folder({"train": ["1", "2", "5"], "dev": ["3"], "test": ["4"]})
    posters = {film: f"poster of {film} ".encode() * int(film) for film in "12345"}
    for film, data in posters.items():
        (root / "dataset" / f"{film}.jpeg").write_bytes(data)
    archive = pack(root, tmp_path / "mmimdb.tar.gz")
    passes: list[Any] = []
    whole = tarfile.open

    def counted(*args: Any, **options: Any) -> tarfile.TarFile:
        passes.append(options)
        return whole(*args, **options)

    monkeypatch.setattr(tarfile, "open", counted)
    with tempfile.TemporaryFile() as scratch:
        index = read_source(MmimdbSource(root=archive), likely=lambda film: film in "34", scratch=scratch)
        index.posters.load(["3", "4"])
        assert index.posters.read("4") == posters["4"]
        assert len(passes) == 1
        index.posters.load(["1", "2", "5"])
        assert {film: index.posters.read(film) for film in "53412"} == posters
        assert len(passes) == 2


def _member(name: str, **changes: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(member, key, value)
    return member


@pytest.mark.parametrize(
    "member",
    [
        _member("mmimdb/../../evil.json"),
        _member("/etc/cron.d/evil"),
        _member("..\\evil.json"),
        _member("C:/evil.json"),
        _member("mmimdb/dataset/1.jpeg", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        _member("mmimdb/dataset/1.jpeg", type=tarfile.LNKTYPE, linkname="mmimdb/split.json"),
        _member("mmimdb/dataset/1.jpeg", type=tarfile.CHRTYPE),
        _member("mmimdb/dataset/1.jpeg", type=tarfile.FIFOTYPE),
    ],
)
def test_an_archive_with_a_member_that_could_leave_a_folder_is_refused(tmp_path: Path, member: tarfile.TarInfo):
    path = tmp_path / "mmimdb.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(member, io.BytesIO())
    with pytest.raises(ValueError, match="refused, its member"):
        read(path)


def test_a_damaged_archive_says_so(mmimdb_folder: Write, tmp_path: Path):
    whole = pack(mmimdb_folder(SPLIT), tmp_path / "mmimdb.tar.gz").read_bytes()
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.tar\.gz: not a whole tar archive"):
        read(path)
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"cut\.tar\.gz: not a whole tar archive"):
        read(path)


def test_an_archive_without_a_split_says_what_it_begins_with(tmp_path: Path):
    path = tmp_path / "holiday.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(_member("photos/beach.png"), io.BytesIO())
    with pytest.raises(ValueError, match=r"no split\.json in the archive.*photos/beach\.png"):
        read(path)


def test_a_poster_too_large_to_be_one_is_never_read(mmimdb_folder: Write, monkeypatch: pytest.MonkeyPatch):
    root = mmimdb_folder(SPLIT)
    index = read(root)
    monkeypatch.setattr("datasets_cache.sources.folders.MAX_BYTES", 10)
    with pytest.raises(PosterError, match="poster too large"):
        index.posters.read(index.records[0].poster)


def test_touching_a_file_changes_the_digest_and_moving_the_folder_does_not(mmimdb_folder: Write, tmp_path: Path):
    root = mmimdb_folder(SPLIT)
    before = stat_digest(MmimdbSource(root=root))
    moved = root.rename(tmp_path / "elsewhere")
    assert stat_digest(MmimdbSource(root=moved)) == before
    (moved / "dataset" / "1.jpeg").write_bytes(b"other")
    assert stat_digest(MmimdbSource(root=moved)) != before


def test_the_real_mini_set_is_read_whole(real_films: Path):
    index = read(real_films / "mmimdb-mini")
    assert {split: len(films) for split, films in ids(index).items()} == {"train": 240, "validation": 40, "test": 120}
    assert index.skipped == ()


def test_ids_that_are_numbers_are_found_in_a_folder_as_in_an_archive(mmimdb_folder: Write, tmp_path: Path):
    root = mmimdb_folder(SPLIT | {"train": [1, " 2 "]})
    (root / "dataset" / "2.json").write_bytes((root / "dataset" / " 2 .json").read_bytes())
    (root / "dataset" / "2.jpeg").write_bytes((root / "dataset" / " 2 .jpeg").read_bytes())
    for name in (" 2 .json", " 2 .jpeg"):
        (root / "dataset" / name).unlink()
    assert ids(read(root)) == ids(read(pack(root, tmp_path / "packed.tar"))) == {
        "train": ["1", "2"], "validation": ["3"], "test": ["4"],
    }  # fmt: skip


def test_a_link_to_itself_among_the_posters_is_no_poster(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / "1.jpeg").unlink()
    (root / "dataset" / "1.jpeg").symlink_to("1.jpeg")
    assert skipped(read(root)) == {"1": ("train", "poster missing")}


def test_a_file_whose_name_is_no_text_is_named_with_escapes(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / os.fsdecode(b"caf\xe9.json")).write_text("{}")
    assert skipped(read(root)) == {"caf\\udce9": (None, "id not in split")}


def test_metadata_of_absurd_size_are_not_read(mmimdb_folder: Write, tmp_path: Path):
    root = mmimdb_folder(SPLIT)
    with (root / "dataset" / "1.json").open("r+b") as file:
        file.truncate(MAX_OBJECT + 1)
    for source in (root, pack(root, tmp_path / "packed.tar.gz")):
        assert skipped(read(source)) == {"1": ("train", "metadata not JSON")}
    with (root / "split.json").open("r+b") as file:
        file.truncate(MAX_OBJECT + 1)
    with pytest.raises(ValueError, match=r"split\.json: 16,777,217 bytes, at most 16,777,216 are read"):
        read(root)
    with pytest.raises(ValueError, match=r"no split\.json of at most 16,777,216 bytes in the archive"):
        read(pack(root, tmp_path / "packed.tar.gz"))


@pytest.mark.timeout(60)  # each space was a new start for the pattern: half an hour
def test_a_plot_of_a_million_spaces_takes_no_time_to_speak_of(mmimdb_folder: Write):
    root = mmimdb_folder(SPLIT, {"1": {"plot": ["A" + " " * 1_000_000 + "story."]}})
    assert read(root).records[0].plot == "A story."


def _header(size: int, kind: bytes) -> bytes:
    return _member("x", size=size, type=kind).tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_an_archive_whose_headers_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes):
    path = tmp_path / "mmimdb.tar"
    path.write_bytes(_header(2**30, kind) + bytes(4 * 2**20))  # a name or a comment of a gibibyte
    with pytest.raises(ValueError, match=r"more than 1,048,576 bytes of headers before one member"):
        read(path)


@pytest.mark.parametrize("compressed", [gzip.compress, bz2.compress, partial(lzma.compress, preset=0)])
def test_an_archive_bomb_is_refused_while_little_of_it_is_unpacked(tmp_path: Path, compressed: Callable[[bytes], bytes]):
    path = tmp_path / "mmimdb.tar.gz"
    path.write_bytes(compressed(_header(2**40, b"0") + bytes(90 * 2**20)))
    with pytest.raises(ValueError, match=r"an archive bomb: its first [\d,]+ bytes hold [\d,]+ and more"):
        read(path)


def test_an_archive_of_sparse_files_is_refused(tmp_path: Path):
    path = tmp_path / "mmimdb.tar"
    sparse = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40), "GNU.sparse.name": "mmimdb/split.json"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_member("mmimdb/split.json", pax_headers=sparse), io.BytesIO())
    with pytest.raises(ValueError, match=r"its member 'mmimdb/split\.json' is sparse"):
        read(path)


def test_a_damaged_header_is_not_taken_for_the_end_of_an_archive(mmimdb_folder: Write, tmp_path: Path):
    path = pack(mmimdb_folder(SPLIT), tmp_path / "mmimdb.tar", mode="w")
    data = bytearray(path.read_bytes())
    data[data.rfind(b"mmimdb/dataset/1.jpeg") + 150] ^= 0x55  # its checksum
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"not a whole tar archive \(a damaged header at byte [\d,]+"):
        read(path)


def test_headers_within_headers_without_end_are_an_error(tmp_path: Path):
    path = tmp_path / "mmimdb.tar"
    path.write_bytes((_header(8, b"x") + b"8 a=bcd\n".ljust(512, b"\0")) * 900)
    with pytest.raises(ValueError, match=r"mmimdb\.tar: not a whole tar archive \("):
        read(path)


def test_a_changed_byte_in_a_compressed_archive_is_noticed_by_its_checksum(mmimdb_folder: Write, tmp_path: Path):
    whole = bytearray(pack(mmimdb_folder(SPLIT), tmp_path / "mmimdb.tar.gz").read_bytes())
    whole[-8] ^= 1  # CRC-32 of the content
    path = tmp_path / "changed.tar.gz"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"changed\.tar\.gz: not a whole tar archive \(CRC check failed"):
        read(path)


@pytest.mark.timeout(60)  # tarfile asks on and on for what is not there
@pytest.mark.parametrize("compressed", [bytes, gzip.compress])
def test_an_archive_that_ends_long_before_what_it_claims_is_an_error(tmp_path: Path, compressed: Callable[[bytes], bytes]):
    path = tmp_path / "mmimdb.tar"
    path.write_bytes(compressed(_header(2**60, b"0") + bytes(10_000)))
    with pytest.raises(ValueError, match=r"mmimdb\.tar: not a whole tar archive \(unexpected end of data\)"):
        read(path)


def test_a_poster_whose_name_is_no_text_is_no_reason_to_lose_an_archive(mmimdb_folder: Write, tmp_path: Path):
    root = mmimdb_folder(SPLIT)
    (root / "dataset" / os.fsdecode(b"caf\xe9.jpeg")).write_bytes(b"...")
    sample = publish_sample(MmimdbSource(root=pack(root, tmp_path / "m.tar")), share=1.0, cache=Cache(tmp_path / "cache"))
    assert sample.manifest.rows == {"train": 2, "validation": 1, "test": 1}
