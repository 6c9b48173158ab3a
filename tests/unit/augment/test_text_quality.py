"""Guards one by one, at their edges, and in their order."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.text.engines.protocol import Problem
from augment.text.quality import (
    KEPT_REASONS,
    Guards,
    KeptReason,
    lost_names,
    lost_numbers,
    reason_not_to_try,
    reason_to_keep,
    repeats,
)

ORIGINAL = "A dog walks home at night."  # 26 characters: a change of 13 is allowed


def test_a_sound_translation_is_used():
    assert reason_to_keep(ORIGINAL, "At night a dog goes home.") is None


def test_an_original_under_ten_characters_is_kept():
    assert reason_to_keep("He leaves", "He goes away") == "too short"  # 9
    assert reason_to_keep("He leaves.", "He goes away.") is None  # 10


def test_a_word_beyond_a_thousand_characters_is_asked_of_no_engine():
    assert reason_not_to_try(f"He said {'a' * 1000}, and left.") is None
    assert reason_not_to_try(f"He said {'a' * 1001}, and left.") == "word too long"
    assert reason_to_keep("a" * 1001, "b" * 1001) == "word too long"


def test_scripts_without_spaces_have_words_between_their_marks():
    assert reason_not_to_try("他回家了，" * 300) is None  # 1,500 signs, five between two marks
    assert reason_not_to_try("他回家了" * 300) == "word too long"


def test_a_translation_under_ten_characters_is_not_used():
    assert reason_to_keep("He goes away.", "He leaves") == "too short"
    assert reason_to_keep("He goes away.", "He leaves.") is None


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_an_empty_translation_is_not_used(nothing: str):
    assert reason_to_keep(ORIGINAL, nothing) == "empty"


def test_an_engine_that_failed_is_named():
    assert reason_to_keep(ORIGINAL, "", "engine failed") == "engine failed"
    assert reason_to_keep(ORIGINAL, "A dog walks home", "unfinished") == "unfinished"


def test_half_the_length_may_go_or_come_and_no_more():
    assert reason_to_keep(ORIGINAL, "The dog walks") is None  # 13
    assert reason_to_keep(ORIGINAL, "A dog walks.") == "length changed"  # 12
    assert reason_to_keep(ORIGINAL, "abcdefghi jklmnopq rstuvwxyz 0123456789") is None  # 39
    assert reason_to_keep(ORIGINAL, "abcdefghi jklmnopq rstuvwxyz 01234567890") == "length changed"  # 40


def test_a_phrase_said_three_times_in_a_row_is_a_loop():
    assert reason_to_keep("The man walks home tonight", "the man, the man, the man") == "repetition"
    assert reason_to_keep("The man walks home", "the man, the man") is None


def test_what_the_original_repeats_the_translation_may_repeat():
    assert reason_to_keep("No, no, no, he cries!", "No, no, no, he shouts!") is None
    assert reason_to_keep("No, no, no, he cries!", "No, no, no, no, shouts!") == "repetition"


def test_thresholds_are_settings():
    assert reason_to_keep("Go", "Going", guards=Guards(min_chars=1, max_length_change=2)) is None
    assert reason_to_keep(ORIGINAL, "A dog walks home", guards=Guards(max_length_change=0.1)) == "length changed"
    assert reason_to_keep("They go and go away", "They go go go away.", guards=Guards(max_repeats=3)) is None


def test_a_sentence_that_a_leg_copied_is_untranslated():
    assert reason_to_keep(ORIGINAL, ORIGINAL, copied=True) == "untranslated"
    assert reason_to_keep(ORIGINAL, "A dog walks home by night.", copied=True) == "untranslated"
    assert reason_to_keep(ORIGINAL, ORIGINAL, copied=False) is None
    assert reason_to_keep(ORIGINAL, ORIGINAL, copied=True, guards=Guards(untranslated=False)) is None


@pytest.mark.parametrize(
    "names",
    [
        "Los Angeles, 1949.",
        "Al Pacino.",
        '("Oh! Darling").',
        "The Lord of the Rings",
        "Robert De Niro, Al Pacino and Val Kilmer.",
        "John Smith (Tom Hanks), Mary (Meg Ryan)",
        "www.imdb.com/title/tt0111161",
        "!!! ... ???",
    ],
)
def test_names_and_titles_rightly_come_back_as_they_were(names: str):
    assert reason_to_keep(names, names, copied=True) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Harry, Ron and Hermione meet Dumbledore at Hogwarts.",
        "asdf qwer zxcv uiop",
        "John doesn't want a half-hearted apology.",
    ],
)
def test_three_words_without_a_capital_are_something_to_translate(sentence: str):
    assert reason_to_keep(sentence, sentence, copied=True) == "untranslated"


def test_a_round_trip_that_ends_in_the_pivot_is_in_the_wrong_language():
    portuguese = "Um cão vai para casa à noite."
    assert reason_to_keep(ORIGINAL, portuguese, guards=Guards(pivots=("pt",))) == "wrong language"
    assert reason_to_keep(ORIGINAL, portuguese, guards=Guards(language=None, pivots=("pt",))) is None
    assert reason_to_keep(ORIGINAL, portuguese, guards=Guards(pivots=())) is None


def test_guards_of_an_unknown_language_are_refused_when_they_are_made():
    with pytest.raises(ValueError, match="does not know roa"):
        Guards(pivots=("roa",))
    assert Guards(language=None, pivots=("roa",)).pivots == ("roa",)


def test_reasons_are_looked_for_in_the_documented_order():
    assert reason_to_keep("Short", "", "engine failed") == "too short"
    assert reason_to_keep(ORIGINAL, "", "unfinished") == "unfinished"
    assert reason_to_keep(ORIGINAL, "go go go") == "too short"  # also shorter than half, and a loop
    assert reason_to_keep(ORIGINAL, "go go go go go go go go go go go go go go go") == "length changed"
    stuck = "Um cão vai para casa à noite, à noite, à noite"[:39]
    guards = Guards(pivots=("pt",), max_repeats=1)
    assert reason_to_keep(ORIGINAL, stuck, copied=True, guards=guards) == "repetition"
    assert reason_to_keep(ORIGINAL, "Um cão vai para casa à noite.", copied=True, guards=guards) == "untranslated"


def test_every_reason_has_its_place_in_the_order():
    assert set(get_args(KeptReason.__args__[0]) + get_args(Problem)) == set(KEPT_REASONS)
    assert len(set(KEPT_REASONS)) == len(KEPT_REASONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a dog", 1),
        ("no, No, NO", 3),
        ("go to go to go to", 3),
        ("go to go to go", 2),
        ("one two three four five six seven eight one two three four five six seven eight", 2),
        ("the sea and the sea and the land", 2),  # "the sea and" twice
        ("hahahahahaha", 6),
        ("Bookkeeper Hannah", 1),
        ("what?????????", 9),
        ("wait... really?!", 1),
    ],
)
def test_repeats_counts_a_phrase_in_a_row(text: str, expected: int):
    assert repeats(text) == expected


@pytest.mark.parametrize(
    ("original", "translation"),
    [
        ("He owes 1,000 dollars.", "He owes 1.000 dollars."),
        ("He owes 1,000 dollars.", "He owes 1000 dollars."),
        ("He owes 1,000,000 dollars.", "He owes 1.000.000 dollars."),
        ("He owes 1,000 dollars.", "He owes 1\u00a0000 dollars."),
        ("It costs 2.5 million.", "It costs 2,5 million."),
        ("The 3rd of May, in the 1990s.", "In the decade of 1990, on 3 May."),
        ("At 10:30 in 2001, 2002 and 2003.", "In 2001, 2002 and 2003 at 10h30."),
        ("PG-13, $5, 40%.", "Under 13: 5 dollars, 40 per cent."),
    ],
)
def test_a_number_that_is_written_another_way_is_not_lost(original: str, translation: str):
    assert lost_numbers(original, translation) == []


@pytest.mark.parametrize(
    ("original", "translation", "lost"),
    [
        ("Based on the 1957 novel.", "Based on the novel.", ["1957"]),
        ("In the mid 30s.", "In the mid 1930s.", ["30"]),
        ("5 men and 5 women.", "5 men and women.", ["5"]),
        ("From 1,500 to 200.", "From 1.500.000 to 20.", ["1,500", "200"]),
        ("The 3rd man.", "The third man.", ["3"]),  # number words are out of scope
        ("It costs 2.5 million.", "It costs 25 million.", ["2.5"]),
        ("Two men.", "Three men.", []),
    ],
)
def test_a_number_that_is_gone_is_lost(original: str, translation: str, lost: list[str]):
    assert lost_numbers(original, translation) == lost


@pytest.mark.parametrize(
    ("original", "translation", "lost"),
    [
        ("They enter the Lonely Mountain.", "They enter the Solar Mountain.", ["Lonely"]),
        ("He likes Eva's roots.", "He likes Eve's roots.", ["Eva"]),
        ("He likes Stark's and STARK’S armour.", "He likes the armour of Stark.", []),
        ("She meets Antonio and José.", "She meets António and Jose.", []),
        ("The film shows Spider-Man.", "The film shows Spider Man.", []),
        ("He says I'm May, and I agree with J. R. Smith.", "He says it is May and agrees with Smith.", []),
        ("He became Treasury Secretary.", "He became secretary of the treasury.", []),
        ("May leaves.", "She leaves.", []),  # a first word may be any word
        ("May leaves. Nobody misses May.", "She leaves. Nobody misses her.", ["May"]),
        ("He knows Ann. Dogs bark at Ann, Ann and Bob.", "He knows her. Dogs bark.", ["Ann", "Bob"]),
        ("THE END OF ROME", "The end", []),
    ],
)
def test_names_that_are_gone_are_lost(original: str, translation: str, lost: list[str]):
    assert lost_names(original, translation) == lost


@given(st.text(st.sampled_from("aB cDé.,'’-1023!?\n\u00a0\"ǅİ") | st.characters(), max_size=60))
def test_a_text_loses_nothing_to_itself(text: str):
    assert lost_numbers(text, text) == []
    assert lost_names(text, text) == []


def test_real_synopses_lose_nothing_to_themselves_and_every_number_to_nothing(real_films: Path):
    lines = (real_films / "moviescope-mini" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        text = json.loads(line)["synopsis"]
        assert lost_numbers(text, text) == lost_names(text, text) == []
        assert bool(lost_numbers(text, "")) == any(character.isdecimal() for character in text)
