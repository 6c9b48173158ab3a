"""What an engine offers: one direction of translation, sentence by sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

Problem = Literal["engine failed", "unfinished"]


class MissingModel(ValueError):  # noqa: N818  # it names what is the matter, as callers read it
    """A model is neither on this machine nor within reach; the message names it and the ways out."""


class Encoded(NamedTuple):
    """A sentence as an engine takes it, tokenised once."""

    text: str
    """The sentence."""
    tokens: Sequence[int] = ()
    """Its token ids, the end mark included; empty where the engine tokenises within."""


class Translated(NamedTuple):
    """One sentence, translated."""

    position: int
    """Which of the sentences that were handed in."""
    text: str
    """The translation, empty where the engine failed."""
    problem: Problem | None = None
    """`engine failed`: there is none; `unfinished`: it ran into the length limit before it ended."""


class Translator(Protocol):
    """One direction of one engine. Making one is cheap: its model is loaded when it is first needed, once a process."""

    @property
    def direction(self) -> str:
        """For people: ``en → fr``."""
        ...

    @property
    def models(self) -> Mapping[str, str]:
        """What decides the translations beside the settings: model → revision or checksum. Loads nothing."""
        ...

    @property
    def draws(self) -> bool:
        """Whether a translation depends on its seed."""
        ...

    def load(self) -> None:
        """Load the model now.

        Raises:
            MissingModel: it is neither on this machine nor within reach.
        """
        ...

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        """Tokenise `sentences`; None for each that the model does not take whole."""
        ...

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:
        """Translate `sentences`; every position comes once, in the order in which they are done.

        Several threads may call it at once.

        Args:
            sentences: as `encode` gave them; not empty, without line breaks.
            seeds: one a sentence; a translation depends on its sentence and its seed alone.
        """
        ...
