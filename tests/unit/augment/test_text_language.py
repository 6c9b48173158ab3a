"""The language guard on real and made-up sentences."""

import json
from pathlib import Path

import pytest

from augment.text import sentences
from augment.text.language import check, known, wrong_language

ENGLISH = "The detective returns to the town where he was born."
PORTUGUESE = "O detetive retorna à cidade onde nasceu."
FRENCH = "Le détective revient dans la ville où il est né."
GERMAN = "Der Detektiv kehrt in die Stadt zurück, in der er geboren wurde."


@pytest.mark.parametrize(("other", "text"), [("pt", PORTUGUESE), ("fr", FRENCH), ("de", GERMAN)])
def test_a_translation_that_stuck_in_the_pivot_is_wrong(other: str, text: str):
    assert wrong_language(ENGLISH, text, language="en", others=[other])


def test_any_of_several_pivots_is_wrong():
    assert wrong_language(ENGLISH, FRENCH, language="en", others=["fr", "de"])
    assert wrong_language(ENGLISH, GERMAN, language="en", others=["fr", "de"])


def test_a_translation_in_the_right_language_is_right():
    assert not wrong_language(ENGLISH, "The detective goes back to the town of his birth.", language="en", others=["pt", "fr"])


def test_a_foreign_sentence_of_the_plot_is_not_held_against_its_translation():
    assert not wrong_language(PORTUGUESE, PORTUGUESE, language="en", others=["pt"])


def test_the_language_of_the_plots_need_not_be_english():
    assert wrong_language(FRENCH, ENGLISH, language="fr", others=["en"])
    assert not wrong_language(FRENCH, FRENCH, language="fr", others=["en"])


def test_nineteen_characters_are_too_few_to_judge():
    assert not wrong_language("Nobody knows him now.", "Ninguém o conhece já"[:19], language="en", others=["pt"])
    assert wrong_language("Nobody knows him now.", "Ninguém o conhece já", language="en", others=["pt"])


def test_without_another_language_nothing_is_wrong():
    assert not wrong_language(ENGLISH, PORTUGUESE, language="en", others=[])
    assert not wrong_language(ENGLISH, PORTUGUESE, language="en", others=["en"])


def test_a_region_or_a_capital_in_a_code_makes_no_difference():
    assert wrong_language(ENGLISH, PORTUGUESE, language="en_GB", others=["pt-BR"])
    assert wrong_language(ENGLISH, PORTUGUESE, language="EN", others=["PT"])


def test_unknown_languages_are_named_at_once():
    with pytest.raises(ValueError, match=r"does not know klingon, roa; it knows .*pt.*check_language"):
        check(["en", "roa", "klingon"])
    with pytest.raises(ValueError, match="does not know roa"):
        wrong_language(ENGLISH, PORTUGUESE, language="en", others=["roa"])


def test_judging_between_two_languages_leaves_the_others_known():
    wrong_language(ENGLISH, PORTUGUESE, language="en", others=["pt"])
    assert {"en", "pt", "fr", "de", "es"} <= known()
    check(["en", "fr"])


def test_no_real_english_sentence_is_taken_for_a_pivots(real_films: Path):
    mini = real_films / "mmimdb-mini"
    ids = json.loads((mini / "split.json").read_text(encoding="utf-8"))["train"]
    plots = [max(json.loads((mini / "dataset" / f"{film}.json").read_text(encoding="utf-8"))["plot"], key=len) for film in ids]
    real = [" ".join(sentence.split()) for plot in plots for sentence, _ in sentences.split(plot)]
    assert len(real) > 500
    for pivots in (["pt"], ["fr"], ["de"], ["es"]):
        assert [text for text in real if wrong_language(ENGLISH, text, language="en", others=pivots)] == []
