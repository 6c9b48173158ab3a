"""Measures against sacrebleu itself and against values worked by hand."""

import json
from pathlib import Path

import pytest
import sacrebleu

from augment.text.measures import BleuCounts, bleu, bleu_counts, chrf, distinct

PAIRS = [
    ("The captain takes her aboard, but the crew fears a storm.", "The captain takes her on board, but the crew fears storms."),
    ("Nobody in the village remembers him.", "No one in the village remembers him."),
    ("A detective returns to the town where he was born.", "A detective returns to the town where he was born."),
    ("She sells her house.", "Wolves."),
]


def total(pairs: list[tuple[str, str]]) -> BleuCounts:
    return sum((bleu_counts(original, translation) for original, translation in pairs), BleuCounts())


def reference(pairs: list[tuple[str, str]]) -> float:
    return sacrebleu.corpus_bleu([translation for _, translation in pairs], [[original for original, _ in pairs]]).score


def test_chrf_is_sacrebleus_with_the_original_as_reference():
    for original, translation in PAIRS:
        assert chrf(original, translation) == sacrebleu.sentence_chrf(translation, [original]).score


def test_chrf_of_an_equal_text_is_100_and_of_another_script_0():
    assert chrf("He leaves.", "He leaves.") == pytest.approx(100)
    assert chrf("abcdef", "ghijkl") == 0


def test_chrf_worked_by_hand():
    # "ab" against "abc": of one character precision 2/2, recall 2/3; of two 1/1 and 1/2; of three there is none in "ab", so
    # that order does not count. Means P = 1, R = 7/12; F2 = 5PR / (4P + R) = 35/12 / (55/12) = 35/55
    assert chrf("abc", "ab") == pytest.approx(100 * 35 / 55)


def test_bleu_counts_worked_by_hand():
    # words: the cat sat down / the cat lay down; in common: the, cat, down; "the cat"; nothing longer
    assert bleu_counts("the cat sat down", "the cat lay down") == BleuCounts((3, 1, 0, 0), (4, 3, 2, 1), 4, 4)


def test_a_word_counts_at_most_as_often_as_in_the_original():
    assert bleu_counts("the end", "the the the").matches[0] == 1


def test_counts_of_shards_add_up_to_the_bleu_of_the_corpus():
    shards = total(PAIRS[:1]) + total(PAIRS[1:])
    assert shards == total(PAIRS)
    assert bleu(shards) == pytest.approx(reference(PAIRS))
    assert 0 < bleu(shards) < 100


def test_bleu_worked_by_hand():
    # 5 words, one exchanged at the end: 4/5 · 3/4 · 2/3 · 1/2 = 1/5 of equal length, so 100 · (1/5)^(1/4)
    assert bleu(bleu_counts("he goes to the sea", "he goes to the town")) == pytest.approx(100 * 0.2**0.25)


def test_bleu_of_nothing_is_0_and_of_equal_texts_100():
    assert bleu(BleuCounts()) == 0
    assert bleu(bleu_counts("", "")) == 0
    assert bleu(total([(original, original) for original, _ in PAIRS])) == pytest.approx(100)


def test_bleu_of_real_plots_is_sacrebleus(real_films: Path):
    lines = (real_films / "moviescope-mini" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    plots = [json.loads(line)["synopsis"] for line in lines]
    pairs = [(plot, plot.replace(" the ", " a ").replace(" is ", " was ")) for plot in plots]
    assert bleu(total(pairs)) == pytest.approx(reference(pairs))


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("No, no, NO!", 1, 1 / 3),
        ("No, no, no!", 2, 1 / 2),  # (no, no) twice
        ("the dog and the cat", 1, 4 / 5),
        ("the dog and the cat", 2, 1),
        ("he can't, he can’t", 1, 3 / 4),  # the apostrophes differ
        ("one", 2, 0),
        ("", 1, 0),
    ],
)
def test_distinct_worked_by_hand(text: str, n: int, expected: float):
    assert distinct(text, n) == pytest.approx(expected)


def test_phrases_of_no_words_are_an_error():
    with pytest.raises(ValueError, match="phrases of 0 words"):
        distinct("a dog", 0)
