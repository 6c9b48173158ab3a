"""A Marian checkpoint's tokeniser, from its files alone, and the code of the target language where it has several."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from langcodes import Language, LanguageTagError, tag_distance
from sentencepiece import SentencePieceProcessor


@dataclass(frozen=True)
class Tokens:
    """A checkpoint's tokeniser in one direction; safe to use from several threads at once.

    Source:
        `MarianTokenizer` of transformers. Deviation: what a text says is text, also where it looks like a token
        (``</s>``, ``>>fr<<``), so that a plot neither ends its own translation nor chooses its language; codes of languages
        are left out of what is decoded, as the other special tokens are.
    """

    language: int | None
    """Id of the token that asks for the target language, None where the checkpoint has one target."""
    _vocabulary: "_Vocabulary"

    def encode(self, sentences: Sequence[str]) -> list[list[int]]:
        """Ids of each sentence: the target language if any, the pieces, the end mark. Nothing is cut."""
        ids, unknown = self._vocabulary.source, self._vocabulary.unknown
        head = [] if self.language is None else [self.language]
        rows: list[list[str]] = self._vocabulary.source_pieces.encode(list(sentences), out_type=str, num_threads=1)
        return [[*head, *[ids.get(piece, unknown) for piece in row], self._vocabulary.end] for row in rows]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Text of each row of ids, without special tokens."""
        names = self._vocabulary.target_names
        pieces = [[names[number] for number in row if number in names] for row in rows]
        texts: list[str] = self._vocabulary.target_pieces.decode(pieces, num_threads=1) if pieces else []
        return [text.replace("▁", " ").strip() for text in texts]

    def to_pieces(self, ids: Sequence[int]) -> list[str]:
        """Names of the ids of one encoded sentence."""
        return [self._vocabulary.source_names[number] for number in ids]

    def from_pieces(self, pieces: Sequence[str]) -> list[int]:
        """Ids of the pieces of one translation, as `decode` takes them."""
        return [self._vocabulary.target.get(piece, self._vocabulary.unknown) for piece in pieces]


def load(folder: Path, *, target: str, target_code: str | None = None, source: str = "SOURCE") -> Tokens:
    """The tokeniser of a checkpoint's folder, with the code of the target language where the checkpoint has several.

    Args:
        folder: as `checkpoints.locate` gives it; read once a process.
        target: language to translate to.
        target_code: the code to ask for, without ``>>`` and ``<<``; None: the one of `target`.
        source: language to translate from, for messages.
    Raises:
        ValueError: the checkpoint has no such code, none that is certainly the target's, or no codes at all.
    """
    vocabulary = _read(folder)
    return Tokens(_language(vocabulary.codes, folder, f"{source}-{target}", target, target_code), vocabulary)


@dataclass(frozen=True)
class _Vocabulary:
    source: Mapping[str, int]
    target: Mapping[str, int]
    source_names: Mapping[int, str]
    target_names: Mapping[int, str]
    """Without those that are no text."""
    source_pieces: SentencePieceProcessor
    target_pieces: SentencePieceProcessor
    codes: Mapping[str, int]
    """Language codes and the ids of their tokens."""
    end: int
    unknown: int


@cache
def _read(folder: Path) -> _Vocabulary:
    config = _json(folder / "tokenizer_config.json")
    source = cast("dict[str, int]", _json(folder / "vocab.json"))
    apart = bool(config.get("separate_vocabs"))
    target = cast("dict[str, int]", _json(folder / "target_vocab.json")) if apart else source
    end, unknown, pad = (_name(config, key, name) for key, name in _SPECIAL.items())
    if absent := [name for name in (end, unknown) if name not in source or name not in target]:
        msg = f"{folder}: {absent} missing from the vocabulary. Give a Marian checkpoint as `save_pretrained` writes it."
        raise ValueError(msg)
    silent = {end, unknown, pad, *(f">>{code}<<" for code in _codes(target))}
    return _Vocabulary(
        source=source,
        target=target,
        source_names={number: name for name, number in source.items()},
        target_names={number: name for name, number in target.items() if name not in silent},
        source_pieces=SentencePieceProcessor(model_file=str(folder / "source.spm")),
        target_pieces=SentencePieceProcessor(model_file=str(folder / "target.spm")),
        codes=_codes(source),
        end=source[end],
        unknown=source[unknown],
    )


_SPECIAL = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _name(config: Mapping[str, Any], key: str, default: str) -> str:
    named = config.get(key, default)
    return named["content"] if isinstance(named, dict) else named


def _codes(vocabulary: Mapping[str, int]) -> dict[str, int]:
    return {name[2:-2]: number for name, number in vocabulary.items() if name.startswith(">>") and name.endswith("<<")}


def _language(codes: Mapping[str, int], folder: Path, direction: str, target: str, target_code: str | None) -> int | None:
    """Id of the token for the target language; None where there is nothing to choose."""
    if not codes:
        if target_code is None:
            return None
        msg = f"{folder} has one target language, there is no code {target_code!r} to ask for; leave the target code out."
        raise ValueError(msg)
    if target_code is not None:
        if target_code in codes:
            return codes[target_code]
        msg = f"{folder} has no target code {target_code!r}; it has {_listed(codes)}."
        raise ValueError(msg)
    for same in (target, _alpha3(target)):
        if same is not None and same in codes:
            return codes[same]
    near = sorted(code for code in codes if _same_language(target, code))
    if len(near) == 1:
        return codes[near[0]]
    hint = f" (nearest: {', '.join(near)})" if near else ""
    msg = (
        f"{folder} has several target languages, and none of its codes is certainly {target!r}{hint}; name one with "
        f"`--text.target_codes {direction}=CODE`: {_listed(codes)}."
    )
    raise ValueError(msg)


def _listed(codes: Mapping[str, int], most: int = 60) -> str:
    rest = f" and {len(codes) - most} more in its vocab.json" if len(codes) > most else ""
    return ", ".join(sorted(codes)[:most]) + rest


def _alpha3(language: str) -> str | None:
    """ISO 639-3 code."""
    try:
        return Language.get(language).to_alpha3()
    except (LookupError, LanguageTagError):
        return None


def _same_language(target: str, code: str) -> bool:
    """Whether CLDR takes one for the other: deprecated codes, a macro-language and its dominant member, likely scripts."""
    try:
        return tag_distance(target, code) <= 1
    except LanguageTagError:
        return False
