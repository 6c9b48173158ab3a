"""Back-translation in one call: a list of texts and the settings."""

from collections.abc import Sequence

from augment.text.back_translation import BackTranslated, back_translate
from augment.text.engines.build import guards, retry_translators, translators
from augment.text.spec import BackTranslationSpec


def round_trip(
    texts: Sequence[str],
    spec: BackTranslationSpec,
    *,
    keys: Sequence[str] | None = None,
    view: int = 0,
    device: str = "auto",
    threads: int | None = None,
) -> list[BackTranslated]:
    """Translate `texts` to the pivot language and back, sentence by sentence, guarded, as a shelf's plots are.

    Models are loaded when they are first used and stay in memory.

    Args:
        texts: any; an empty one stays empty.
        spec: the settings; its `views` is how many a shelf has, here one is made.
        keys: names of the texts, for the randomness of sampling; by default their positions.
        view: which of several back-translations, for the randomness.
        device: `auto`, `cpu` or `cuda`.
        threads: of the CPU; None: all that this process may use.

    Returns:
        One result a text, in their order.

    Raises:
        MissingModel: a model is not on this machine; the message says how it comes there.
        ValueError: settings that cannot go together, or `keys` does not name each text.

    Examples:
        >>> from augment.text.spec import BackTranslationSpec
        >>> spec = BackTranslationSpec(engine="bergamot", pivot="pt")
        >>> [made] = round_trip(["A captain loses his ship in a storm. Nobody believes his story."], spec)
        >>> made.text
        'A captain loses his ship in a storm. No one believes in his story.'
        >>> made.sentences, made.changed, made.kept
        (2, 1, ())
    """
    return back_translate(
        texts,
        translators(spec, device=device, threads=threads),
        retry=retry_translators(spec, device=device, threads=threads),
        keys=keys,
        view=view,
        seed=spec.seed,
        guards=guards(spec),
    )
