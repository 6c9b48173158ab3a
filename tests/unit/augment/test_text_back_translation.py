"""Back-translation over translators that can be followed by eye."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from augment.text import pool
from augment.text.back_translation import back_translate
from augment.text.engines.protocol import Encoded, Problem, Translated
from augment.text.quality import Guards

LOOSE = Guards(untranslated=False)
"""The translators here change the case of letters at most, which is a copy."""


@dataclass
class Following:
    """A translator that does what `rule` says, hands sentences back in reverse order, and remembers what it was given."""

    rule: Callable[[str], str]
    problems: Mapping[str, Problem] = field(default_factory=dict)
    draws: bool = False
    direction: str = "a → b"
    given: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    models: Mapping[str, str] = field(default_factory=lambda: {"a → b": "v1"})
    loads: int = 0

    def load(self) -> None:
        self.loads += 1

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        return [Encoded(sentence) if len(sentence) <= 60 else None for sentence in sentences]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        self.given += [sentence.text for sentence in sentences]
        self.seeds += seeds
        for position in reversed(range(len(sentences))):
            sentence = sentences[position].text
            yield Translated(position, self.rule(sentence), self.problems.get(sentence))


def same(sentence: str) -> str:
    return sentence


def test_each_sentence_returns_to_its_text_and_its_place():
    texts = ["The dog runs. The cat sleeps.\n\nThe bird sings.", "", "The cat sleeps.  The cow eats grass."]
    made = back_translate(texts, [Following(str.upper), Following(lambda sentence: sentence.replace("THE", "A"))], guards=LOOSE)
    assert [back.text for back in made] == [
        "A DOG RUNS. A CAT SLEEPS.\n\nA BIRD SINGS.",
        "",
        "A CAT SLEEPS.  A COW EATS GRASS.",
    ]
    assert [(back.sentences, back.changed, back.kept) for back in made] == [(3, 3, ()), (0, 0, ()), (2, 2, ())]


def test_a_sentence_that_occurs_twice_is_translated_once():
    leg = Following(str.upper)
    back_translate(["The dog runs. The cat sleeps.", "The cat sleeps."], [leg], guards=LOOSE)
    assert leg.given == ["The dog runs.", "The cat sleeps."]


def test_where_the_engine_draws_each_sentence_is_drawn_with_a_seed_of_its_own():
    leg = Following(str.upper, draws=True)
    back_translate(["The cat sleeps. The cat sleeps.", "The cat sleeps."], [leg], keys=["x", "y"])
    assert leg.given == ["The cat sleeps."] * 3
    assert len(set(leg.seeds)) == 3


def test_a_seed_depends_on_seed_key_view_sentence_and_leg_alone():
    def seeds(texts: list[str], **how: object) -> list[list[int]]:
        legs = [Following(same, draws=True), Following(same, draws=True)]
        back_translate(texts, legs, **how)  # type: ignore[arg-type]
        return [leg.seeds for leg in legs]

    alone = seeds(["The cat sleeps."], keys=["x"])
    assert alone[0] != alone[1]
    company = seeds(["The dog runs. The cow eats.", "The cat sleeps."], keys=["w", "x"])
    assert company[0][2:] == alone[0]
    assert seeds(["The cat sleeps."], keys=["y"]) != alone
    assert seeds(["The cat sleeps."], keys=["x"], view=1) != alone
    assert seeds(["The cat sleeps."], keys=["x"], seed=2) != alone


def test_garbage_keeps_the_original_with_a_reason_for_each_sentence():
    answers = {
        "The dog runs home.": "",
        "The cat sleeps a lot.": "cat",
        "The bird sings a song.": "a song, a song, a song",
        "The cow eats green grass.": "The cow eats green grass and then all of the hay in the barn.",
        "The fish swims away.": "The fish swam.",
    }
    text = " ".join(answers)
    [made] = back_translate([text], [Following(answers.__getitem__)])
    assert made.text == text.replace("The fish swims away.", "The fish swam.")
    assert made.kept == ("empty", "too short", "repetition", "length changed")
    assert (made.sentences, made.changed) == (5, 1)


def test_a_sentence_under_ten_characters_is_not_sent_and_kept():
    leg = Following(str.upper)
    [made] = back_translate(["He runs. The dog runs home."], [leg], guards=LOOSE)
    assert leg.given == ["The dog runs home."]
    assert (made.text, made.kept) == ("He runs. THE DOG RUNS HOME.", ("too short",))


def test_a_sentence_with_an_endless_word_is_not_sent_and_kept():
    leg = Following(str.upper)
    endless = f"He reads {'abcdefghij' * 900}."
    [made] = back_translate([f"The dog runs home. {endless}"], [leg], retry=[leg], guards=LOOSE)
    assert leg.given == ["The dog runs home."]
    assert made.text == f"THE DOG RUNS HOME. {endless}"
    assert made.kept == ("word too long",)


def test_what_one_leg_could_not_do_goes_no_further_and_is_kept():
    there = Following(same, problems={"The dog runs home.": "engine failed", "The cat sleeps a lot.": "unfinished"})
    back = Following(str.upper)
    [made] = back_translate(["The dog runs home. The cat sleeps a lot. The cow eats grass."], [there, back], guards=LOOSE)
    assert back.given == ["The cow eats grass."]
    assert made.text == "The dog runs home. The cat sleeps a lot. THE COW EATS GRASS."
    assert made.kept == ("engine failed", "unfinished")


def test_a_sentence_that_came_back_the_same_is_neither_changed_nor_kept():
    [made] = back_translate(["The dog runs home."], [Following(same)], guards=LOOSE)
    assert (made.text, made.changed, made.kept) == ("The dog runs home.", 0, ())


def test_line_breaks_and_runs_of_spaces_within_a_sentence_do_not_reach_the_engine():
    leg = Following(same)
    [made] = back_translate(["  The dog\nruns   home.\n"], [leg], guards=LOOSE)
    assert leg.given == ["The dog runs home."]
    assert made.text == "  The dog runs home.\n"
    assert (made.changed, made.sentences) == (0, 1)


def test_a_long_sentence_goes_in_parts_and_is_put_together_again():
    leg = Following(str.upper)
    long = "The dog that lived in the old house ran home, and the cat that lived in the new house slept all day."
    [made] = back_translate([long], [leg], guards=LOOSE)
    assert len(leg.given) == 2
    assert made.text == long.upper()


def test_a_sentence_that_an_engine_loses_or_returns_twice_stops_the_work():
    class Losing(Following):
        def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
            yield from list(super().translate(sentences, seeds=seeds))[1:]

    class Doubling(Following):
        def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
            yield from [*super().translate(sentences, seeds=seeds), Translated(0, "again")]

    with pytest.raises(AssertionError, match="2 sentences went in, 1 came back"):
        pool.translate(Losing(same), ["The dog.", "The cat."], seeds=[0, 0])
    with pytest.raises(AssertionError, match="came back twice"):
        pool.translate(Doubling(same), ["The dog.", "The cat."], seeds=[0, 0])


def test_a_key_is_needed_for_each_text():
    with pytest.raises(ValueError, match="1 keys for 2 texts"):
        back_translate(["a", "b"], [Following(same)], keys=["x"])


def test_a_sentence_that_failed_a_guard_is_translated_once_more_with_another_decoding():
    answers = {"The dog runs home.": "", "The cat sleeps a lot.": "It sleeps, it sleeps, it sleeps."}
    first = Following(lambda sentence: answers.get(sentence, sentence.replace("eats", "chews")), draws=True)
    again = Following(lambda sentence: "A cat is sleeping." if "cat" in sentence else "", draws=True)
    text = "The dog runs home. The cat sleeps a lot. The cow eats grass."
    [made] = back_translate([text], [first], retry=[again], guards=LOOSE)
    assert again.given == ["The dog runs home.", "The cat sleeps a lot."]
    assert made.text == "The dog runs home. A cat is sleeping. The cow chews grass."
    assert made.kept == ("empty",)
    assert (made.retried, made.changed) == (1, 2)
    assert not set(first.seeds) & set(again.seeds)


def test_a_second_try_that_fails_too_keeps_the_first_reason():
    first = Following(lambda _: "")
    again = Following(lambda sentence: sentence + " " + sentence)
    [made] = back_translate(["The dog runs home."], [first], retry=[again], guards=LOOSE)
    assert (made.text, made.kept, made.retried) == ("The dog runs home.", ("empty",), 0)


def test_a_sentence_that_a_leg_copied_is_untranslated_even_where_the_next_leg_changes_it():
    back = Following(lambda sentence: sentence.replace("runs", "went"))
    [made] = back_translate(["The old dog runs home."], [Following(same), back])
    assert (made.text, made.kept) == ("The old dog runs home.", ("untranslated",))


def test_lost_numbers_and_names_are_counted_and_nothing_is_undone():
    def lose(sentence: str) -> str:
        return sentence.replace("1957", "the fifties").replace("Anna", "she")

    text = "In 1957 the young Anna leaves. The brother follows Anna. A dog waits at home."
    [made] = back_translate([text], [Following(lose)], guards=LOOSE)
    assert made.text == "In the fifties the young she leaves. The brother follows she. A dog waits at home."
    assert (made.numbers_lost, made.names_lost, made.kept) == (1, 2, ())


def test_the_progress_adds_up_to_the_sentences_of_all_legs():
    told: list[int] = []
    legs = [Following(str.upper, problems={"The cow eats grass.": "engine failed"}), Following(same)]
    back_translate(["The dog runs home. The cat sleeps a lot.", "The cow eats grass."], legs, guards=LOOSE, tick=told.append)
    assert sum(told) == 6
