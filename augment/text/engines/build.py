"""From settings to the translators that a sentence passes through, and to the guards behind them."""

from collections.abc import Callable

from augment.text.engines.bergamot import BergamotTranslator
from augment.text.engines.protocol import Translator
from augment.text.quality import Guards
from augment.text.spec import RETRY, BackTranslationSpec, Decoding

Leg = Callable[[str, str], Translator]
"""A translator from one language to another."""


def translators(
    spec: BackTranslationSpec, *, device: str = "auto", threads: int | None = None, batch_tokens: int | None = None
) -> tuple[Translator, ...]:
    """From the source along the pivots and back. Loads no model.

    Args:
        spec: the settings.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None: all that this process may use.
        batch_tokens: of a batch; None: as the device likes it.
    Raises:
        ValueError: settings that cannot go together.

    Examples:
        >>> [leg.direction for leg in translators(BackTranslationSpec(engine="bergamot", pivot="pt"))]
        ['en → pt', 'pt → en']
    """
    decoding = spec.normalised().decoding
    assert decoding is not None, "normalised settings name the decoding"
    leg = _legs(spec, decoding, device=device, threads=threads, batch_tokens=batch_tokens)
    return tuple(leg(source, target) for source, target in spec.directions)


def retry_translators(
    spec: BackTranslationSpec, *, device: str = "auto", threads: int | None = None, batch_tokens: int | None = None
) -> tuple[Translator, ...]:
    """Those of `translators` with another decoding, for sentences that failed a guard; none where there is no other.

    They use the same models, in memory once.

    Raises:
        ValueError: settings that cannot go together.
    """
    decoding = spec.normalised().decoding
    if not spec.retry or spec.engine == "bergamot" or decoding is None:
        return ()
    leg = _legs(spec, RETRY[decoding], device=device, threads=threads, batch_tokens=batch_tokens)
    return tuple(leg(source, target) for source, target in spec.directions)


def guards(spec: BackTranslationSpec) -> Guards:
    """When a sentence is kept as the original.

    Raises:
        ValueError: a language that the detector does not know.
    """
    return Guards(
        min_chars=spec.min_chars,
        max_length_change=spec.max_length_change,
        max_repeats=spec.max_repeats,
        untranslated=spec.check_copies,
        language=spec.source if spec.check_language else None,
        pivots=spec.pivots,
    )


def _legs(spec: BackTranslationSpec, decoding: Decoding, *, device: str, threads: int | None, batch_tokens: int | None) -> Leg:
    dtype = spec.normalised().dtype
    match spec.engine:
        case "bergamot":

            def bergamot(source: str, target: str) -> Translator:
                return BergamotTranslator(source, target, threads=threads)

            return bergamot
        case "marian":
            from augment.text.engines.marian import MarianTranslator  # torch and transformers take seconds

            assert dtype in ("fp32", "bf16"), "normalised settings have a precision of the engine"

            def marian(source: str, target: str) -> Translator:
                return MarianTranslator(
                    source, target, *spec.model_for(source, target), target_code=spec.target_codes.get(f"{source}-{target}"),
                    decoding=decoding, temperature=spec.temperature, top_k=spec.top_k, top_p=spec.top_p, beams=spec.beams,
                    dtype=dtype, device=device, threads=threads, batch_tokens=batch_tokens,
                )  # fmt: skip

            return marian
        case "ctranslate2":
            from augment.text.engines.ct2 import CTranslate2Translator

            assert dtype in ("int8", "int8_float16", "fp32"), "normalised settings have a precision of the engine"

            def ctranslate2(source: str, target: str) -> Translator:
                return CTranslate2Translator(
                    source, target, *spec.model_for(source, target), target_code=spec.target_codes.get(f"{source}-{target}"),
                    decoding=decoding, temperature=spec.temperature, top_k=spec.top_k, top_p=spec.top_p, beams=spec.beams,
                    dtype=dtype, device=device, threads=threads, batch_tokens=batch_tokens,
                )  # fmt: skip

            return ctranslate2
