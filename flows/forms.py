"""From the run form of the Prefect page to plans, and back: a few plain parameters, and everything else as TOML."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args

from pydantic import ValidationError

from augment.text.spec import BackTranslationSpec
from datasets_cache import version as versions
from datasets_cache.frozen import Frozen
from datasets_cache.store import Cache
from flows.options import explain, merge, overrides_to_toml, without_none
from flows.published import newest_plan
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from train.config import ModelName, WeightKind

RecipeChoice = Literal["newest", "demo", "mmimdb", "moviescope"]
"""`newest`: the plan that the newest version was made by."""
PivotChoice = Literal["recipe", "fr", "de", "es", "it", "nl", "ru", "zh", "sv", "fi", "cs", "pt"]
"""Languages that models are known for, in both directions; `pt` is the embedded engine's."""
EngineChoice = Literal["recipe", "marian", "ctranslate2", "bergamot"]
Encoders = Literal["recipe", "embedded"]
Uda = Literal["both", "on", "off"]

P = TypeVar("P", bound=Frozen)


def augmentation_plan(
    *,
    cache: Cache,
    recipe: RecipeChoice = "newest",
    source: str = "",
    sample: float | None = None,
    pivot: PivotChoice = "recipe",
    other_pivot: str = "",
    engine: EngineChoice = "recipe",
    magnitude: float | None = None,
    views: int | None = None,
    rebuild: bool = False,
    overrides: str = "",
) -> AugmentationPlan:
    """The plan that a filled form asks for; see `flows.augmentation.augmentation` for the parameters.

    Raises:
        ValueError: a value that cannot be; the message has every problem and names the field.
    """
    plan = newest_plan(cache) if recipe == "newest" else RECIPES[recipe]().augmentation
    changes: dict[str, Any] = {"rebuild": rebuild}
    if source:
        changes["source"] = {"root": source}
    if sample is not None:
        changes["sample"] = sample
    text = _text_changes(pivot, other_pivot, engine, views)
    if text:
        changes["text"] = text if plan.text else {**BackTranslationSpec().model_dump(mode="json"), **text}
    image = {name: value for name, value in {"magnitude": magnitude, "views": views}.items() if value is not None}
    if image:
        changes["image"] = image
    plan = _changed(_changed(plan, changes), read_overrides(overrides))
    if plan.text:
        plan.text.normalised()
    return plan


def training_plan(
    *,
    cache: Cache,
    version: str = "latest",
    models: Sequence[ModelName] = ("bert", "resnet", "mmbt"),
    uda: Uda = "both",
    weight: float = 1.0,
    schedule: WeightKind = "constant",
    seeds: Sequence[int] = (1,),
    epochs: int | None = None,
    encoders: Encoders = "recipe",
    overrides: str = "",
) -> TrainingPlan:
    """The plan that a filled form asks for; see `flows.training.training` for the parameters.

    Raises:
        ValueError: a value that cannot be, or an unknown version; the message has every problem and names the field.
    """
    found = cache.version_manifest(versions.resolve(cache, version))
    named = str(found.spec["name"])
    plan = RECIPES[named]().training if named in RECIPES else TrainingPlan()
    changes: dict[str, Any] = {
        "version": found.id,
        "models": list(models),
        "uda": uda,
        "seeds": list(seeds),
        "encoders": encoders,
        "consistency": {"weight": weight, "schedule": {"kind": schedule}},
    }
    if epochs is not None:
        changes["optim"] = {"max_epochs": epochs}
    return _changed(_changed(plan, changes), read_overrides(overrides))


def parameters_of_augmentation(plan: AugmentationPlan, *, cache: Cache) -> dict[str, Any]:
    """The form that gives `plan`: what `flows.augmentation.augmentation` is called with."""
    text, known = plan.text, get_args(PivotChoice)
    form: dict[str, Any] = {
        "recipe": plan.name if plan.name in RECIPES else "demo",
        "sample": plan.sample,
        "rebuild": plan.rebuild,
    }
    if text:
        form |= {"pivot": text.pivot} if text.pivot in known else {"other_pivot": text.pivot}
        form |= {"engine": text.engine}
    if plan.image:
        form |= {"magnitude": plan.image.magnitude}
    plain: dict[str, Any] = {
        "engine": "recipe",
        "pivot": "recipe",
        "other_pivot": "",
    }  # the engine and its pivot may need the rest
    base = augmentation_plan(cache=cache, **{**form, **plain})
    return form | {"overrides": _difference(base, plan)}


def parameters_of_training(plan: TrainingPlan, *, cache: Cache) -> dict[str, Any]:
    """The form that gives `plan`: what `flows.training.training` is called with."""
    form: dict[str, Any] = {
        "version": versions.resolve(cache, plan.version),
        "models": list(plan.models),
        "uda": plan.uda,
        "weight": plan.consistency.weight,
        "schedule": plan.consistency.schedule.kind,
        "seeds": list(plan.seeds),
        "epochs": plan.optim.max_epochs,
        "encoders": plan.encoders,
    }
    same = plan.model_copy(update={"version": form["version"]})
    return form | {"overrides": _difference(training_plan(cache=cache, **form), same)}


def named(plan: Callable[[], AugmentationPlan | TrainingPlan], *, otherwise: str) -> str:
    """The plan's summary as a run's name; `otherwise` where the form gives no plan, which the run itself will say."""
    try:
        return plan().summary()
    except ValueError:
        return otherwise


def read_overrides(text: str) -> dict[str, Any]:
    """Settings written as TOML.

    Raises:
        ValueError: it is not TOML.
    """
    try:
        return without_none(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        msg = f"overrides: not TOML ({error}); write lines such as `evaluation_sample = 1.0`, and tables such as `[text]`."
        raise ValueError(msg) from error


def _text_changes(pivot: PivotChoice, other_pivot: str, engine: EngineChoice, views: int | None) -> dict[str, Any]:
    if other_pivot and pivot != "recipe":
        msg = f"pivot is {pivot!r} and other_pivot is {other_pivot!r}; fill in one of them."
        raise ValueError(msg)
    changes: dict[str, Any] = {}
    if chosen := other_pivot.replace(" ", "") or (pivot if pivot != "recipe" else ""):
        changes["pivot"] = chosen
    if engine != "recipe":
        changes["engine"] = engine
    if views is not None:
        changes["views"] = views
    return changes


def _changed(plan: P, changes: Mapping[str, Any]) -> P:
    try:
        return type(plan).model_validate(merge(plan.model_dump(mode="json"), changes))
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def _difference(base: Frozen, plan: Frozen) -> str:
    """As TOML, the settings of `plan` that differ from those of `base`."""
    return overrides_to_toml(_apart(base.model_dump(mode="json"), plan.model_dump(mode="json")))


def _apart(base: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in plan.items():
        below = base.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and value.get("kind") == below.get("kind"):
            if inner := _apart(below, value):
                found[key] = inner
        elif value != below:
            found[key] = value
    return found
