"""Token ids of plots: kept on disk, found again, made again where they are damaged."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BertTokenizer, PreTrainedTokenizerBase

from train.models.text_encoder import load_tokenizer
from train.texts import Encoder, Texts, encode, tokenizer_identity

PLOTS = ["w1 w2 w3 w4 w5 w6 w7", "", "w8 w9"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "w1"]


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of each call of a tokenizer."""
    calls: list[int] = []
    real = PreTrainedTokenizerBase.__call__

    def counting(self: PreTrainedTokenizerBase, texts: list[str], **more: Any) -> Any:
        calls.append(len(texts))
        return real(self, texts, **more)

    monkeypatch.setattr(PreTrainedTokenizerBase, "__call__", counting)
    return calls


@pytest.fixture
def tokenizer(tiny_bert: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(name=str(tiny_bert), revision=None)


def encoder(folder: Path, tokenizer: PreTrainedTokenizerBase, *, max_tokens: int = 6, special_tokens: bool = True) -> Encoder:
    return Encoder(tokenizer, max_tokens, special_tokens, folder / "tokens", tokenizer_identity(tokenizer))


def ids(texts: Texts) -> list[list[int]]:
    return [text.tolist() for text in texts.tokens]


def test_texts_are_encoded_cut_and_counted(tmp_path: Path, tokenizer: PreTrainedTokenizerBase):
    # `w<n>` is token 5 + n; six tokens are [CLS], four words, [SEP]
    for _ in range(2):  # made, and found again
        texts = encoder(tmp_path, tokenizer)(PLOTS)
        assert ids(texts) == [[2, 6, 7, 8, 9, 3], [2, 3], [2, 13, 14, 3]]
        assert texts.cut.tolist() == [True, False, False]
        assert texts.truncated == 1
        assert texts.lengths().tolist() == [6, 2, 4]


def test_bare_texts_may_have_no_token(tmp_path: Path, tokenizer: PreTrainedTokenizerBase):
    for _ in range(2):
        assert ids(encoder(tmp_path, tokenizer, special_tokens=False)(["", "w1", ""])) == [[], [6], []]


def test_no_texts_have_no_tokens(tmp_path: Path, tokenizer: PreTrainedTokenizerBase):
    for _ in range(2):
        assert encoder(tmp_path, tokenizer)([]).truncated == 0


def test_equal_texts_are_tokenised_once(tmp_path: Path, tokenizer: PreTrainedTokenizerBase, tokenized: list[int]):
    for _ in range(3):
        encoder(tmp_path, tokenizer)(PLOTS)
    assert tokenized == [3]


def test_a_tokenizer_that_was_used_is_still_the_same(tokenizer: PreTrainedTokenizerBase):
    before = tokenizer_identity(tokenizer)
    encode(PLOTS, tokenizer, max_tokens=5, special_tokens=True)
    assert tokenizer_identity(tokenizer) == before


@pytest.mark.parametrize("texts", [PLOTS[::-1], PLOTS[:2], [*PLOTS, ""], ["w1 w2 w3 w4 w5 w6 w7", "w8", " w9"]])
def test_other_texts_are_tokenised_anew(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, tokenized: list[int], texts: Sequence[str]
):
    encoder(tmp_path, tokenizer)(PLOTS)
    encoder(tmp_path, tokenizer)(texts)
    assert tokenized == [3, len(texts)]


def test_another_limit_other_special_tokens_or_another_tokenizer_tokenises_anew(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, tokenized: list[int]
):
    other = BertTokenizer(vocab={word: place for place, word in enumerate(WORDS)})
    encoder(tmp_path, tokenizer)(PLOTS)
    encoder(tmp_path, tokenizer, max_tokens=7)(PLOTS)
    encoder(tmp_path, tokenizer, special_tokens=False)(PLOTS)
    encoder(tmp_path, other)(PLOTS)
    assert tokenized == [3, 3, 3, 3]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def change_an_id(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(bytes([13, 0, 0, 0, 14, 0, 0, 0])) == 1
    path.write_bytes(content.replace(bytes([13, 0, 0, 0, 14, 0, 0, 0]), bytes([13, 0, 0, 0, 15, 0, 0, 0])))


def pickle_inside(path: Path) -> None:
    np.savez(path, ids=np.array([{}], dtype=object), lengths=np.zeros(3, np.int64), cut=np.zeros(3, np.bool_))


def lose_a_text(path: Path) -> None:
    np.savez(path, ids=np.zeros(2, np.int32), lengths=np.array([1, 1]), cut=np.zeros(2, np.bool_))


def lengthen_a_text(path: Path) -> None:
    np.savez(path, ids=np.zeros(9, np.int32), lengths=np.array([7, 1, 1]), cut=np.zeros(3, np.bool_))


def lose_an_array(path: Path) -> None:
    np.savez(path, ids=np.zeros(3, np.int32), lengths=np.array([1, 1, 1]))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "damage",
    [truncate, change_an_id, pickle_inside, lose_a_text, lengthen_a_text, lose_an_array, empty, replace_by_one_array],
)
def test_damaged_token_ids_are_made_again_with_a_warning(
    tmp_path: Path,
    tokenizer: PreTrainedTokenizerBase,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
    tokenized: list[int],
):
    encode_once = encoder(tmp_path, tokenizer)
    whole = ids(encode_once(PLOTS))
    (file,) = (tmp_path / "tokens").iterdir()
    damage(file)
    with caplog.at_level(logging.WARNING):
        assert ids(encode_once(PLOTS)) == whole
    assert f"{file}: " in caplog.text
    assert "they are made again" in caplog.text
    assert ids(encode_once(PLOTS)) == whole
    assert tokenized == [3, 3]  # and the third time they are found


def test_where_token_ids_cannot_be_kept_texts_are_encoded_with_a_warning(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "tokens").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert encoder(tmp_path, tokenizer)(PLOTS).truncated == 1
    assert "token ids could not be kept" in caplog.text


def test_nothing_half_written_stays_beside_the_token_ids(tmp_path: Path, tokenizer: PreTrainedTokenizerBase):
    encoder(tmp_path, tokenizer)(PLOTS)
    assert [file.suffix for file in (tmp_path / "tokens").iterdir()] == [".npz"]
