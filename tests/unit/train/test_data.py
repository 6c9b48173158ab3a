"""Batches from a cache version: pairing by id, order, padding, what reaches which model."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close
from transformers import PreTrainedTokenizerBase

from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, SPLITS, TEXT_VIEW_FEATURES, Split
from datasets_cache.store import Cache
from datasets_cache.version import Version
from train import posters
from train.config import ImageEncoderConfig, ModelName, OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.data import RunData, in_threads, open_data
from train.records import Batch, Inputs

GENRES = ("drama", "comedy", "crime")
FILMS = 10  # film number n: n + 1 times the word `w<n>`, a poster of grey 10 n; token id of `w<n>` is 5 + n
POOL = range(16, 22)  # the same, without genres; they lie in this order
VIEW_WORDS = {0: 35, 1: 36}  # ids of `v0` and `v1`, which end the augmented plots


class Spec(Frozen):
    """Settings of a made-up shelf."""


def grey(level: int) -> bytes:
    encoded = BytesIO()
    Image.new("RGB", (256, 256), (level, level, level)).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


def name(number: int) -> str:
    return f"film-{number}"


def film_row(number: int, genres: tuple[str, ...], plot: str | None = None) -> dict[str, Any]:
    row = {"id": name(number), "title": "", "plot": " ".join([f"w{number}"] * (number + 1)) if plot is None else plot}
    row |= {"poster": b"", "poster_256": grey(10 * number), "genres": list(genres)}
    return row | {"given_plot": None, "given_poster_256": None}


def write_views(cache: Cache, kind: str, numbers: Sequence[int], *, parent: ShelfId, views: int) -> ShelfId:
    """Views in falling order: none pairs by place."""
    shelf = shelf_id(kind, Spec(), (parent,))
    with cache.stage(kind, TEXT_VIEW_FEATURES if kind == "text" else IMAGE_VIEW_FEATURES) as stage:
        for number in reversed(numbers):
            for view in reversed(range(views)):
                row = {"id": name(number), "view": view}
                if kind == "text":
                    row |= {"plot": f"w{number} v{view}", "sentences": 1, "kept": []}
                else:
                    row |= {"poster_256": grey((10 * number + 100) % 240 + 5 * view), "ops": [], "kept": None}
                stage.write("train", row)
        stage.publish(shelf, spec=Spec(), parents=(parent,))
    return shelf


def make_version(
    root: Path,
    *,
    films: int = FILMS,
    text_views: int = 2,
    image_views: int = 2,
    leave_out: int | None = None,
    pool: Sequence[int] = POOL,
    pool_genres: tuple[str, ...] = (),
    pool_text: bool = True,
    pool_image: bool = True,
    plots: Mapping[int, str] | None = None,
    splits: Sequence[Split] = SPLITS,
) -> Version:
    """Training films, three each to validate and test, and a pool."""
    cache = Cache(root)
    sample, beside = shelf_id("sample", Spec()), shelf_id("pool", Spec())
    numbers: dict[Split, Sequence[int]] = {"train": range(films), "validation": range(10, 13), "test": range(13, 16)}
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in splits:
            for number in numbers[split]:
                stage.write(split, film_row(number, (GENRES[number % 3],), (plots or {}).get(number)))
        stage.publish(sample, spec=Spec(), genres=GENRES)
    if pool:
        with cache.stage("pool", SAMPLE_FEATURES) as stage:
            for number in pool:
                stage.write("train", film_row(number, pool_genres))
            stage.publish(beside, spec=Spec(), parents=(sample,))
    seen = [number for number in range(films) if number != leave_out]
    made = versions.publish(
        cache,
        name="made",
        sample=sample,
        text=write_views(cache, "text", seen, parent=sample, views=text_views) if text_views else None,
        image=write_views(cache, "image", seen, parent=sample, views=image_views) if image_views else None,
        pool=beside if pool else None,
        pool_text=write_views(cache, "text", pool, parent=beside, views=2) if pool and pool_text else None,
        pool_image=write_views(cache, "image", pool, parent=beside, views=2) if pool and pool_image else None,
    )
    return versions.open_version(cache, made.id)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return make_version(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def opened(version: Version, tiny_bert: Path) -> "Opener":
    return Opener(version, tiny_bert)


class Opener:
    """Opens the version for a run."""

    def __init__(self, version: Version, encoder: Path) -> None:
        self.version = version
        self.encoder = encoder

    def __call__(
        self,
        model: ModelName,
        *,
        uda: bool = True,
        modality: Literal["text", "image", "both"] | None = None,
        unlabelled: float = 0,
        ratio: float = 1,
        max_tokens: int = 64,
        batch_size: int = 4,
        seed: int = 1,
    ) -> RunData:
        term = UdaConfig(modality=modality, unlabelled=unlabelled, unlabelled_ratio=ratio)
        run = RunConfig(
            version=self.version.id,
            model=model,
            uda=term if uda else None,
            seed=seed,
            text=TextEncoderConfig(name=str(self.encoder), max_tokens=max_tokens),
            image=ImageEncoderConfig(name="resnet18", weights="random", tokens=3),
            optim=OptimConfig(batch_size=batch_size),
        )
        return open_data(self.version, run)


def texts_of(inputs: Inputs) -> list[list[int]]:
    """Token ids without padding."""
    assert inputs.tokens_BL is not None
    assert inputs.mask_BL is not None
    return [row[mask.bool()].tolist() for row, mask in zip(inputs.tokens_BL, inputs.mask_BL, strict=True)]


def levels_of(inputs: Inputs) -> list[int]:
    """Grey levels of the posters, from ImageNet's red mean and deviation."""
    assert inputs.image_BCHW is not None
    return [round(float((image[0].mean() * 0.229 + 0.485) * 255)) for image in inputs.image_BCHW]


def numbers_of(ids: tuple[str, ...]) -> list[int]:
    return [int(film.removeprefix("film-")) for film in ids]


def test_augmented_plots_are_paired_by_id(opened: Opener):
    for batch in opened("bert").train(epoch=2):
        assert batch.augmented is not None
        assert texts_of(batch.augmented) == [[2, 5 + number, VIEW_WORDS[0], 3] for number in numbers_of(batch.ids)]
        assert texts_of(batch.original) == [[2, *[5 + number] * (number + 1), 3] for number in numbers_of(batch.ids)]


def test_augmented_posters_are_paired_by_id(opened: Opener):
    for batch in opened("resnet").train(epoch=2):
        assert batch.augmented is not None
        assert levels_of(batch.original) == [10 * number for number in numbers_of(batch.ids)]
        assert levels_of(batch.augmented) == [10 * number + 100 for number in numbers_of(batch.ids)]


def test_mmbt_sees_the_augmented_plot_beside_the_original_poster(opened: Opener):
    for batch in opened("mmbt").train(epoch=2):
        assert batch.augmented is not None
        assert texts_of(batch.augmented) == [[5 + number, VIEW_WORDS[0]] for number in numbers_of(batch.ids)]
        assert levels_of(batch.augmented) == [10 * number for number in numbers_of(batch.ids)]


def test_mmbt_reads_bare_text_without_special_tokens(opened: Opener):
    batch = next(iter(opened("mmbt").evaluation("test")))
    assert texts_of(batch.original) == [[5 + number] * (number + 1) for number in numbers_of(batch.ids)]


def test_each_epoch_takes_the_next_view(opened: Opener):
    data = opened("bert")
    last_words = []
    for epoch in (1, 2, 3):
        seen = {text[-2] for batch in data.train(epoch) if batch.augmented for text in texts_of(batch.augmented)}
        last_words.append(seen)
    assert last_words == [{VIEW_WORDS[1]}, {VIEW_WORDS[0]}, {VIEW_WORDS[1]}]


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_without_uda_batches_have_no_augmented_films(opened: Opener, model: ModelName):
    assert all(batch.augmented is None for batch in opened(model, uda=False).train(epoch=1))


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_evaluation_yields_each_film_once_and_never_augmented(opened: Opener, model: ModelName, split: str):
    batches = list(opened(model).evaluation(split))  # type: ignore[arg-type]
    expected = {"train": range(10), "validation": range(10, 13), "test": range(13, 16)}[split]
    assert sorted(number for batch in batches for number in numbers_of(batch.ids)) == list(expected)
    assert all(batch.augmented is None for batch in batches)
    if model != "resnet":
        bare = [word for batch in batches for text in texts_of(batch.original) for word in text]
        assert not set(bare) & set(VIEW_WORDS.values())


def test_an_epoch_yields_each_film_once_and_keeps_the_films_left_over(opened: Opener):
    data = opened("bert")
    batches = list(data.train(epoch=1))
    assert sorted(number for batch in batches for number in numbers_of(batch.ids)) == list(range(FILMS))
    assert sorted(len(batch.ids) for batch in batches) == [2, 4, 4]
    assert data.batches_per_epoch == len(batches) == 3


def order(data: RunData, epoch: int) -> list[tuple[str, ...]]:
    return [batch.ids for batch in data.train(epoch)]


def test_the_order_is_the_same_for_the_same_seed_and_epoch(opened: Opener):
    assert order(opened("resnet"), 3) == order(opened("resnet"), 3)


def test_the_order_changes_with_the_epoch_and_with_the_seed(opened: Opener):
    data = opened("resnet")
    assert order(data, 1) != order(data, 2)
    assert order(data, 1) != order(opened("resnet", seed=2), 1)


def test_uda_leaves_the_order_as_it_is(opened: Opener):
    assert order(opened("bert"), 1) == order(opened("bert", uda=False), 1)


def test_labels_follow_the_order_of_the_genres(opened: Opener):
    for batch in opened("bert").evaluation("train"):
        expected = [[float(number % 3 == genre) for genre in range(3)] for number in numbers_of(batch.ids)]
        assert_close(batch.labels_BG, torch.tensor(expected))


def test_original_and_augmented_plots_are_padded_separately(opened: Opener):
    for batch in opened("bert").train(epoch=1):
        assert batch.augmented is not None
        assert batch.augmented.tokens_BL is not None
        assert batch.original.tokens_BL is not None
        assert batch.augmented.tokens_BL.shape[1] == 4
        assert batch.original.tokens_BL.shape[1] == max(numbers_of(batch.ids)) + 3


def test_padding_is_the_tokenizers_padding_and_masked(opened: Opener):
    batch = next(iter(opened("bert").evaluation("train")))
    assert batch.original.tokens_BL is not None
    assert batch.original.mask_BL is not None
    assert (batch.original.tokens_BL[batch.original.mask_BL == 0] == 0).all()
    assert batch.original.mask_BL.sum(1).tolist() == [number + 3 for number in numbers_of(batch.ids)]


def test_plots_over_the_limit_are_cut_before_the_last_special_token_and_counted(opened: Opener):
    # limit 8 leaves 6 words: films 6 to 9 of training are longer, film 5 just fits; all later films are longer
    data = opened("bert", max_tokens=8)
    assert data.truncated == {"train": 4, "validation": 3, "test": 3, "augmented": 0}
    texts = {
        film: text for batch in data.evaluation("train") for film, text in zip(batch.ids, texts_of(batch.original), strict=True)
    }
    assert texts["film-9"] == [2, *[14] * 6, 3]
    assert texts["film-5"] == [2, *[10] * 6, 3]


def test_mmbts_limit_counts_image_tokens_and_special_tokens(opened: Opener):
    # 10 - 3 image tokens - [CLS] - [SEP] = 5 words: films 5 to 9 are longer
    data = opened("mmbt", max_tokens=10)
    assert data.truncated["train"] == 5
    assert max(len(text) for batch in data.evaluation("test") for text in texts_of(batch.original)) == 5


def test_each_model_gets_only_what_it_reads(opened: Opener):
    text, image = next(iter(opened("bert").train(1))), next(iter(opened("resnet").train(1)))
    assert text.original.image_BCHW is None
    assert image.original.tokens_BL is None
    assert image.original.mask_BL is None
    assert opened("resnet").truncated == {}


def test_posters_are_normalised_by_the_encoders_own_mean_and_deviation(opened: Opener):
    # grey 130: red (130/255 - 0.485) / 0.229 = 0.1083, blue (130/255 - 0.406) / 0.225 = 0.4613
    batch = next(iter(opened("resnet").evaluation("test")))
    image = batch.original.image_BCHW
    assert image is not None
    assert (image.dtype, image.shape, image.is_contiguous()) == (torch.float32, (3, 3, 256, 256), True)
    poster = image[batch.ids.index("film-13")]
    assert_close(poster[:, 128, 128], torch.tensor([0.1083, 0.2402, 0.4613]), atol=2e-2, rtol=0)


def test_sizes_and_genres_are_the_versions(opened: Opener):
    data = opened("bert", uda=False)
    assert data.sizes == {"train": 10, "validation": 3, "test": 3}
    assert data.genres == GENRES


@pytest.mark.parametrize(("model", "kind"), [("bert", "text"), ("mmbt", "text"), ("resnet", "image")])
def test_uda_without_its_views_is_refused_with_the_cure(tmp_path: Path, tiny_bert: Path, model: ModelName, kind: str):
    bare = make_version(tmp_path, text_views=2 * (kind != "text"), image_views=2 * (kind != "image"), pool=())
    with pytest.raises(ValueError, match=rf"{bare.id} has no {kind} views, which UDA of {model} trains on; publish a version"):
        Opener(bare, tiny_bert)(model)


def test_a_film_without_a_view_is_refused(tmp_path: Path, tiny_bert: Path):
    with pytest.raises(ValueError, match=r"1 training films have no text view, such as \['film-4'\]"):
        Opener(make_version(tmp_path, leave_out=4), tiny_bert)("bert")


def test_reading_says_nothing(opened: Opener, capfd: pytest.CaptureFixture[str]):
    list(opened("mmbt", max_tokens=8).train(1))
    assert capfd.readouterr() == ("", "")


def test_items_made_in_threads_keep_their_order():
    assert list(in_threads(lambda item: item * item, range(50))) == [item * item for item in range(50)]


def test_threads_work_only_a_little_ahead():
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    reader = in_threads(lambda item: item, items())
    next(reader)
    reader.close()
    assert len(taken) < 10


def test_an_error_in_a_thread_reaches_the_reader():
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda item: 1 // item, [1, 0]))


def test_a_reader_that_stops_early_leaves_no_thread_behind():
    reader = in_threads(lambda item: item, range(100))
    next(reader)
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def alike(first: Batch, second: Batch) -> bool:
    """Whether two batches hold the same films and the same tensors."""
    parts: list[list[Tensor]] = [[], []]
    for batch, found in zip((first, second), parts, strict=True):
        batch.map(lambda part, found=found: found.append(part) or part)
    pool = [batch.unlabelled.ids if batch.unlabelled else None for batch in (first, second)]
    same_tensors = len(parts[0]) == len(parts[1]) and all(torch.equal(one, two) for one, two in zip(*parts, strict=True))
    return first.ids == second.ids and first.weight == second.weight and pool[0] == pool[1] and same_tensors


def test_mmbt_can_have_both_modalities_augmented(opened: Opener):
    for batch in opened("mmbt", modality="both").train(epoch=2):
        assert batch.augmented is not None
        assert texts_of(batch.augmented) == [[5 + number, VIEW_WORDS[0]] for number in numbers_of(batch.ids)]
        assert levels_of(batch.augmented) == [10 * number + 100 for number in numbers_of(batch.ids)]
        assert levels_of(batch.original) == [10 * number for number in numbers_of(batch.ids)]


def test_mmbt_can_have_its_poster_alone_augmented(opened: Opener):
    for batch in opened("mmbt", modality="image").train(epoch=2):
        assert batch.augmented is not None
        assert levels_of(batch.augmented) == [10 * number + 100 for number in numbers_of(batch.ids)]
        assert batch.augmented.tokens_BL is batch.original.tokens_BL
        assert batch.augmented.mask_BL is batch.original.mask_BL


def test_a_poster_that_is_not_augmented_is_the_very_tensor_of_the_original(opened: Opener):
    for batch in opened("mmbt", unlabelled=1).train(epoch=1):
        assert batch.shares_posters
        assert batch.unlabelled is not None
        assert batch.unlabelled.shares_posters


def test_each_modality_takes_the_next_view_of_its_own(tmp_path: Path, tiny_bert: Path):
    # two plots a film and three posters: epochs 1 to 4 take plots 1 0 1 0 and posters 1 2 0 1
    data = Opener(make_version(tmp_path, text_views=2, image_views=3), tiny_bert)("mmbt", modality="both")
    seen = []
    for epoch in range(1, 5):
        batch = next(data.train(epoch))
        assert batch.augmented is not None
        levels = [
            level - 10 * number - 100 for level, number in zip(levels_of(batch.augmented), numbers_of(batch.ids), strict=True)
        ]
        seen.append(({text[-1] for text in texts_of(batch.augmented)}, set(levels)))
    assert seen == [({36}, {5}), ({35}, {10}), ({36}, {0}), ({35}, {5})]


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_an_epoch_from_any_batch_on_is_the_rest_of_the_whole_epoch(opened: Opener, start: int):
    data = opened("mmbt", modality="both", unlabelled=1)
    whole, rest = list(data.train(2)), list(data.train(2, start=start))
    assert len(rest) == 3 - start
    assert all(alike(one, two) for one, two in zip(whole[start:], rest, strict=True))


def test_batches_before_the_start_are_not_made(opened: Opener, monkeypatch: pytest.MonkeyPatch):
    decoded: list[int] = []
    load = posters.load
    monkeypatch.setattr(posters, "load", lambda rows, chosen, **more: decoded.append(len(chosen)) or load(rows, chosen, **more))
    (last,) = opened("resnet").train(1, start=2)
    assert decoded == [len(last.ids)] * 2  # original and augmented


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_a_plain_phase_has_the_same_films_and_nothing_augmented(opened: Opener, model: ModelName):
    data = opened(model, unlabelled=1)
    plain = list(data.train(1, augmented=False))
    assert [batch.ids for batch in plain] == [batch.ids for batch in data.train(1)]
    assert all(batch.augmented is None and batch.unlabelled is None for batch in plain)


def test_processes_share_each_batch(opened: Opener):
    # batches of 4, 4 and 2 films on three processes: (2, 1, 1), (2, 1, 1), (1, 1, and the first film again without weight)
    data = opened("mmbt", unlabelled=1)
    whole = list(data.train(1))
    parts = [list(data.train(1, rank=rank, processes=3)) for rank in range(3)]
    for number, batch in enumerate(whole):
        shares = [part[number] for part in parts]
        counted = [film for share in shares if share.weight for film in share.ids]
        assert sorted(counted) == sorted(batch.ids)
        assert sum(share.weight for share in shares) == pytest.approx(3)
        for rank, share in enumerate(shares):
            assert share.ids == (batch.ids[rank::3] or batch.ids[:1])
            assert share.weight == pytest.approx(3 * len(batch.ids[rank::3]) / len(batch.ids))
            assert share.augmented is not None
            assert [text[0] for text in texts_of(share.augmented)] == [5 + number for number in numbers_of(share.ids)]


def test_processes_read_equally_many_different_unlabelled_films(opened: Opener):
    # 4, 4 and 2 films on two processes at a ratio of 0.75: 3, 3 and 2 films, rounded up to 4, 4 and 2: 10 of a pool of 6
    data = opened("bert", unlabelled=1, ratio=0.75)
    parts = [list(data.train(1, rank=rank, processes=2)) for rank in range(2)]
    counts = [sorted(len(batch.unlabelled.ids) for batch in part if batch.unlabelled) for part in parts]
    assert counts == [[1, 2, 2], [1, 2, 2]]
    read = Counter(film for part in parts for batch in part if batch.unlabelled for film in batch.unlabelled.ids)
    assert sorted(read.values()) == [1, 1, 2, 2, 2, 2]


def test_each_batch_carries_its_share_of_unlabelled_films_with_their_views(opened: Opener):
    data = opened("mmbt", modality="both", unlabelled=1, ratio=1.5)
    for batch in data.train(1):
        assert batch.unlabelled is not None
        numbers = numbers_of(batch.unlabelled.ids)
        assert len(numbers) == {4: 6, 2: 3}[len(batch.ids)]
        assert set(numbers) <= set(POOL)
        assert texts_of(batch.unlabelled.original) == [[5 + number] * (number + 1) for number in numbers]
        assert [text[0] for text in texts_of(batch.unlabelled.augmented)] == [5 + number for number in numbers]
        assert levels_of(batch.unlabelled.original) == [10 * number for number in numbers]
        assert {
            level - (10 * number + 100) % 240
            for level, number in zip(levels_of(batch.unlabelled.augmented), numbers, strict=True)
        } <= {0, 5}


def test_an_unlabelled_film_shows_the_next_view_in_each_pass_through_the_pool(opened: Opener):
    # 10 films an epoch, 6 in the pool: three epochs are five passes, each film shows v0 v1 v0 v1 v0
    seen: dict[int, list[int]] = {number: [] for number in POOL}
    data = opened("bert", unlabelled=1)
    for epoch in (1, 2, 3):
        for batch in data.train(epoch):
            assert batch.unlabelled is not None
            for number, text in zip(numbers_of(batch.unlabelled.ids), texts_of(batch.unlabelled.augmented), strict=True):
                seen[number].append(text[-2])
    assert {number: Counter(words) for number, words in seen.items()} == {number: {35: 3, 36: 2} for number in POOL}


def test_labelled_films_come_in_the_same_order_with_a_pool_and_without(opened: Opener):
    assert order(opened("bert", unlabelled=1), 2) == order(opened("bert"), 2)


def test_a_part_of_the_pool_is_its_beginning(opened: Opener):
    data = opened("bert", unlabelled=0.5)
    read = {film for epoch in (1, 2) for batch in data.train(epoch) if batch.unlabelled for film in batch.unlabelled.ids}
    assert read == {"film-16", "film-17", "film-18"}


def test_the_smallest_part_of_the_pool_is_one_film(opened: Opener):
    data = opened("resnet", unlabelled=0.01)
    assert {film for batch in data.train(1) if batch.unlabelled for film in batch.unlabelled.ids} == {"film-16"}


def test_genres_of_the_pool_change_nothing(tmp_path: Path, tiny_bert: Path):
    absurd = make_version(tmp_path / "absurd", pool_genres=("no such genre", "drama", "drama"))
    honest = make_version(tmp_path / "honest", pool_genres=())
    assert absurd.unlabelled() is not None
    one, two = (Opener(version, tiny_bert)("mmbt", modality="both", unlabelled=1) for version in (absurd, honest))
    assert one.genres == two.genres
    assert one.sizes == two.sizes
    assert torch.equal(one.positives_G, two.positives_G)
    assert all(torch.equal(one.labels[split], two.labels[split]) for split in SPLITS)
    for epoch in (1, 2):
        assert all(alike(*pair) for pair in zip(one.train(epoch), two.train(epoch), strict=True))


def test_cut_plots_of_the_pool_are_counted_apart(tmp_path: Path, tiny_bert: Path):
    # limit 8 leaves 6 words: all plots of the pool have more, their views two words
    truncated = Opener(make_version(tmp_path), tiny_bert)("bert", unlabelled=1, max_tokens=8).truncated
    assert truncated["unlabelled"] == 6
    assert truncated["unlabelled augmented"] == 0


def test_a_version_without_a_pool_is_refused_with_the_cure(tmp_path: Path, tiny_bert: Path):
    bare = make_version(tmp_path, pool=())
    with pytest.raises(ValueError, match=rf"{bare.id} has no unlabelled films, .*`mmuda augment ... --unlabelled 1.0`"):
        Opener(bare, tiny_bert)("bert", unlabelled=0.5)


def test_a_pool_without_views_is_refused_with_the_cure(tmp_path: Path, tiny_bert: Path):
    bare = make_version(tmp_path, pool_text=False, pool_image=False)
    both = "text views of them and no image views of them"
    with pytest.raises(ValueError, match=rf"{bare.id} has no {both}, .*`mmuda augment ... --unlabelled 1.0`"):
        Opener(bare, tiny_bert)("mmbt", modality="both", unlabelled=0.5)


def test_a_run_that_reads_no_pool_needs_none(tmp_path: Path, tiny_bert: Path):
    assert Opener(make_version(tmp_path, pool=()), tiny_bert)("bert").pool is None


def test_the_probe_is_the_same_untouched_training_films_as_many_as_validation_has(opened: Opener):
    data = opened("mmbt", modality="both", unlabelled=1)
    first, second = list(data.probe()), list(data.probe())
    assert all(alike(*pair) for pair in zip(first, second, strict=True))
    films = [film for batch in first for film in batch.ids]
    assert len(films) == len(set(films)) == 3
    assert set(numbers_of(tuple(films))) <= set(range(FILMS))
    for batch in first:
        assert batch.augmented is None
        assert batch.unlabelled is None
        assert texts_of(batch.original) == [[5 + number] * (number + 1) for number in numbers_of(batch.ids)]


def test_the_probe_of_few_training_films_is_all_of_them(tmp_path: Path, tiny_bert: Path):
    data = Opener(make_version(tmp_path, films=2), tiny_bert)("resnet", uda=False)
    assert sorted(film for batch in data.probe() for film in batch.ids) == ["film-0", "film-1"]


def test_positives_are_the_training_films_of_each_genre(opened: Opener):
    # films 0 to 9 by number modulo 3: 0 3 6 9, 1 4 7, 2 5 8
    positives = opened("bert").positives_G
    assert positives.dtype == torch.float32
    assert positives.tolist() == [4, 3, 3]


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_one_training_film_makes_one_batch(tmp_path: Path, tiny_bert: Path, model: ModelName):
    data = Opener(make_version(tmp_path, films=1), tiny_bert)(model, unlabelled=1)
    assert data.batches_per_epoch == 1
    assert [batch.ids for batch in data.train(1)] == [("film-0",)]


@pytest.mark.parametrize("model", ["bert", "mmbt"])
def test_a_plot_without_a_token_is_padding_beside_its_special_tokens(tmp_path: Path, tiny_bert: Path, model: ModelName):
    data = Opener(make_version(tmp_path, films=1, plots={0: ""}), tiny_bert)(model, uda=False)
    (batch,) = data.train(1)
    assert batch.original.tokens_BL is not None
    assert batch.original.mask_BL is not None
    expected = ([[2, 3]], [[1, 1]]) if model == "bert" else ([[0]], [[0]])
    assert (batch.original.tokens_BL.tolist(), batch.original.mask_BL.tolist()) == expected


def test_missing_splits_are_named_together(tmp_path: Path, tiny_bert: Path):
    version = make_version(tmp_path, splits=("train",), pool=())
    with pytest.raises(ValueError, match=rf"{version.id}: no film in validation, no film in test; .* take a larger sample"):
        Opener(version, tiny_bert)("bert")


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of each call of the tokenizer."""
    calls: list[int] = []
    real = PreTrainedTokenizerBase.__call__

    def counting(self: PreTrainedTokenizerBase, texts: list[str], **more: Any) -> Any:
        calls.append(len(texts))
        return real(self, texts, **more)

    monkeypatch.setattr(PreTrainedTokenizerBase, "__call__", counting)
    return calls


def texts_in(data: RunData) -> dict[str, list[list[int]]]:
    assert data.pool
    parts = {**data.films, "views": data.views["text"].rows, "pool": data.pool.films}
    return {part: [tokens.tolist() for tokens in rows.texts.tokens] for part, rows in parts.items() if rows.texts}


def test_texts_are_tokenised_once_and_found_again(tmp_path: Path, tiny_bert: Path, tokenized: list[int]):
    opener = Opener(make_version(tmp_path), tiny_bert)
    first = opener("mmbt", unlabelled=1, max_tokens=10)
    assert sorted(tokenized) == [3, 3, 6, 10, 12, 20]
    tokenized.clear()
    second = opener("mmbt", unlabelled=1, max_tokens=10)
    assert tokenized == []
    assert texts_in(first) == texts_in(second)
    assert first.truncated == second.truncated
