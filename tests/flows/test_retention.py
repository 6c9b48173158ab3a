"""What is removed from the cache and what stays, by the command line; views made again by a real flow."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache import division
from datasets_cache import manifest as manifests
from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.sources import BundledSource, MoviescopeSource
from datasets_cache.store import Cache
from datasets_cache.uses import users
from flows import cli, retention
from flows.recipes import AugmentationPlan, TrainingPlan
from train.config import OptimConfig, TextEncoderConfig

PLAN = AugmentationPlan(
    name="few",
    source=BundledSource(),
    sample=0.05,
    text=BackTranslationSpec(engine="bergamot", pivot="pt"),
    image=RandAugmentSpec(magnitude=9),
    threads=1,
)


class Spec(Frozen):
    """Settings of a made-up sample."""

    name: str


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    """An empty cache; the project's own runs are no part of these tests."""
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(retention, "default_runs", lambda: tmp_path / "default-runs")
    return Cache()


def publish_version(cache: Cache, name: str, *, days_ago: int, recipe: str = "demo") -> tuple[str, ShelfId]:
    spec = Spec(name=name)
    sample = shelf_id("sample", spec)
    film = {
        "id": "a", "title": "A", "plot": "A plot.", "poster": b"p", "poster_256": b"p", "genres": ["drama"],
        "given_plot": None, "given_poster_256": None,
    }  # fmt: skip
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        stage.write("train", film)
        stage.publish(sample, spec=spec, genres=("drama",))
    version = versions.publish(cache, name=recipe, sample=sample, text=None, image=None).id
    path = cache.version_folder(version) / "manifest.json"
    created = datetime.now(UTC) - timedelta(days=days_ago)
    manifests.write(path.parent, manifests.read(path.parent).model_copy(update={"created": created}))
    return version, sample


def five(cache: Cache) -> tuple[list[str], list[ShelfId]]:
    """Versions of one recipe with a sample each, oldest first."""
    made = [publish_version(cache, f"number {number}", days_ago=9 - number) for number in range(5)]
    return [version for version, _ in made], [sample for _, sample in made]


def run_on(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"version": version}))
    return folder


def there(cache: Cache) -> tuple[list[str], set[str]]:
    shelves = {manifest.id for manifest in cache.manifests("shelves")}
    return [manifest.id for manifest in cache.manifests("versions")], shelves


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    cli.main(["cache", *arguments])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["cache", *arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err


@contextmanager
def at_work(cache: Cache, name: str) -> Iterator[int]:
    """Another process that holds a lock."""
    script = (
        "import sys; from pathlib import Path; from datasets_cache.claims import claim\n"
        "with claim(Path(sys.argv[1]), sys.argv[2], wait=True): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(cache.root), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other.pid
        other.communicate()


# mmuda cache rm


def test_rm_refuses_a_version_that_a_run_refers_to_and_names_the_run(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    version, _ = publish_version(cache, "one", days_ago=1)
    run = run_on(tmp_path / "default-runs" / "bert-seed1-x", version)
    message = refused(capsys, "rm", version)
    assert message.startswith(f"mmuda: {version}: 1 run refers to it, finished or not:\n  {run}\n")
    assert "Remove these folders first" in message
    assert there(cache)[0] == [version]


def test_rm_finds_runs_in_the_folders_that_it_is_told(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    version, _ = publish_version(cache, "one", days_ago=1)
    runs = [run_on(tmp_path / name / "run", version) for name in ("a", "b")]
    message = refused(capsys, "rm", version, "--runs", f"{tmp_path / 'a'},{tmp_path / 'b'}")
    assert all(str(run) in message for run in runs)
    message = refused(capsys, "rm", version, "--runs", str(tmp_path / "a"), "--runs", str(tmp_path / "b"))
    assert all(str(run) in message for run in runs)


def test_rm_removes_a_version_whose_runs_are_gone(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    version, sample = publish_version(cache, "one", days_ago=1)
    run_on(tmp_path / "default-runs" / "other", "demo-other")
    assert f"Removed {cache.version_folder(version)}" in said(capsys, "rm", version)
    assert there(cache) == ([], {sample})


def test_rm_refuses_a_shelf_that_a_version_names(cache: Cache, capsys: pytest.CaptureFixture[str]):
    version, sample = publish_version(cache, "one", days_ago=1)
    assert f"{sample} is part of ['{version}']" in refused(capsys, "rm", sample)


# mmuda cache gc


def test_gc_keeps_three_of_five_and_what_a_run_refers_to(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made, samples = five(cache)
    run = run_on(tmp_path / "elsewhere" / "run", made[0])
    message = said(capsys, "gc", "--keep", "3", "--runs", str(tmp_path / "elsewhere"))
    assert there(cache) == ([made[0], *made[2:]], {samples[0], *samples[2:]})
    assert f"Kept: 4 versions\n  {made[0]}; referred to by {run}\n  {made[2]}\n" in message
    assert f"removed version versions/{made[1]} (0.0 MiB)" in message
    assert f"removed shelf shelves/{samples[1]} (0.0 MiB)" in message
    assert "Removed 2 things, 0.0 MiB" in message


def test_gc_keeps_three_by_default(cache: Cache, capsys: pytest.CaptureFixture[str]):
    made, _ = five(cache)
    said(capsys, "gc")
    assert there(cache)[0] == made[2:]


def test_a_dry_run_says_the_same_and_removes_nothing(cache: Cache, capsys: pytest.CaptureFixture[str]):
    five(cache)
    before = sorted(cache.root.rglob("*"))
    dry = said(capsys, "gc", "--keep", "1", "--dry-run")
    assert sorted(cache.root.rglob("*")) == before
    done = said(capsys, "gc", "--keep", "1")
    assert dry.replace("would remove", "removed").replace("Would remove", "Removed") == done
    assert len(done.splitlines()) == 2 + 4 + 4 + 1  # what stays; four versions, four samples; the total


def test_a_shelf_that_a_kept_version_shares_stays(cache: Cache, capsys: pytest.CaptureFixture[str]):
    old, sample = publish_version(cache, "shared", days_ago=9)
    new = versions.publish(cache, name="other", sample=sample, text=None, image=None).id
    newest, own = publish_version(cache, "own", days_ago=1)
    said(capsys, "gc", "--keep", "1")
    assert there(cache) == ([newest, new], {sample, own})
    assert old not in there(cache)[0]


@pytest.mark.parametrize("name", ["flow-runs/0b1c2d", "text-0123456789abcdef/00002"])
def test_nothing_is_touched_while_another_process_works(cache: Cache, capsys: pytest.CaptureFixture[str], name: str):
    five(cache)
    (cache.root / "building" / "text-0123456789abcdef").mkdir(parents=True)
    with at_work(cache, name) as pid:
        before = sorted(cache.root.rglob("*"))
        message = said(capsys, "gc", "--keep", "1", "--unfinished", "0")
        assert sorted(cache.root.rglob("*")) == before
    owner = f"process {pid} on {os.uname().nodename} ({name})"
    assert message == f"Nothing was removed: somebody works in the cache.\n{owner}\nRun it again afterwards.\n"
    said(capsys, "gc", "--keep", "1", "--unfinished", "0")
    assert len(there(cache)[0]) == 1
    assert not (cache.root / "building" / "text-0123456789abcdef").exists()


def test_what_a_dead_run_could_go_on_from_is_left_and_said_to_be_left(cache: Cache, capsys: pytest.CaptureFixture[str]):
    version, sample = publish_version(cache, "one", days_ago=1)
    said(capsys, "rm", version)
    size = sum(path.stat().st_size for path in cache.shelf_folder(sample).iterdir()) / 2**20
    left = f"Left for a run to go on from: 1 thing, {size:.1f} MiB, in no version and younger than 7 days"
    assert left in said(capsys, "gc")
    assert there(cache)[1] == {sample}
    said(capsys, "gc", "--unfinished", "0")
    assert there(cache)[1] == set()


def test_a_runs_folder_that_is_not_there_is_a_mistake_and_nothing_is_removed(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    made, _ = five(cache)
    assert "no such folder" in refused(capsys, "gc", "--runs", str(tmp_path / "rnus"))
    assert there(cache)[0] == made


def test_fewer_than_one_version_of_each_recipe_cannot_be_kept(cache: Cache, capsys: pytest.CaptureFixture[str]):
    made, _ = five(cache)
    assert "greater than or equal to 1" in refused(capsys, "gc", "--keep", "0")
    assert there(cache)[0] == made


# --rebuild


def files(cache: Cache, shelf: str) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in cache.shelf_folder(shelf).glob("*.arrow")}


def moviescope(folder: Path, *, train: int) -> Path:
    """A source in Moviescope's layout, with an augmented plot for each film."""
    root = folder / "moviescope"
    (root / "posters").mkdir(parents=True)
    for split, count in (("train", train), ("dev", 1), ("test", 1)):
        names = [f"{split}{number}" for number in range(count)]
        films = [
            {"id": name, "title": name, "label": ["Drama"], "synopsis": f"Of {name}.", "de": f"On {name}."} for name in names
        ]
        (root / f"{split}.jsonl").write_text("".join(json.dumps(film) + "\n" for film in films))
        for name in names:
            shade = int.from_bytes(name.encode()[-2:]) % 256
            Image.new("RGB", (60, 90), (shade, 100, 255 - shade)).save(root / "posters" / f"{name}.jpg")
    return root


@pytest.mark.usefixtures("prefect_server")
def test_a_rebuild_makes_the_same_bytes_anew_in_the_same_version_and_a_training_keeps_it_from_removal(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from flows.commands import run_augmentation, run_training

    version = run_augmentation(PLAN)
    sample, text, image = (versions.open_version(cache, version).manifest.spec[name] for name in ("sample", "text", "image"))
    before = {shelf: files(cache, shelf) for shelf in (sample, text, image)}
    held = cache.open(text).split("train")
    plots = held["plot"][:]

    assert run_augmentation(PLAN.model_copy(update={"rebuild": True})) == version
    after = {shelf: files(cache, shelf) for shelf in (sample, text, image)}
    assert after[sample] == before[sample]
    for shelf in (text, image):
        assert {name: content for name, (_, content) in after[shelf].items()} == {
            name: content for name, (_, content) in before[shelf].items()
        }
        assert {inode for inode, _ in after[shelf].values()}.isdisjoint(inode for inode, _ in before[shelf].values())
    assert held["plot"][:] == plots
    assert list((cache.root / "rebuilding").iterdir()) == []

    trained = TrainingPlan(
        version=version,
        models=("bert",),
        uda="off",
        text=TextEncoderConfig(name="embedded", max_tokens=24),
        optim=OptimConfig(max_epochs=1),
        runs=tmp_path / "trained-elsewhere",
    )
    folder, _ = run_training(trained)
    assert users(cache, version) == [folder]
    assert str(folder) in refused(capsys, "rm", version)


@pytest.mark.usefixtures("prefect_server")
def test_a_rebuild_that_is_stopped_goes_on_from_its_finished_shards(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from augment.image import rand_augment
    from flows.augmentation import augmentation
    from flows.commands import run_augmentation
    from flows.forms import parameters_of_augmentation

    monkeypatch.setattr(division, "FILMS_PER_SHARD", 4)
    source = MoviescopeSource(root=moviescope(tmp_path, train=8))
    posters = AugmentationPlan(name="posters", source=source, sample=1.0, image=RandAugmentSpec(), threads=1)
    version = run_augmentation(posters)
    shelf = ShelfId(versions.open_version(cache, version).manifest.spec["image"])
    old = files(cache, shelf)
    rebuilding = posters.model_copy(update={"rebuild": True})
    make, made = rand_augment._make, list[int]()

    def stopping(build, spec, films, number, *, workers):  # noqa: ANN001, ANN202
        if made and "stop" in plan:
            msg = "stopped"
            raise ValueError(msg)
        made.append(number)
        return make(build, spec, films, number, workers=workers)

    plan = {"stop"}
    monkeypatch.setattr(rand_augment, "_make", stopping)
    with pytest.raises(ValueError, match="stopped"):
        augmentation(**parameters_of_augmentation(rebuilding))
    assert files(cache, shelf) == old
    assert made == [0]
    plan.clear()
    run_augmentation(rebuilding)
    assert made == [0, 1]
    assert {inode for inode, _ in files(cache, shelf).values()}.isdisjoint(inode for inode, _ in old.values())


@pytest.mark.usefixtures("prefect_server")
def test_views_that_came_with_a_source_are_taken_again(cache: Cache, tmp_path: Path):
    from flows.augmentation import take_sample, text_views

    source = MoviescopeSource(root=moviescope(tmp_path, train=3), augmented_plot_field="de")
    plan = AugmentationPlan(name="given", source=source, sample=1.0)
    films = take_sample(plan)
    text = text_views(plan, films)
    assert text is not None
    before = files(cache, text)
    assert text_views(plan.model_copy(update={"rebuild": True}), films) == text
    after = files(cache, text)
    assert after["train.arrow"][1] == before["train.arrow"][1]
    assert after["train.arrow"][0] != before["train.arrow"][0]
