"""Whatever a plot says, it becomes one clean line, comes apart into sentences that make it up, and is judged by the guards."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.text import measures, sentences
from augment.text.quality import KEPT_REASONS, Guards, lost_names, lost_numbers, reason_to_keep
from datasets_cache import plots
from datasets_cache.likeness import shingles
from datasets_cache.schema import Reason
from tests.fuzz.bounds import FIXED, bounded, count
from tests.fuzz.made_text import over_and_over, perturbed, texts

GUARDS = Guards(pivots=("pt",))


def check(text: str, kind: str = "text") -> None:
    with bounded(kind):
        cleaned = plots.clean(text)
        assert cleaned.text.encode().decode() == cleaned.text == " ".join(cleaned.text.split())
        assert set(cleaned.repairs) <= set(get_args(Reason))
        plots.comparable(cleaned.text)
        shingles(cleaned.text)
        for one in (text, cleaned.text):
            check_sentences(one)
        other = cleaned.text[::-1] or "nothing"
        assert reason_to_keep(cleaned.text, other, guards=GUARDS) in (None, *KEPT_REASONS)
        lost_numbers(cleaned.text, other)
        lost_names(cleaned.text, other)
    count(kind, "skipped" if not cleaned.text else "repaired" if cleaned.repairs else "as it is")


def check_sentences(text: str) -> None:
    pairs = sentences.split(text)
    assert "".join(sentence + separator for sentence, separator in pairs) == text
    for sentence, _ in pairs[:50]:
        pieces = sentences.parts(sentence, lambda part: len(part) <= 300)
        assert "".join(part + separator for part, separator in pieces) == sentence
        assert all(len(part) <= 300 for part, _ in pieces)


@settings(FIXED, max_examples=150)
@given(texts())
def test_a_text_is_cleaned_cut_and_judged(text: str):
    check(text)


@settings(FIXED, max_examples=5)
@given(over_and_over(200_000))
def test_a_text_of_200_000_characters_is_cleaned_cut_and_judged(text: str):
    check(text, "text, 200,000 characters")


@pytest.mark.slow
@settings(FIXED, max_examples=2500)
@given(texts(3000))
def test_thousands_of_texts_are_cleaned_cut_and_judged(text: str):
    check(text)


@pytest.mark.slow
@settings(FIXED, max_examples=40)
@given(over_and_over(200_000))
def test_dozens_of_texts_of_200_000_characters_are_cleaned_cut_and_judged(text: str):
    check(text, "text, 200,000 characters")


@pytest.mark.slow
@settings(FIXED, max_examples=500)
@given(st.integers(0, 2**32 - 1))
def test_real_synopses_with_faults_are_cleaned_cut_and_judged(real_films: Path, seed: int):
    lines = (real_films / "moviescope-mini" / "train.jsonl").read_text().splitlines()
    check(perturbed(json.loads(lines[seed % len(lines)])["synopsis"], seed), "real synopsis")


@pytest.mark.slow
@settings(FIXED, max_examples=100)
@given(texts(3000), texts(3000))
def test_measures_take_any_two_texts(one: str, other: str):
    first, second = plots.clean(one).text, plots.clean(other).text
    with bounded("text measures"):
        assert 0 <= measures.chrf(first, second) <= 100.001
        assert 0 <= measures.bleu(measures.bleu_counts(first, second)) <= 100.001
        assert 0 <= measures.distinct(first, 2) <= 1
    count("text measures", "as it is")
