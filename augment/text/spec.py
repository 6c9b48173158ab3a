"""The settings that decide a back-translation, and nothing else."""

from typing import Annotated, Literal, Self

from pydantic import Field

from datasets_cache.frozen import Frozen

EngineName = Literal["marian", "ctranslate2", "bergamot"]
Decoding = Literal["sampling", "greedy", "beam"]
Precision = Literal["fp32", "bf16", "int8", "int8_float16"]
Direction = Annotated[str, Field(pattern=r"^[A-Za-z_]{2,}-[A-Za-z_]{2,}$")]
"""Such as ``en-fr``."""

OPUS_MT = "Helsinki-NLP/opus-mt-{source}-{target}"

PRECISIONS: dict[EngineName, tuple[Precision, ...]] = {
    "marian": ("fp32", "bf16"),
    "ctranslate2": ("int8", "int8_float16", "fp32"),
    "bergamot": ("int8",),
}
"""Precisions that each engine has; the first is its default."""

RETRY: dict[Decoding, Decoding] = {"sampling": "beam", "greedy": "beam", "beam": "sampling"}
"""How a sentence that failed a guard is decoded the second time."""


class BackTranslationSpec(Frozen):
    """How plots are translated to a pivot language, or along several, and back.

    Source:
        Xie et al., arXiv:1904.12848, section 2.2 and appendix; its code keeps the original by `min_chars` and
        `max_length_change` as here. Deviation: guards work on sentences, not on whole texts; the other guards are ours.
    """

    engine: EngineName = "marian"
    """`marian` runs any Marian checkpoint on CPU or CUDA; `ctranslate2` runs the same checkpoints converted, several times as
    fast on a CPU; `bergamot` is embedded (English and Portuguese, CPU)."""
    source: str = Field(default="en", pattern=r"^[A-Za-z_]{2,}$")
    """Language of the plots."""
    pivot: str = Field(default="fr", pattern=r"^[A-Za-z_]{2,}(,[A-Za-z_]{2,})*$")
    """Language that they pass through, or several in turn: `fr,de` goes to French, on to German, and back."""
    models: dict[Direction, str] = {}
    """Repository on the Hub or local folder of a direction's Marian checkpoint, such as `en-fr=PATH`; by default
    Helsinki-NLP/opus-mt-{source}-{target}."""
    revisions: dict[Direction, str] = {}
    """Commit of a direction's repository; by default the one pinned here, else the newest when it is first used."""
    target_codes: dict[Direction, str] = {}
    """Checkpoints with several target languages: the code to ask for, such as `en-fr=fra`; by default found by the language."""
    decoding: Decoding | None = None
    """`sampling`, `greedy` or `beam`; by default sampling (as in the paper), and greedy, the only one that it has, with
    `bergamot`."""
    temperature: float = Field(default=0.8, gt=0, le=2)
    """Sampling: logits are divided by it; the paper uses 0.6 to 0.9, above 1 sentences get invented."""
    top_k: int | None = Field(default=None, ge=1)
    """Sampling: draw among the k likeliest tokens; None draws among all."""
    top_p: float | None = Field(default=None, gt=0, lt=1)
    """Sampling: draw among the likeliest tokens that together have this probability; None draws among all."""
    beams: int = Field(default=4, ge=2)
    """Beam: width."""
    views: int = Field(default=1, ge=1)
    """Back-translations of each film; more than one needs sampling."""
    seed: int = Field(default=1, ge=0)
    """Sampling: seed; each sentence draws from (seed, film, view, sentence)."""
    dtype: Precision | None = None
    """Precision: `marian` fp32 (default) or bf16; `ctranslate2` int8 (default), int8_float16 or fp32."""
    retry: bool = True
    """Whether a sentence that fails a guard is translated once more with another decoding (beam after sampling or greedy,
    sampling after beam) before it is kept; `bergamot` has no other."""
    min_chars: int = Field(default=10, ge=0)
    """A sentence is kept as the original where either text is shorter."""
    max_length_change: float = Field(default=0.5, gt=0)
    """A sentence is kept as the original where its length in characters changes by more than this share."""
    max_repeats: int = Field(default=2, ge=1)
    """A sentence is kept as the original where its translation repeats a phrase in a row more often than this, and more often
    than the original."""
    check_copies: bool = True
    """Whether a sentence that a model copied instead of translating it is kept as the original."""
    check_language: bool = True
    """Whether a sentence that came back in another language is kept as the original."""

    @property
    def pivots(self) -> tuple[str, ...]:
        """The languages on the way."""
        return tuple(self.pivot.split(","))

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """From the source along the pivots and back, as pairs of languages.

        Examples:
            >>> BackTranslationSpec(pivot="fr,de").directions
            (('en', 'fr'), ('fr', 'de'), ('de', 'en'))
        """
        stops = (self.source, *self.pivots, self.source)
        return tuple(zip(stops[:-1], stops[1:], strict=True))

    def model_for(self, source: str, target: str) -> tuple[str, str | None]:
        """Repository or folder of a direction's Marian checkpoint, and the revision to use (None: the newest)."""
        direction = f"{source}-{target}"
        model = self.models.get(direction) or OPUS_MT.format(source=source, target=target)
        return model, self.revisions.get(direction) or PINNED_REVISIONS.get(model)

    def normalised(self) -> Self:
        """The same back-translation, written one way: what its engine and decoding do not read is back at the default.

        The models are left out, they are named by their content.

        Raises:
            ValueError: settings that cannot go together.
        """
        decoding = self.decoding or ("greedy" if self.engine == "bergamot" else "sampling")
        _check(self, decoding)
        used: set[Decoding] = {decoding, RETRY[decoding]} if self.retry and self.engine != "bergamot" else {decoding}
        unread: set[str] = {"models", "revisions"}
        unread |= {"temperature", "top_k", "top_p", "seed"} if "sampling" not in used else set()
        unread |= {"beams"} if "beam" not in used else set()
        unread |= {"dtype", "retry", "target_codes"} if self.engine == "bergamot" else set()
        defaults = {name: type(self).model_fields[name].get_default() for name in unread}
        dtype = {} if "dtype" in unread else {"dtype": self.dtype or PRECISIONS[self.engine][0]}
        return self.model_copy(update={**defaults, **dtype, "decoding": decoding})


PINNED_REVISIONS = {
    "Helsinki-NLP/opus-mt-en-fr": "dd7f6540a7a48a7f4db59e5c0b9c42c8eea67f18",
    "Helsinki-NLP/opus-mt-fr-en": "c4aed37b318c763fd177aa449b44e3b783cc6c02",
    "Helsinki-NLP/opus-mt-en-es": "5bc4493d463cf000c1f0b50f8d56886a392ed4ab",
    "Helsinki-NLP/opus-mt-es-en": "c96e2c5399ebfae4fc43d9669556b9afa74bb69d",
    "Helsinki-NLP/opus-mt-en-de": "6183067f769a302e3861815543b9f312c71b0ca4",
    "Helsinki-NLP/opus-mt-de-en": "1a922f3b32a8e809e17a47d4b32142d8105924e5",
}
"""Commits that several independent public projects pin; other pairs are resolved, and recorded, when they are first used."""


def _check(spec: BackTranslationSpec, decoding: Decoding) -> None:
    problems: list[str] = []
    route = " → ".join((spec.source, *spec.pivots, spec.source))
    if any(source == target for source, target in spec.directions):
        problems.append(f"{route} translates a language into itself; choose a pivot that is another language")
    directions = {f"{source}-{target}" for source, target in spec.directions}
    if strange := sorted((spec.models.keys() | spec.revisions.keys() | spec.target_codes.keys()) - directions):
        problems.append(f"models, revisions or target codes for {strange}, but the way is {route}, {sorted(directions)}")
    if spec.engine == "bergamot" and (spec.source, spec.pivot) != ("en", "pt"):
        problems.append(
            f"the embedded engine goes en → pt → en only, not {route}; "
            "use `--text.pivot pt`, or `--text.engine marian` for other languages"
        )
    if spec.engine == "bergamot" and decoding != "greedy":
        problems.append(
            f"the embedded engine decodes greedily, not by {decoding}; "
            "leave `--text.decoding` out, or use `--text.engine marian`"
        )
    if spec.engine == "bergamot" and spec.models:
        problems.append("the embedded engine has its own models; leave the models out, or use `--text.engine marian`")
    if spec.dtype and spec.dtype not in PRECISIONS[spec.engine]:
        precisions = " or ".join(PRECISIONS[spec.engine])
        problems.append(f"{spec.engine} has no precision {spec.dtype}; use `--text.dtype` {precisions}, or leave it out")
    if spec.views > 1 and decoding != "sampling":
        problems.append(
            f"{spec.views} views, but {decoding} decoding makes the same text each time; "
            "use `--text.views 1`, or `--text.engine marian --text.decoding sampling`"
        )
    if problems:
        raise ValueError("; ".join(problems) + ".")
