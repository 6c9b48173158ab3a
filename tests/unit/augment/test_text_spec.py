"""The settings of a back-translation: what goes together, and what decides the rows."""

import pytest
from pydantic import ValidationError

from augment.text.spec import BackTranslationSpec


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"engine": "bergamot"}, "en → pt → en only, not en → fr → en"),
        ({"engine": "bergamot", "pivot": "pt,fr"}, "en → pt → en only, not en → pt → fr → en"),
        ({"engine": "bergamot", "pivot": "pt", "decoding": "sampling"}, "decodes greedily, not by sampling"),
        ({"engine": "bergamot", "pivot": "pt", "views": 2}, "2 views, but greedy decoding makes the same text each time"),
        ({"engine": "bergamot", "pivot": "pt", "models": {"en-pt": "x/y"}}, "has its own models"),
        ({"decoding": "beam", "views": 3}, "3 views, but beam decoding"),
        ({"pivot": "en"}, "en → en → en translates a language into itself"),
        ({"pivot": "fr,fr"}, "en → fr → fr → en translates a language into itself"),
        ({"dtype": "int8"}, "marian has no precision int8; use `--text.dtype` fp32 or bf16"),
        ({"engine": "ctranslate2", "dtype": "bf16"}, "ctranslate2 has no precision bf16; use `--text.dtype` int8 or"),
        ({"models": {"en-de": "x/y"}}, r"\['en-de'\], but the way is en → fr → en"),
    ],
)
def test_settings_that_cannot_go_together_say_so(settings: dict[str, object], says: str):
    with pytest.raises(ValueError, match=says):
        BackTranslationSpec(**settings).normalised()  # type: ignore[arg-type]


def test_all_that_cannot_go_together_is_listed_at_once():
    with pytest.raises(ValueError, match=r"only, not en → fr → en.*decodes greedily.*3 views"):
        BackTranslationSpec(engine="bergamot", decoding="beam", views=3).normalised()


def test_a_direction_is_written_as_two_codes():
    with pytest.raises(ValidationError, match="models"):
        BackTranslationSpec(models={"en→fr": "x/y"})


def test_a_chain_lists_its_directions_in_turn():
    assert BackTranslationSpec(pivot="fr,de").directions == (("en", "fr"), ("fr", "de"), ("de", "en"))


def test_the_default_models_are_opus_mt_at_pinned_commits():
    spec = BackTranslationSpec()
    assert spec.model_for("en", "fr") == ("Helsinki-NLP/opus-mt-en-fr", "dd7f6540a7a48a7f4db59e5c0b9c42c8eea67f18")
    assert spec.model_for("fr", "en") == ("Helsinki-NLP/opus-mt-fr-en", "c4aed37b318c763fd177aa449b44e3b783cc6c02")
    assert BackTranslationSpec(pivot="fi").model_for("en", "fi") == ("Helsinki-NLP/opus-mt-en-fi", None)
    assert BackTranslationSpec(revisions={"en-fr": "abc"}).model_for("en", "fr")[1] == "abc"
    assert BackTranslationSpec(models={"en-fr": "a/b"}).model_for("en", "fr") == ("a/b", None)


def test_what_the_decoding_does_not_read_is_no_part_of_the_name():
    plain = BackTranslationSpec(decoding="greedy", retry=False)
    assert plain.model_copy(update={"temperature": 0.6, "beams": 8, "seed": 3}).normalised() == plain.normalised()
    retried = BackTranslationSpec(decoding="greedy")  # tries failed sentences again with beams, so their width counts
    assert retried.model_copy(update={"beams": 8}).normalised() != retried.normalised()
    assert retried.model_copy(update={"temperature": 0.6}).normalised() == retried.normalised()
    assert BackTranslationSpec(dtype="fp32").normalised() == BackTranslationSpec().normalised()
    assert BackTranslationSpec(engine="ctranslate2").normalised().dtype == "int8"
