"""Runs gathered into what a comparison has rows for: one model under one set of settings, over its seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets_cache.fingerprint import canonical_json
from train.config import MODELS, ModelName, RunConfig, UdaConfig
from train.records import RunResult

MODEL_TITLES: dict[ModelName, str] = {"bert": "BERT", "resnet": "ResNet", "mmbt": "MMBT"}

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """Runs that differ in their seed alone."""

    model: ModelName
    """Model."""
    uda: bool
    """With or without the consistency term."""
    label: str
    """Settings that tell it from the model's other variants, such as ``schedule.kind adaptive``; mostly empty."""
    settings: str
    """Its text, image, optim and compute settings, canonical: a variant with UDA is compared with the base of the same."""
    results: tuple[RunResult, ...]
    """Its runs, seeds in rising order."""

    @property
    def title(self) -> str:
        """``MMBT``, ``MMBT + UDA``, ``MMBT + UDA · unlabelled 1.0``."""
        return f"{MODEL_TITLES[self.model]}{' + UDA' if self.uda else ''}{f' · {self.label}' if self.label else ''}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs."""
        return tuple(result.seed for result in self.results)


def variants(results: Sequence[RunResult]) -> list[Variant]:
    """Group runs by model and settings: models in fixed order, each base before what has UDA on the same settings.

    A label names the settings that differ among the model's runs, where they are not the ones a `RunConfig` has by default;
    those of the consistency term without their ``uda.``.

    Raises:
        ValueError: no result, several cache versions, or one model, variant and seed twice.
    """
    versions = sorted({result.version for result in results})
    if len(versions) != 1:
        found = f"results of {len(versions)} cache versions: {versions}" if versions else "no result"
        msg = f"{found}; a comparison needs finished runs on one version."
        raise ValueError(msg)
    return [variant for model in MODELS for variant in _of_model(model, [one for one in results if one.model == model])]


def base_of(variant: Variant, among: Sequence[Variant]) -> Variant | None:
    """The base that `variant` is to be compared with: the same model and settings, without UDA."""
    same = (one for one in among if not one.uda and (one.model, one.settings) == (variant.model, variant.settings))
    return next(same, None)


def flat(value: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level: ``{"optim": {"patience": 5}}`` becomes ``{"optim.patience": 5}``."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flat(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {f"{prefix}{key}": inner}
    return found


def _of_model(model: ModelName, results: Sequence[RunResult]) -> list[Variant]:
    groups: dict[str, dict[int, RunResult]] = {}
    for result in results:
        seeds = groups.setdefault(canonical_json([_shared(result.config), _consistency(result.config)]), {})
        if result.seed in seeds:
            msg = f"{seeds[result.seed].run} and {result.run} are the same model, settings and seed; compare one of them."
            raise ValueError(msg)
        seeds[result.seed] = result
    firsts = [next(iter(seeds.values())).config for seeds in groups.values()]
    differing = _differing([_shared(config) for config in firsts])
    differing_uda = _differing([_consistency(config) for config in firsts if config.uda])
    plain, plain_uda = _shared(RunConfig(version="", model=model)), flat(UdaConfig().model_dump(mode="json"))
    found: list[tuple[Any, Variant]] = []
    for seeds, config in zip(groups.values(), firsts, strict=True):
        shared, uda = _shared(config), _consistency(config)
        named = [(key, shared[key]) for key in differing if shared[key] != plain[key]]
        named_uda = [(key, uda[key]) for key in differing_uda if uda and uda[key] != plain_uda[key]]
        label = ", ".join(f"{key} {_short(value)}" for key, value in [*named_uda, *named])
        runs = tuple(result for _, result in sorted(seeds.items()))
        order = (len(named), [_rank(*one) for one in named], bool(uda), len(named_uda), [_rank(*one) for one in named_uda])
        found.append((order, Variant(model, config.uda is not None, label, canonical_json(shared), runs)))
    return [variant for _, variant in sorted(found, key=lambda pair: pair[0])]


def _shared(config: RunConfig) -> Settings:
    """Settings that runs with and without UDA have in common."""
    return flat(config.model_dump(mode="json", include={"text", "image", "optim", "compute"}))


def _consistency(config: RunConfig) -> Settings:
    return flat(config.uda.model_dump(mode="json")) if config.uda else {}


def _differing(settings: Sequence[Settings]) -> list[str]:
    keys = settings[0] if settings else {}
    return [key for key in keys if len({canonical_json(one[key]) for one in settings}) > 1]


def _short(value: Any) -> str:  # noqa: ANN401
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and 0 < value < 1e-2:
        return np.format_float_scientific(value, trim="-", exp_digits=1)
    return str(value)


def _rank(key: str, value: Any) -> tuple[str, bool, float, str]:  # noqa: ANN401
    number = isinstance(value, int | float)
    return key, number, float(value) if number else 0.0, str(value)
