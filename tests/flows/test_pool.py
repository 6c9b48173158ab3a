"""The unlabelled pool on a real Prefect server: taken, augmented, joined, found again, and shown by the commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache import sources
from datasets_cache.sources import BundledSource, MmimdbSource
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version, rows_by_id
from flows import cli
from flows.diff import compare
from flows.published import find_published, shelves_of_version
from flows.recipes import AugmentationPlan

pytestmark = pytest.mark.usefixtures("prefect_server")

PLAN = AugmentationPlan(name="pool", source=BundledSource(), sample=0.3, unlabelled=1.0, image=RandAugmentSpec())


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pool-cache")


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> str:
    """Id of the version of `PLAN`, made once for this module."""
    from flows.commands import run_augmentation

    monkeypatch.setenv("MMUDA_CACHE", str(shared_cache))
    return run_augmentation(PLAN)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    return Cache()


def films_of(version: Version) -> tuple[list[str], list[str]]:
    """Ids of the training films and of the pool's."""
    unlabelled = version.unlabelled()
    assert unlabelled is not None
    assert {len(genres) for genres in unlabelled["genres"]} == {0}
    return version.films("train")["id"][:], unlabelled["id"][:]


def shelves(cache: Cache) -> dict[str, object]:
    return {manifest.id: manifest.created for manifest in cache.manifests("shelves")}


def test_labelled_and_unlabelled_films_are_all_training_films_once_and_each_has_its_view(pooled: str):
    version = open_version(Cache(), pooled)
    labelled, unlabelled = films_of(version)
    views, others = version.image_views(), version.unlabelled_image_views()
    assert views is not None
    assert others is not None
    assert (len(labelled), len(unlabelled)) == (42, 98)  # round(0.3 * 140) and the rest
    assert len({*labelled, *unlabelled}) == 140
    assert (set(rows_by_id(views)), set(rows_by_id(others))) == (set(labelled), set(unlabelled))
    assert version.manifest.rows == {"train": 42, "validation": 6, "test": 12, "unlabelled": 98}
    assert version.unlabelled_text_views() is None


def test_a_second_run_publishes_nothing_and_reads_no_source(pooled: str, monkeypatch: pytest.MonkeyPatch):
    from flows.commands import run_augmentation

    def read(*_args: object, **_options: object) -> None:
        raise AssertionError

    before = shelves(Cache())
    monkeypatch.setattr(sources, "read_source", read)
    assert find_published(PLAN, Cache()) == pooled
    assert run_augmentation(PLAN) == pooled
    assert shelves(Cache()) == before


def test_another_share_of_unlabelled_films_makes_the_pool_and_its_views_anew_and_nothing_else(pooled: str):
    from flows.commands import run_augmentation

    before = shelves(Cache())
    smaller = PLAN.model_copy(update={"unlabelled": 0.25})
    assert find_published(smaller, Cache()) is None
    first, second = open_version(Cache(), pooled), open_version(Cache(), run_augmentation(smaller))
    assert (second.sample.id, second.image and second.image.id) == (first.sample.id, first.image and first.image.id)
    assert {name.split("-")[0] for name in shelves(Cache()).keys() - before.keys()} == {"pool", "image"}
    assert films_of(second)[1] == films_of(first)[1][:24]  # round(0.25 * 98) = round(24.5), to the even


def test_without_a_pool_the_version_is_another_one_over_the_same_sample_and_views(pooled: str):
    from flows.commands import run_augmentation

    before = shelves(Cache())
    plain = open_version(Cache(), run_augmentation(PLAN.model_copy(update={"unlabelled": 0.0})))
    assert plain.id != pooled
    assert (plain.pool, plain.pool_image) == (None, None)
    assert shelves(Cache()) == before


def test_the_shelves_of_a_version_name_the_unlabelled_ones(pooled: str):
    rows = shelves_of_version(Cache(), pooled)
    assert [(row["shelf"].split("-")[0], row["films"]) for row in rows] == [
        ("sample", "42 / 6 / 12"),
        ("image", "42"),
        ("pool", "98 unlabelled"),
        ("image", "98 unlabelled"),
    ]


def test_the_difference_of_two_versions_tells_of_their_pools(pooled: str):
    from flows.commands import run_augmentation

    smaller = run_augmentation(PLAN.model_copy(update={"unlabelled": 0.25, "image": RandAugmentSpec(magnitude=3)}))
    plain = run_augmentation(PLAN.model_copy(update={"unlabelled": 0.0}))
    found = compare(Cache(), pooled, smaller)
    magnitudes = (RandAugmentSpec().magnitude, 3.0)
    assert found.settings == {
        "image.magnitude": magnitudes, "pool.unlabelled": (1.0, 0.25), "pool.image.magnitude": magnitudes
    }  # fmt: skip
    assert (found.films, found.unlabelled) == (42, 24)
    without = compare(Cache(), pooled, plain)
    assert without.settings == {"pool.unlabelled": (1.0, None)}
    assert without.unlabelled == 0


def test_damaged_pool_shelves_are_found_discarded_and_made_again_byte_for_byte(pooled: str, capsys: pytest.CaptureFixture[str]):
    from flows.commands import run_augmentation

    version = open_version(Cache(), pooled)
    assert version.pool
    assert version.pool_image
    paths = [next(shelf.folder.glob("*.arrow")) for shelf in (version.pool, version.pool_image)]
    before = [path.read_bytes() for path in paths]
    for path, content in zip(paths, before, strict=True):
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(SystemExit):
        cli.main(["cache", "verify", pooled])
    error = capsys.readouterr().err
    assert all(path.parent.name in error for path in paths)
    cli.main(["cache", "verify", pooled, "--discard"])
    assert find_published(PLAN, Cache()) is None
    assert run_augmentation(PLAN) == pooled
    assert [path.read_bytes() for path in paths] == before


def test_a_shelf_of_the_pool_cannot_be_removed_while_a_version_names_it(pooled: str, capsys: pytest.CaptureFixture[str]):
    version = open_version(Cache(), pooled)
    assert version.pool
    with pytest.raises(SystemExit):
        cli.main(["cache", "rm", version.pool.id])
    assert f"is part of {[pooled]}" in " ".join(capsys.readouterr().err.split())


def test_plots_of_the_pool_are_translated_and_a_larger_pool_translates_no_labelled_film_again(
    cache: Cache, make_marian: Callable[..., Path]
):
    from flows.commands import run_augmentation
    from flows.quality import as_markdown

    models = {"en-fr": str(make_marian(1)), "fr-en": str(make_marian(2))}
    text = BackTranslationSpec(pivot="fr", models=models, decoding="greedy")
    few = PLAN.model_copy(update={"sample": 0.05, "unlabelled": 0.02, "text": text, "image": None})
    version = open_version(cache, run_augmentation(few))
    _, unlabelled = films_of(version)
    views = version.unlabelled_text_views()
    assert views is not None
    assert version.text
    assert set(rows_by_id(views)) == set(unlabelled)
    assert len(unlabelled) == 3  # round(0.02 * 133)
    assert "### Plots of the pool" in as_markdown(cache, version.id)
    larger = open_version(cache, run_augmentation(few.model_copy(update={"unlabelled": 0.03})))
    assert (larger.text and larger.text.manifest) == version.text.manifest
    assert len(films_of(larger)[1]) == 4  # round(0.03 * 133)


def test_the_command_line_makes_a_pool_says_so_and_has_nothing_to_do_the_second_time(
    cache: Cache, capsys: pytest.CaptureFixture[str]
):
    command = ["augment", "demo", "--sample", "0.5", "--unlabelled", "1.0", "--text", "none"]
    cli.main(command)
    said = capsys.readouterr().out
    version = open_version(cache, "demo")
    labelled, unlabelled = films_of(version)
    assert (len(labelled), len(unlabelled)) == (70, 70)
    assert "70 unlabelled" in said
    assert version.text is None
    assert version.pool_text is None
    before = shelves(cache)
    cli.main(command)
    assert f"nothing to do: {version.id}" in " ".join(capsys.readouterr().out.split())
    assert shelves(cache) == before
    cli.main(["cache", "ls", "--json"])
    kinds = [manifest["kind"] for manifest in json.loads(capsys.readouterr().out)]
    assert sorted(kinds) == ["image", "image", "pool", "sample", "version"]


def test_evaluation_keeps_all_its_films_beside_few_labelled_ones(cache: Cache):
    cli.main(["augment", "demo", "--sample", "0.1", "--evaluation-sample", "1.0", "--text", "none", "--image", "none"])
    assert open_version(cache, "demo").manifest.rows == {"train": 14, "validation": 20, "test": 40}


def test_a_sample_of_everything_leaves_no_pool_and_the_message_says_what_to_do(
    cache: Cache, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["augment", "demo", "--unlabelled", "0.5", "--text", "none"])
    assert stopped.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "leaves no training film for a pool; take a smaller sample" in error
    assert cache.manifests("versions") == []


def test_real_films_without_labels_get_their_views(real_films: Path, cache: Cache):
    from flows.commands import run_augmentation

    plan = PLAN.model_copy(update={"source": MmimdbSource(root=real_films / "mmimdb-mini")})
    version = open_version(cache, run_augmentation(plan))
    labelled, unlabelled = films_of(version)
    assert (len(labelled), len(unlabelled)) == (72, 168)
    assert not set(labelled) & set(unlabelled)
    views = version.unlabelled_image_views()
    assert views is not None
    assert set(rows_by_id(views)) == set(unlabelled)
    assert find_published(plan, cache) == version.id
