"""The settings that decide a back-translation, and nothing else."""

from typing import Literal, Self

from pydantic import Field

from datasets_cache.frozen import Frozen

EngineName = Literal["marian", "bergamot"]
Decoding = Literal["sampling", "greedy", "beam"]
Precision = Literal["fp32", "bf16"]

OPUS_MT = "Helsinki-NLP/opus-mt-{source}-{target}"


class BackTranslationSpec(Frozen):
    """How plots are translated to a pivot language and back.

    Source:
        Xie et al., arXiv:1904.12848, section 2.2 and appendix; its code keeps the original by `min_chars` and
        `max_length_change` as here. Deviation: guards work on sentences, not on whole texts.
    """

    engine: EngineName = "marian"
    """`marian` runs any Marian checkpoint on CPU or CUDA; `bergamot` is embedded (English and Portuguese, CPU)."""
    source: str = "en"
    """Language of the plots."""
    pivot: str = "fr"
    """Language they pass through."""
    forward_model: str | None = None
    """`marian`: repository on the Hub or local folder, source to pivot; by default Helsinki-NLP/opus-mt-{source}-{pivot}."""
    forward_revision: str | None = None
    """`marian`: commit of the forward repository; by default the one pinned here, else the newest when it is first used."""
    backward_model: str | None = None
    """`marian`: likewise, pivot to source."""
    backward_revision: str | None = None
    """`marian`: commit of the backward repository."""
    decoding: Decoding | None = None
    """`sampling`, `greedy` or `beam`; by default sampling with `marian` (as in the paper) and greedy, the only one that it has,
    with `bergamot`."""
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
    dtype: Precision = "fp32"
    """`marian`: precision of weights and arithmetic."""
    min_chars: int = Field(default=10, ge=0)
    """A sentence is kept as the original where either text is shorter."""
    max_length_change: float = Field(default=0.5, gt=0)
    """A sentence is kept as the original where its length in characters changes by more than this share."""
    max_repeats: int = Field(default=2, ge=1)
    """A sentence is kept as the original where its translation repeats a phrase in a row more often than this, and more often
    than the original."""

    def model_for(self, leg: Literal["forward", "backward"]) -> tuple[str, str | None]:
        """Repository or folder of a leg's Marian model, and the revision to use (None: the newest)."""
        if leg == "forward":
            chosen, revision, source, target = self.forward_model, self.forward_revision, self.source, self.pivot
        else:
            chosen, revision, source, target = self.backward_model, self.backward_revision, self.pivot, self.source
        model = chosen or OPUS_MT.format(source=source, target=target)
        return model, revision or PINNED_REVISIONS.get(model)

    def normalised(self) -> Self:
        """The same back-translation, written one way: what its engine and decoding do not read is back at the default.

        The models are left out, they are named by their content.

        Raises:
            ValueError: settings that cannot go together.
        """
        decoding = self.decoding or ("greedy" if self.engine == "bergamot" else "sampling")
        _check(self, decoding)
        unread: set[str] = {"forward_model", "forward_revision", "backward_model", "backward_revision"}
        unread |= {"temperature", "top_k", "top_p", "seed"} if decoding != "sampling" else set()
        unread |= {"beams"} if decoding != "beam" else set()
        unread |= {"dtype"} if self.engine == "bergamot" else set()
        defaults = {name: type(self).model_fields[name].default for name in unread}
        return self.model_copy(update={**defaults, "decoding": decoding})


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
    if spec.source == spec.pivot:
        problems.append(f"source and pivot are both {spec.source!r}; choose a pivot that is another language")
    if spec.engine == "bergamot" and (spec.source, spec.pivot) != ("en", "pt"):
        problems.append(
            f"the embedded engine goes en → pt → en only, not {spec.source} → {spec.pivot} → {spec.source}; "
            "use `--text.pivot pt`, or `--text.engine marian` for other languages"
        )
    if spec.engine == "bergamot" and decoding != "greedy":
        problems.append(
            f"the embedded engine decodes greedily, not by {decoding}; "
            "leave `--text.decoding` out, or use `--text.engine marian`"
        )
    if spec.engine == "bergamot" and (spec.forward_model or spec.backward_model):
        problems.append("the embedded engine has its own models; leave the models out, or use `--text.engine marian`")
    if spec.views > 1 and decoding != "sampling":
        problems.append(
            f"{spec.views} views, but {decoding} decoding makes the same text each time; "
            "use `--text.views 1`, or `--text.engine marian --text.decoding sampling`"
        )
    if problems:
        raise ValueError("; ".join(problems) + ".")
