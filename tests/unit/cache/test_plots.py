"""Plots: repaired into one clean line, with what was repaired."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_cache.plots import _without_templates, clean, comparable


def test_mojibake_is_undone():
    # UTF-8 read as Windows-1252: é came as Ã©, ’ as â€™
    cleaned = clean("RenÃ©e doesnâ€™t leave the cafÃ©.")
    assert cleaned.text == "Renée doesn’t leave the café."
    assert cleaned.repairs == ("plot mojibake",)


@pytest.mark.parametrize("text", ["Renée’s café – “here”.", "Сергей и Оля", "愛のむきだし", "L’été à Ávila costs £5 … naïve"])
def test_sound_text_of_any_language_stays_as_it_is(text: str):
    assert clean(text) == clean(text).__class__(text, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Will &amp; Grace &mdash; a story", "Will & Grace — a story"),
        ("He {{cite web|url=x}} leaves.", "He leaves."),
        ("He {{a|{{b|c}}|d}} leaves.", "He leaves."),
        ("Played by [[Tom Hanks (actor)|Tom Hanks]] and [[Meg Ryan]].", "Played by Tom Hanks and Meg Ryan."),
        ("David ([[Jason Lee  is injured.", "David (Jason Lee is injured."),
        ("{{Plot|dateSummer begins.", "dateSummer begins."),
        ("She left.<ref name=a>Gray, 2006</ref> He stayed.<ref name=b/>", "She left. He stayed."),
        ("A figure<ref name http://x.y/z| date 2009-03-01}} Robbie waits.", "A figure Robbie waits."),
        ("One<br/>two <i>three</i>", "One two three"),
        ("'''Bold''' words", "Bold words"),
    ],
)
def test_markup_goes_and_the_story_stays(text: str, expected: str):
    cleaned = clean(text)
    assert cleaned.text == expected
    assert cleaned.repairs == ("plot markup",)


@pytest.mark.parametrize("text", ["He writes ))<>(( to her.", "AT&T and R&B", "It's 3 < 5 and {so on}", "the '80s"])
def test_what_only_looks_like_markup_stays(text: str):
    assert clean(text).text == text
    assert clean(text).repairs == ()


def test_control_characters_go():
    cleaned = clean("A\x00 man\u200b walks\x07 \ufeffin.\u202e")
    assert cleaned.text == "A man walks in."
    assert cleaned.repairs == ("plot control characters",)


def test_line_breaks_and_other_white_space_become_single_spaces_without_counting_as_repair():
    cleaned = clean("  One.\r\n\r\nTwo.\u00a0 Three.\u2028Four.\tFive. ")
    assert cleaned.text == "One. Two. Three. Four. Five."
    assert cleaned.repairs == ()


def test_a_lone_surrogate_is_replaced_so_that_the_text_can_be_stored():
    cleaned = clean("half \ud83d an emoji")
    assert cleaned.text == "half \ufffd an emoji"
    assert cleaned.repairs == ("plot control characters",)


@pytest.mark.parametrize("text", ["", "   ", "...", "???", "{{cite}}", "\u200b"])
def test_a_plot_without_a_letter_or_digit_is_empty(text: str):
    assert clean(text).text == ""


@given(st.text())
def test_whatever_comes_the_plot_is_one_line_that_can_be_stored(text: str):
    cleaned = clean(text).text
    assert cleaned.encode().decode() == cleaned == " ".join(cleaned.split())


def test_plots_compare_equal_whatever_their_case_punctuation_and_spaces():
    assert comparable("The  Ship sinks; nobody's left!") == comparable("the ship sinks – Nobody’s left.")
    assert comparable("cafe\u0301") == comparable("café")
    assert comparable("The ship sinks.") != comparable("The ships sink.")


def _templates_away_one_by_one(text: str) -> str:
    while (inner := re.sub(r"\{\{[^{}]*\}\}", " ", text)) != text:
        text = inner
    return text


@given(st.text("{}a ", max_size=30))
def test_nested_templates_go_as_if_taken_out_one_by_one_from_within(text: str):
    assert _without_templates(text) == _templates_away_one_by_one(text)


@pytest.mark.timeout(60)  # looking for each end anew, a million characters took a quarter of an hour
@pytest.mark.parametrize(
    "text", ["<!--" * 250_000, "{{" * 250_000 + "}}" * 250_000, "{{a}} " + "{{" * 100_000, "<ref>" * 40_000]
)
def test_much_markup_that_is_never_closed_or_nests_deeply_takes_no_time_to_speak_of(text: str):
    assert clean(text + " A story.").text.endswith("A story.")
