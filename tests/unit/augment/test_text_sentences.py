"""Segmentation: joined again it is the text; names, quotes and numbers hold; long sentences come in parts that fit."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augment.text.sentences import BLOCK, LONG_SENTENCE, parts, split

DATA = Path(__file__).parents[4] / "shared" / "data"

nasty = st.lists(
    st.sampled_from(
        [
            *"aB. !?\"'()[]“”«»\n\r\t;:,-—…0é漢😀\x00",
            "\u2028",
            "\u3000",
            "\x85",
            "\xa0",
            "Dr.",
            "U.S.",
            "J.",
            "Ms.",
            "\r\n",
            " ",
        ]
    )
).map("".join)


@given(st.one_of(nasty, st.text()))
@settings(max_examples=400, deadline=None)
@example("")
@example("  \n ")
@example("B\u3000.\x85\r")  # made the library fail
@example("Ms. " * 300)
def test_sentences_and_separators_joined_are_the_text(text: str):
    pairs = split(text)
    assert "".join(sentence + separator for sentence, separator in pairs) == text
    assert all(sentence == sentence.strip() and not separator.strip() for sentence, separator in pairs)
    assert all(sentence for sentence, _ in pairs[1:])


@pytest.mark.parametrize(
    "sentences",
    [
        ["“We must go,” he said.", "“Now.”", "They went."],
        ['"Who are you?" she asks.', "He says nothing."],
        ["J. R. R. Tolkien wrote it.", "Dr. Smith of St. Louis read it."],
        ["Mr. and Mrs. Bennet agree.", "Lt. Col. Frank Slade does not."],
        ["It tells of the writer J.D. Salinger.", "He hides."],
        ["They meet Ms. Price, who is old.", "She laughs."],
        ["Samuel L. Jackson and Robert Downey Jr. play cops.", "It is 1979."],
        ["The U.S. Army lands.", "Rain costs $3.5 million.", "It ends."],
        ["It is set in the U.S.", "The war ends in 1945.", "All go home."],
        ["He waits...", "Then he leaves.", "Is this it?!", "Yes."],
        ["First, a line\nbreak in a sentence.", "Then another."],
    ],
)
def test_quotes_initials_abbreviations_ellipses_and_numbers_hold(sentences: list[str]):
    assert [sentence for sentence, _ in split(" ".join(sentences))] == sentences


def test_a_paragraph_break_is_a_separator():
    assert split("One dog.\n\nTwo dogs.  Three.") == [("One dog.", "\n\n"), ("Two dogs.", "  "), ("Three.", "")]


def test_whitespace_before_the_first_sentence_is_kept_beside_an_empty_one():
    assert split("\n A dog. A cat.") == [("", "\n "), ("A dog.", " "), ("A cat.", "")]


def test_an_unclosed_quotation_mark_does_not_swallow_the_text():
    told = [
        "He said (and he was right that it is so.",
        *[f"Then number {number} of the many dogs came home." for number in range(20)],
    ]
    text = " ".join(told)
    assert len(text) > LONG_SENTENCE
    assert [sentence for sentence, _ in split(text)] == told


def test_real_synopses_come_apart_into_sentences_of_sane_length():
    if not (DATA / "moviescope-mini").is_dir():
        pytest.skip(f"real films are not at {DATA}")
    lines = (DATA / "moviescope-mini" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    for synopsis in (json.loads(line)["synopsis"] for line in lines):
        assert max((len(sentence) for sentence, _ in split(synopsis)), default=0) < 700


@given(st.lists(st.sampled_from(["word", "a", ",", ";", " ", "  ", "—", "x" * 30, "\xa0"])).map("".join), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_parts_joined_are_the_sentence_and_each_fits(text: str, longest: int):
    sentence = text.strip()
    pieces = parts(sentence, lambda part: len(part) <= longest)
    assert "".join(part + separator for part, separator in pieces) == sentence
    assert all(len(part) <= longest for part, _ in pieces)
    assert all(part == part.strip() and not separator.strip() for part, separator in pieces)


def test_a_sentence_that_fits_stays_whole():
    assert parts("a, b, c", lambda _: True) == [("a, b, c", "")]


def test_it_is_cut_at_the_clause_mark_nearest_to_the_middle():
    assert parts("one two three, four five six", lambda part: len(part) < 20) == [
        ("one two three,", " "),
        ("four five six", ""),
    ]


def test_without_a_clause_mark_it_is_cut_at_a_space():
    assert parts("one two three four", lambda part: len(part) < 12) == [("one two", " "), ("three four", "")]


def test_a_clause_mark_at_the_edge_gives_way_to_a_space_in_the_middle():
    assert parts("No, one two three four", lambda part: len(part) < 14) == [("No, one two", " "), ("three four", "")]


def test_a_word_without_spaces_is_cut_in_its_middle():
    assert parts("abcdefgh", lambda part: len(part) <= 4) == [("abcd", ""), ("efgh", "")]


@pytest.mark.timeout(60)  # their time grew with the square of the length
@pytest.mark.parametrize(
    "text", ["<!--" * 150_000, "A. " * 60_000, "A." * 100_000 + "x", "a" + " " * 200_000 + "b", "word" * 10_000]
)
def test_a_text_full_of_marks_initials_or_spaces_takes_no_time_to_speak_of(text: str):
    pairs = split(text)
    assert "".join(sentence + separator for sentence, separator in pairs) == text
    assert "".join(part + separator for part, separator in parts(text, lambda part: len(part) <= 300)) == text


def test_a_sentence_across_the_end_of_a_block_stays_whole():
    sentences = [f"The dog {number} ran home." for number in range(1000)]
    assert sum(map(len, sentences)) > 2 * BLOCK
    assert [sentence for sentence, _ in split(" ".join(sentences))] == sentences


def test_half_a_character_is_no_reason_to_fail():
    assert split("Half \ud83d a sign. Then more.") == [("Half \ud83d a sign.", " "), ("Then more.", "")]
