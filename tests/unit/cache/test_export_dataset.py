"""A version as a dataset in the Hub's format: read back by `datasets` alone, field by field."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Image, List, load_dataset, load_dataset_builder
from huggingface_hub import DatasetCard

from datasets_cache.export import dataset, parquet
from datasets_cache.export.rows import parts
from datasets_cache.sampling import publish_sample
from datasets_cache.sources.mmimdb import MmimdbSource
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version, publish


@pytest.fixture(scope="module")
def exported(small_version: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "films"
    dataset.export(small_version, folder)
    return folder


def undecoded(rows: Dataset) -> dict[str, dict[str, Any]]:
    """Rows by id, pictures as bytes."""
    rows = rows.cast_column("poster", Image(decode=False)).cast_column("poster_256", Image(decode=False))
    rows = rows.cast_column("augmented_posters", List(Image(decode=False)))
    return {row["id"]: row for row in rows}  # type: ignore[index, misc]


def check_films(found: Dataset, films: Dataset) -> None:
    names = found.features["genres"].feature
    rows = undecoded(found)
    assert [*rows] == films["id"][:]
    for film in films:
        row = rows[film["id"]]
        assert (row["title"], row["plot"]) == (film["title"], film["plot"])
        assert names.int2str(row["genres"]) == film["genres"]
        assert (row["poster"]["bytes"], row["poster_256"]["bytes"]) == (film["poster"], film["poster_256"])


def test_every_film_comes_back_as_it_is_in_the_version(exported: Path, small_version: Version, tmp_path: Path):
    found = load_dataset(str(exported), cache_dir=str(tmp_path))
    assert list(found) == ["train", "validation", "test"]
    for split in ("train", "validation", "test"):
        check_films(found[split], small_version.films(split))


def test_real_films_come_back(tmp_path: Path, real_films: Path):
    cache = Cache(tmp_path / "cache")
    sample = publish_sample(MmimdbSource(root=real_films / "mmimdb-mini"), share=0.1, cache=cache).id
    version = open_version(cache, publish(cache, name="real", sample=sample, text=None, image=None).id)
    dataset.export(version, tmp_path / "films")
    found = load_dataset(str(tmp_path / "films"), cache_dir=str(tmp_path / "hf"))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 24, "validation": 4, "test": 12}
    for split in ("train", "validation", "test"):
        check_films(found[split], version.films(split))


def test_every_view_comes_back_beside_its_film_in_view_order(exported: Path, small_version: Version, tmp_path: Path):
    rows = undecoded(load_dataset(str(exported), split="train", cache_dir=str(tmp_path)))
    texts = {(view["id"], view["view"]): view for view in small_version.text_views()}  # type: ignore[union-attr, index, misc]
    images = {(view["id"], view["view"]): view for view in small_version.image_views()}  # type: ignore[union-attr, index, misc]
    assert len(texts) == 8
    assert len(images) == 12
    for name, row in rows.items():
        for view, (plot, measured) in enumerate(zip(row["augmented_plots"], row["plot_views"], strict=True)):
            assert {"id": name, "plot": plot, **measured} == texts.pop((name, view))
        for view, (poster, made) in enumerate(zip(row["augmented_posters"], row["poster_views"], strict=True)):
            assert {"id": name, "poster_256": poster["bytes"], **made} == images.pop((name, view))
    assert not texts
    assert not images


def test_evaluation_films_have_no_views(exported: Path, tmp_path: Path):
    for row in load_dataset(str(exported), split="test", cache_dir=str(tmp_path)):
        assert [row[name] for name in ("augmented_plots", "augmented_posters", "plot_views", "poster_views")] == [[]] * 4  # type: ignore[index]


def test_unlabelled_films_are_a_configuration_of_their_own(exported: Path, small_version: Version, tmp_path: Path):
    found = load_dataset(str(exported), "unlabelled", split="train", cache_dir=str(tmp_path))
    pool = small_version.unlabelled()
    assert pool
    check_films(found, pool)
    assert [row["augmented_plots"] for row in found] == [[f"View 0 of {name}."] for name in pool["id"]]  # type: ignore[index]
    assert all(row["genres"] == [] for row in found)  # type: ignore[index]


def test_the_files_alone_load_with_the_same_columns(exported: Path, tmp_path: Path):
    whole = load_dataset(str(exported), split="train", cache_dir=str(tmp_path / "1"))
    alone = load_dataset("parquet", data_files=str(exported / "data" / "train-*"), split="train", cache_dir=str(tmp_path / "2"))
    assert alone.features == whole.features
    assert undecoded(alone) == undecoded(whole)


def test_pictures_open_as_pictures(exported: Path, tmp_path: Path):
    row: Any = load_dataset(str(exported), split="train", cache_dir=str(tmp_path))[1]
    assert (row["poster"].format, row["poster_256"].size, len(row["augmented_posters"])) == ("PNG", (256, 256), 3)


def test_the_header_promises_what_is_there(exported: Path, tmp_path: Path):
    info = load_dataset_builder(str(exported), cache_dir=str(tmp_path)).info
    assert {name: split.num_examples for name, split in info.splits.items()} == {"train": 4, "validation": 1, "test": 2}
    files = list((exported / "data").iterdir())
    assert info.download_size == sum(path.stat().st_size for path in files)
    header = DatasetCard.load(exported / "README.md").data.to_dict()
    assert header["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in header["configs"]] == ["default", "unlabelled"]


def test_the_card_tells_the_chain_the_counts_and_the_quality(exported: Path, small_version: Version):
    text = (exported / "README.md").read_text(encoding="utf-8")
    for shelf in small_version.manifest.parents:
        assert f"`{shelf}`" in text
    assert "2 skipped: poster missing" in text
    assert "chrf 71.25" in text
    assert "| films | 4 | 1 | 2 | 3 |" in text
    # train0 and train3 are action; train1 has action and comedy, train2 all three: comedy 2, drama 1
    assert "| action | 4 | 0 | 0 |" in text
    assert "| comedy | 2 | 0 | 2 |" in text
    assert "| drama | 1 | 1 | 0 |" in text
    assert "pyarrow" in text


def test_nothing_of_the_machine_leaves_with_it(exported: Path):
    for name in ("README.md", "provenance.json"):
        text = (exported / name).read_text(encoding="utf-8")
        assert "somebody" not in text
        assert "secret" not in text
        assert "…/opus-mt-en-fr" in text


def test_the_card_says_that_nobody_licensed_the_films(exported: Path):
    card = DatasetCard.load(exported / "README.md")
    assert (card.data["license"], card.data["license_name"]) == ("other", "not-licensed-for-redistribution")
    assert "Moviescope is licensed to nobody to redistribute" in card.text


@pytest.mark.parametrize(
    ("stated", "header"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("In-house, by our contract", {"license": "other", "license_name": "in-house-by-our-contract"}),
    ],
)
def test_the_card_names_the_licence_that_is_stated(stated: str, header: dict[str, str], small_version: Version, tmp_path: Path):
    dataset.export(small_version, tmp_path / "films", stated_licence=stated)
    card = DatasetCard.load(tmp_path / "films" / "README.md")
    assert {name: value for name, value in card.data.to_dict().items() if name.startswith("license")} == header
    assert f"{stated}, as stated by whoever exported it" in card.text


def test_a_split_is_cut_into_pieces_and_row_groups_of_bounded_size(small_version: Version, tmp_path: Path):
    train = parts(small_version)[0]
    row = parquet.write(train, tmp_path / "one", genres=small_version.genres).num_bytes / 4
    extent = parquet.write(
        train, tmp_path, genres=small_version.genres, group_bytes=1, piece_bytes=int(2.5 * row)
    )  # a film a row group, two row groups a piece
    files = sorted((tmp_path / "data").iterdir())
    assert [path.name for path in files] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    assert [pq.ParquetFile(path).metadata.num_row_groups for path in files] == [2, 2]
    assert (extent.films, extent.pieces) == (4, 2)
    found = load_dataset("parquet", data_files=str(tmp_path / "data" / "*"), split="train", cache_dir=str(tmp_path / "hf"))
    check_films(found, train.films)


def test_a_folder_that_holds_something_is_left_alone(small_version: Version, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"not empty, it holds 'notes\.txt'; name a new or empty folder"):
        dataset.export(small_version, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(ValueError, match=r"notes\.txt: is a file"):
        dataset.export(small_version, tmp_path / "notes.txt")


def test_an_empty_folder_is_taken(small_version: Version, tmp_path: Path):
    (tmp_path / "films").mkdir()
    dataset.export(small_version, tmp_path / "films")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films"]
    assert sorted(path.name for path in (tmp_path / "films").iterdir()) == [
        "README.md",
        "data",
        "provenance.json",
        "unlabelled",
    ]


def test_the_folder_one_stands_in_is_taken_where_it_is_empty(
    small_version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path / "films")
    dataset.export(small_version, Path())
    assert (tmp_path / "films" / "README.md").is_file()


def test_a_failure_leaves_nothing(small_version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full_disk(*_args: Any, **_more: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parquet, "write", full_disk)
    with pytest.raises(ValueError, match=r"films: cannot be written \(No space left on device\); choose another place"):
        dataset.export(small_version, tmp_path / "films")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_error_with_a_cure(small_version: Version, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written"):
        dataset.export(small_version, tmp_path / "file" / "films")


WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from datasets_cache.export.aside import whole_folder
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "half").mkdir()
    (folder / "half" / "made").write_text("")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_export_left_is_removed_by_the_next(small_version: Version, tmp_path: Path):
    target = tmp_path / "films"
    with subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        assert not target.exists()
        with pytest.raises(ValueError, match="another process is writing it"):
            dataset.export(small_version, target)
        os.kill(writer.pid, signal.SIGKILL)
    assert (tmp_path / ".films.part" / "half" / "made").exists()
    dataset.export(small_version, target)
    assert [path.name for path in tmp_path.iterdir()] == ["films"]
    assert not (target / "half").exists()


@pytest.mark.slow
def test_memory_is_bounded_by_a_row_group(tmp_path: Path):
    # pictures of 100 and of 400 MB in row groups of 8 MiB
    peaks = []
    for films in (400, 1600):
        command = [sys.executable, "-c", MEASURE, str(films), str(tmp_path / str(films))]
        peaks.append(float(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    assert peaks[1] - peaks[0] < 40  # MiB


MEASURE = """
import os, sys
from pathlib import Path
from datasets import Dataset, Features, List, Value
from datasets_cache.export import parquet
from datasets_cache.export.rows import Part

columns = {"id": Value("string"), "title": Value("string"), "plot": Value("string"), "genres": List(Value("string"))}
columns |= {"poster": Value("binary"), "poster_256": Value("binary")}
films, root = int(sys.argv[1]), Path(sys.argv[2])
seen = []

def make():
    for number in range(films):
        texts = {"id": str(number), "title": "", "plot": "", "genres": []}
        yield {**texts, "poster": os.urandom(200_000), "poster_256": os.urandom(50_000)}

def own_memory(items, **_more):
    for item in items:
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
        seen.append(int(line.split()[1]) / 1024)
        yield item

made = Dataset.from_generator(make, features=Features(columns), cache_dir=str(root / "films"), writer_batch_size=64)
parquet.write(Part("default", "train", made, None, None), root, genres=(), group_bytes=8 * 2**20, track=own_memory)
print(max(seen) - seen[0])
"""
