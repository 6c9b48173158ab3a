"""Guards one by one, at their edges, and in their order."""

import pytest

from augment.text.quality import reason_to_keep, repeats

ORIGINAL = "A dog walks home at night."  # 26 characters: a change of 13 is allowed


def test_a_sound_translation_is_used():
    assert reason_to_keep(ORIGINAL, "At night a dog goes home.") is None


def test_an_original_under_ten_characters_is_kept():
    assert reason_to_keep("He leaves", "He goes away") == "too short"  # 9
    assert reason_to_keep("He leaves.", "He goes away.") is None  # 10


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
    assert reason_to_keep("Go", "Going", min_chars=1, max_length_change=2) is None
    assert reason_to_keep(ORIGINAL, "A dog walks home", max_length_change=0.1) == "length changed"
    assert reason_to_keep("They go and go away", "They go go go away.", max_repeats=3) is None


def test_reasons_are_looked_for_in_the_documented_order():
    assert reason_to_keep("Short", "", "engine failed") == "too short"
    assert reason_to_keep(ORIGINAL, "", "unfinished") == "unfinished"
    assert reason_to_keep(ORIGINAL, "go go go") == "too short"  # also shorter than half, and a loop
    assert reason_to_keep(ORIGINAL, "go go go go go go go go go go go go go go go") == "length changed"


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
