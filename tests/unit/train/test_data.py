"""Batches from a cache version: pairing by id, order, padding, what reaches which model."""

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId, shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import Version
from train.config import ImageEncoderConfig, ModelName, OptimConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.data import RunData, in_threads, open_data
from train.records import Inputs
from train.sampler import shuffled_batches

GENRES = ("drama", "comedy", "crime")
FILMS = 10  # film number n: n + 1 times the word `w<n>`, a poster of grey 20 n; token id of `w<n>` is 5 + n
VIEW_WORDS = {0: 35, 1: 36}  # ids of `v0` and `v1`, which end the augmented plots


class Spec(Frozen):
    """Settings of a made-up shelf."""


def grey(level: int) -> bytes:
    encoded = BytesIO()
    Image.new("RGB", (256, 256), (level, level, level)).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


def name(number: int) -> str:
    return f"film-{number}"


def make_version(root: Path, *, views: int = 2, text: bool = True, image: bool = True, leave_out: int | None = None) -> Version:
    """Ten training films and three each to validate and test; views are written in falling order: none pairs by place."""
    cache = Cache(root)
    sample = shelf_id("sample", Spec())
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split, numbers in (("train", range(FILMS)), ("validation", range(10, 13)), ("test", range(13, 16))):
            for number in numbers:
                row = {"id": name(number), "title": "", "plot": " ".join([f"w{number}"] * (number + 1)), "poster": b""}
                row |= {"poster_256": grey(10 * number), "genres": [GENRES[number % 3]]}
                stage.write(split, row | {"given_plot": None, "given_poster_256": None})  # type: ignore[arg-type]
        stage.publish(sample, spec=Spec(), genres=GENRES)
    shelves: dict[str, ShelfId | None] = {"text": None, "image": None}
    for kind, wanted, features in (("text", text, TEXT_VIEW_FEATURES), ("image", image, IMAGE_VIEW_FEATURES)):
        if wanted:
            shelves[kind] = shelf_id(kind, Spec(), (sample,))
            with cache.stage(kind, features) as stage:
                for number in reversed(range(FILMS)):
                    for view in reversed(range(views)):
                        if number != leave_out:
                            row = {"id": name(number), "view": view}
                            if kind == "text":
                                row |= {"plot": f"w{number} v{view}", "sentences": 1, "kept": []}
                            else:
                                row |= {"poster_256": grey(10 * number + 100 + 5 * view), "ops": [], "kept": None}
                            stage.write("train", row)
                stage.publish(shelves[kind], spec=Spec(), parents=(sample,))
    made = versions.publish(cache, name="made", sample=sample, text=shelves["text"], image=shelves["image"])
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
        self, model: ModelName, *, uda: bool = True, max_tokens: int = 64, batch_size: int = 4, seed: int = 1
    ) -> RunData:
        run = RunConfig(
            version=self.version.id,
            model=model,
            uda=UdaConfig() if uda else None,
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
    bare = make_version(tmp_path, text=kind != "text", image=kind != "image")
    with pytest.raises(ValueError, match=rf"{bare.id} has no {kind} views, which UDA of {model} trains on; publish a version"):
        Opener(bare, tiny_bert)(model)


def test_a_film_without_a_view_is_refused(tmp_path: Path, tiny_bert: Path):
    with pytest.raises(ValueError, match=r"1 training films have no text view, such as \['film-4'\]"):
        Opener(make_version(tmp_path, leave_out=4), tiny_bert)("bert")


def test_reading_says_nothing(opened: Opener, capfd: pytest.CaptureFixture[str]):
    list(opened("mmbt", max_tokens=8).train(1))
    assert capfd.readouterr() == ("", "")


def padded(batches: list[list[int]], lengths: np.ndarray) -> int:
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches)


def test_batches_of_similar_length_need_little_padding():
    # log-normal lengths as plots have them; plain shuffling pads about 65 % on top
    lengths = np.random.default_rng(0).lognormal(4.5, 0.6, 1000).astype(np.int64)
    plain = np.random.default_rng(1).permutation(1000).reshape(250, 4).tolist()
    assert padded(plain, lengths) > 1.5 * lengths.sum()
    assert padded(shuffled_batches(lengths, batch_size=4, seed=1, epoch=1), lengths) < 1.1 * lengths.sum()


def test_similar_length_leaves_the_company_of_a_film_to_chance():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.6, 1000).astype(np.int64)
    company = [{frozenset(batch) for batch in shuffled_batches(lengths, batch_size=4, seed=1, epoch=epoch)} for epoch in (1, 2)]
    assert len(company[0] & company[1]) < 5


def test_batches_do_not_come_in_the_order_of_length():
    lengths = np.arange(64)
    firsts = [batch[0] for batch in shuffled_batches(lengths, batch_size=4, seed=1, epoch=1)]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)


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
