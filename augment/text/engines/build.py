"""From settings to the translators that a sentence passes through."""

from augment.text.engines.bergamot import BergamotTranslator
from augment.text.engines.protocol import Translator
from augment.text.spec import BackTranslationSpec


def translators(
    spec: BackTranslationSpec, *, device: str = "auto", threads: int | None = None, batch_tokens: int | None = None
) -> tuple[Translator, Translator]:
    """Source to pivot, and pivot to source. Loads no model.

    Args:
        spec: the settings.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None: as the engine likes it.
        batch_tokens: of a batch; None: as the device likes it.
    Raises:
        ValueError: settings that cannot go together.
    """
    decoding = spec.normalised().decoding
    assert decoding is not None, "normalised settings name the decoding"
    match spec.engine:
        case "bergamot":
            there = BergamotTranslator(spec.source, spec.pivot, threads=threads)
            return there, BergamotTranslator(spec.pivot, spec.source, threads=threads)
        case "marian":
            from augment.text.engines.marian import MarianTranslator  # torch and transformers take seconds

            def leg(source: str, target: str, model: str, revision: str | None, option: str) -> MarianTranslator:
                return MarianTranslator(
                    source, target, model, revision, decoding=decoding, temperature=spec.temperature, top_k=spec.top_k,
                    top_p=spec.top_p, beams=spec.beams, dtype=spec.dtype, device=device, threads=threads,
                    batch_tokens=batch_tokens, option=option,
                )  # fmt: skip

            forward, backward = spec.model_for("forward"), spec.model_for("backward")
            return (
                leg(spec.source, spec.pivot, *forward, "--text.forward_model"),
                leg(spec.pivot, spec.source, *backward, "--text.backward_model"),
            )
