"""The command lines that find or train a report's runs again."""

import shlex
from collections.abc import Sequence
from typing import Any

from datasets_cache.fingerprint import canonical_json
from train.config import MODELS, RunConfig
from train.records import RunResult
from train.variants import flat

_PARTS = ("text", "image", "optim", "compute")


def commands(results: Sequence[RunResult], *, recipe: str) -> list[str]:
    """One command for each set of settings, every setting spelled out; a base goes with each consistency term beside it."""
    by_settings: dict[str, list[RunConfig]] = {}
    for result in results:
        settings = result.config.model_dump(mode="json", include=set(_PARTS))
        by_settings.setdefault(canonical_json(settings), []).append(result.config)
    return [line for configs in by_settings.values() for line in _of_settings(configs, recipe)]


def _of_settings(configs: Sequence[RunConfig], recipe: str) -> list[str]:
    by_term: dict[str, list[RunConfig]] = {}
    for config in configs:
        if config.uda:
            by_term.setdefault(config.uda.model_dump_json(), []).append(config)
    bases = [config for config in configs if not config.uda]
    lines: list[str] = []
    for group in by_term.values():
        beside = [base for base in bases if base.model in {config.model for config in group}]
        lines.append(_line([*group, *beside], "both" if beside else "on", recipe))
    alone = [base for base in bases if base.model not in {config.model for config in configs if config.uda}]
    return [*lines, _line(alone, "off", recipe)] if alone else lines


def _line(configs: Sequence[RunConfig], uda: str, recipe: str) -> str:
    seeds, models = sorted({config.seed for config in configs}), {config.model for config in configs}
    options: dict[str, Any] = {"version": configs[0].version, "models": ",".join(model for model in MODELS if model in models)}
    options |= {"uda": uda, "seeds": ",".join(map(str, seeds))}
    for part in _PARTS:
        options |= flat(getattr(configs[0], part).model_dump(mode="json"), f"{part}.")
    if configs[0].uda:
        options |= flat(configs[0].uda.model_dump(mode="json"), "consistency.")
    words = [f"--{name} {shlex.quote('none' if value is None else str(value))}" for name, value in options.items()]
    return " \\\n  ".join([f"mmuda train {shlex.quote(recipe)}", *words])
