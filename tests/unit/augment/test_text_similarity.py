"""Similarity with the real MiniLM, against the library that it was made for."""

from pathlib import Path

import pytest
import torch

from augment.text import similarity
from augment.text.similarity import available, cosine
from datasets_cache.wheels import UnusableWheel, Wheel

ORIGINALS = [
    "A detective returns to the town where he was born.",
    "Two brothers rob a bank. " * 60,  # beyond the 256 tokens that are looked at
    "Winter comes.",
]
OTHERS = [
    "A policeman goes back to his birthplace.",
    "A machine learns to love music, and with it the wolves.",
    "The winter is coming, and with it a storm that nobody in the village has foreseen.",
]


@pytest.fixture(scope="module", autouse=True)
def _wheel():
    if not available():
        pytest.skip("the extra `embedded` is not installed")


def test_cosines_are_those_of_the_models_own_library():
    library = pytest.importorskip("sentence_transformers", reason="the model's own reader")
    from datasets_cache.wheels import MINILM

    model = library.SentenceTransformer(str(MINILM.folder() / "model"), device="cpu")
    one, two = (model.encode(texts, convert_to_tensor=True) for texts in (ORIGINALS, OTHERS))
    assert cosine(ORIGINALS, OTHERS) == pytest.approx((one * two).sum(dim=1).tolist(), abs=1e-5)


def test_an_equal_text_has_1_and_a_paraphrase_more_than_another_plot():
    equal, paraphrase, other = cosine([ORIGINALS[0]] * 3, [ORIGINALS[0], OTHERS[0], OTHERS[1]])
    assert equal == pytest.approx(1)
    assert 1 > paraphrase > other + 0.3


def test_pairs_come_back_in_their_order_whatever_the_batches(monkeypatch: pytest.MonkeyPatch):
    whole = cosine(ORIGINALS, OTHERS)
    monkeypatch.setattr(similarity, "BATCH", 2)
    assert cosine(ORIGINALS[::-1], OTHERS[::-1]) == pytest.approx(whole[::-1], abs=1e-5)


def test_nothing_to_compare_and_an_empty_text_are_no_trouble():
    assert cosine([], []) == []
    assert cosine([""], [""]) == pytest.approx([1])


def test_no_gradient_is_kept_and_the_libraries_stay_as_they_were(capfd: pytest.CaptureFixture[str]):
    similarity._model.cache_clear()
    assert not similarity._embed(["A dog."], "cpu").requires_grad
    assert torch.is_grad_enabled()
    assert capfd.readouterr() == ("", "")


def test_uneven_lists_are_an_error():
    with pytest.raises(ValueError, match="2 originals and 1 others"):
        cosine(["a", "b"], ["a"])


def test_a_wheel_that_is_absent_is_not_available_and_one_that_is_damaged_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    similarity._model.cache_clear()
    monkeypatch.setattr(similarity, "MINILM", Wheel("installed-nowhere", "installed_nowhere", "the test"))
    assert not available()
    (tmp_path / "damaged_model" / "model").mkdir(parents=True)
    (tmp_path / "damaged_model" / "__init__.py").touch()
    (tmp_path / "damaged_model" / "model" / "model.safetensors").write_bytes(b"half")
    monkeypatch.syspath_prepend(tmp_path)
    damaged = Wheel("damaged-model", "damaged_model", "the test", {"model/model.safetensors": "0" * 64})
    monkeypatch.setattr(similarity, "MINILM", damaged)
    assert available()
    with pytest.raises(UnusableWheel, match="SHA-256 is"):
        cosine(["a"], ["b"])
