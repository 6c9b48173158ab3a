"""From the run form of the Prefect page to plans, and back: a few plain parameters, and everything else as TOML."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError

from augment.text.spec import BackTranslationSpec
from datasets_cache import version as versions
from datasets_cache.frozen import Frozen
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from flows.options import merge, overrides_to_toml, without_none
from flows.pivots import check_route, fit_for
from flows.published import newest_plan
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from flows.wording import explain
from train.config import ModelName, WeightKind

RecipeChoice = Literal["newest", "demo", "own", "mmimdb", "moviescope"]
"""`newest`: the plan that the newest version was made by."""
PivotChoice = Literal["recipe", "fr", "de", "es", "it", "nl", "ru", "zh", "sv", "fi", "cs", "pt"]
"""Languages that models are known for, in both directions; `pt` is the embedded engine's."""
EngineChoice = Literal["recipe", "marian", "ctranslate2", "bergamot"]
Encoders = Literal["recipe", "embedded"]
Uda = Literal["both", "on", "off"]
Share = Annotated[float, Field(gt=0, le=1)]
Magnitude = Annotated[float, Field(ge=0, le=10)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Models = Annotated[list[ModelName], Field(min_length=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
"""What the page refuses before a run begins; the plans have the same bounds."""

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
        ValueError: a value that cannot be, or values that cannot go together; the message names the field.
    """
    base = _newest(cache) if recipe == "newest" else RECIPES[recipe]().augmentation
    others = read_overrides(overrides)
    changes = _augmentation_changes(
        base,
        source=source.strip(),
        sample=sample,
        pivot=_one_pivot(pivot, "".join(other_pivot.split())),
        engine=engine,
        magnitude=magnitude,
        views=views,
        rebuild=rebuild,
    )
    if "source" in changes and isinstance(base.source, BundledSource) and "source" not in others:
        msg = (
            f"source: the films of {'the newest version' if recipe == 'newest' else f'the recipe {recipe}'} are the bundled "
            "ones, which lie in no folder; leave source empty, or choose the recipe own, mmimdb or moviescope."
        )
        raise ValueError(msg)
    if base.text and "text" in changes:
        base = base.model_copy(update={"text": fit_for(base.text, changes["text"])})
    plan = _changed(base, changes, others)
    if plan.text:
        plan.text.normalised()
        check_route(plan.text)
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
    found = cache.version_manifest(versions.resolve(cache, version.strip() or "latest"))
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
    return _changed(plan, changes, read_overrides(overrides))


def parameters_of_augmentation(plan: AugmentationPlan) -> dict[str, Any]:
    """The form that gives `plan`: what `flows.augmentation.augmentation` is called with."""
    recipe = plan.name if plan.name in RECIPES else "demo"
    base = RECIPES[recipe]().augmentation
    form: dict[str, Any] = {"sample": plan.sample, "rebuild": plan.rebuild}
    root = None if isinstance(plan.source, BundledSource) else plan.source.root
    if root and plan.source.kind == base.source.kind and str(root).strip() == str(root):
        form |= {"source": str(root)}
    if plan.text:
        form |= {"pivot": plan.text.pivot, "engine": plan.text.engine}
    if plan.image:
        form |= {"magnitude": plan.image.magnitude}
    if plan.text and plan.image and plan.text.views == plan.image.views:
        form |= {"views": plan.text.views}
    rest = _difference(_changed(base, _augmentation_changes(base, **form), {}), plan)
    if plan.text and plan.text.pivot not in get_args(PivotChoice):
        form["other_pivot"] = form.pop("pivot")
    return {"recipe": recipe, **form, "overrides": rest}


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
    except (ValueError, OSError):
        return otherwise


def read_overrides(text: str) -> dict[str, Any]:
    """Settings written as TOML.

    Raises:
        ValueError: it is not TOML.
    """
    try:
        return without_none(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        msg = f'overrides: not TOML ({error}); write one setting a line, such as `sample = 0.5` or `text.decoding = "beam"`.'
        raise ValueError(msg) from error


def _newest(cache: Cache) -> AugmentationPlan:
    recipes = ", ".join(RECIPES)
    try:
        return newest_plan(cache)
    except ValidationError as error:
        there = f"the plan of the newest version there cannot be read ({error.error_count()} problems)"
        cause: Exception = error
    except ValueError as error:
        there, cause = "there is no version with a plan yet", error
    msg = f"recipe: newest takes the settings of the newest version in {cache.root}, but {there}; choose one of {recipes}."
    raise ValueError(msg) from cause


def _one_pivot(pivot: PivotChoice, other_pivot: str) -> str:
    if other_pivot and pivot != "recipe":
        msg = f"pivot is {pivot} and other_pivot is {other_pivot}; fill in other_pivot only where pivot is recipe."
        raise ValueError(msg)
    return other_pivot or pivot


def _augmentation_changes(
    base: AugmentationPlan,
    *,
    source: str = "",
    sample: float | None = None,
    pivot: str = "recipe",
    engine: EngineChoice = "recipe",
    magnitude: float | None = None,
    views: int | None = None,
    rebuild: bool = False,
) -> dict[str, Any]:
    """What a form changes of `base`; views of a kind that `base` has none of are made as soon as a field asks for them."""
    changes: dict[str, Any] = {"rebuild": rebuild}
    if source:
        changes["source"] = {"root": source}
    if sample is not None:
        changes["sample"] = sample
    text = {name: value for name, value in {"pivot": pivot, "engine": engine}.items() if value != "recipe"}
    image = {} if magnitude is None else {"magnitude": magnitude}
    more = {} if views is None else {"views": views}
    if text or (more and base.text):
        changes["text"] = (BackTranslationSpec().model_dump(mode="json") if base.text is None else {}) | text | more
    if image or (more and base.image):
        changes["image"] = image | more
    return changes


def _changed(plan: P, changes: Mapping[str, Any], overrides: Mapping[str, Any]) -> P:
    settings = plan.model_dump(mode="json")
    try:
        return type(plan).model_validate(merge(merge(settings, changes), overrides))
    except ValidationError as error:
        raise ValueError("; ".join(explain(error, overrides, settings))) from None


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
