"""What another pivot or engine means for a back-translation: what of it no longer applies, and which models there are."""

from collections.abc import Mapping
from typing import Any

from augment.text.engines import opus_mt
from augment.text.spec import PRECISIONS, BackTranslationSpec

_BY_DIRECTION = ("models", "revisions", "target_codes")


def fit_for(text: BackTranslationSpec, changes: Mapping[str, Any]) -> BackTranslationSpec:
    """`text` without what cannot go with another pivot or engine: models of other directions, a precision that it lacks.

    Args:
        text: of an earlier plan.
        changes: of its fields, `pivot` and `engine` among them; they are not made here.
    """
    ways = {f"{one}-{other}" for one, other in text.model_copy(update=dict(changes)).directions}
    engine = changes.get("engine", text.engine)
    if engine == "bergamot":
        return text.model_copy(update={**dict.fromkeys(_BY_DIRECTION, {}), "decoding": None, "dtype": None})
    kept: dict[str, Any] = {
        name: {way: value for way, value in getattr(text, name).items() if way in ways} for name in _BY_DIRECTION
    }
    return text.model_copy(update=kept | {"dtype": text.dtype if text.dtype in PRECISIONS.get(engine, ()) else None})


def check_route(text: BackTranslationSpec) -> None:
    """Say at once what the engine would say after the sample is taken.

    Raises:
        ValueError: no model is named for a direction that opus-mt is not known to have.
    """
    if text.engine == "bergamot":
        return
    problems = [
        advice
        for source, target in text.directions
        if f"{source}-{target}" not in text.models and (advice := opus_mt.advice(source, target))
    ]
    if not problems:
        return
    embedded = ["Or take `--text.engine bergamot`, which has en → pt → en built in."] if text.pivot == "pt" else []
    others = opus_mt.known(*text.directions[0]) if not embedded else ""
    raise ValueError(" ".join([f"`--text.pivot {text.pivot}`:", *dict.fromkeys(problems), *embedded, others]).strip())
