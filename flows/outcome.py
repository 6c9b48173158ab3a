"""What is left of a matrix of cells when it is done: comparison, effects of UDA, yardsticks; as JSON, Markdown and a report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets_cache import version
from datasets_cache.files import write_text
from datasets_cache.progress import Track, untracked
from datasets_cache.store import Cache
from train import compare as comparisons
from train import effects as differences
from train import report, yardstick
from train.compare import Comparison, class_priors, compare
from train.config import READS, ImageEncoderConfig, Modality, TextEncoderConfig
from train.effects import RESAMPLES, Effect, effects
from train.records import RunResult, Scores
from train.yardstick import Yardstick


@dataclass(frozen=True)
class Outcome:
    """Everything that is said of some finished runs on one cache version."""

    results: tuple[RunResult, ...]
    """The runs."""
    comparison: Comparison
    """A row for each model and its settings, then yardsticks and class priors."""
    effects: tuple[Effect, ...]
    """What UDA changed."""
    uncompared: tuple[str, ...]
    """Variants with UDA without a base of the same settings and seed."""
    yardsticks: Mapping[str, Yardstick]
    """Logistic regressions on frozen features, where they were computed."""
    resamples: int
    """Resamples behind the intervals."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be said of each effect, then what the intervals leave open."""
        lines = [effect.sentence for effect in self.effects]
        lines += [f"{title}: no base of the same settings and seed to compare it with." for title in self.uncompared]
        return (*lines, differences.caution(self.effects)) if self.effects else tuple(lines)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a file; percent and points."""
        return {
            "version": self.comparison.version,
            "rows": self.comparison.as_rows(),
            "effects": [{**effect.model_dump(mode="json"), "sentence": effect.sentence} for effect in self.effects],
            "uncompared": list(self.uncompared),
            "resamples": self.resamples,
            "yardsticks": {name: found.model_dump(mode="json") for name, found in self.yardsticks.items()},
            "runs": [result.run for result in self.results],
        }

    def as_markdown(self) -> str:
        """Both tables and the sentences, as they stand on a page of the documentation."""
        parts = [comparisons.as_markdown(self.comparison)]
        if self.effects:
            parts.append(differences.as_markdown(self.effects))
        if self.sentences:
            parts.append("".join(f"- {sentence}\n" for sentence in self.sentences))
        return "\n".join(parts)


def gather(
    results: Sequence[RunResult],
    *,
    cache: Cache,
    runs: Path,
    resamples: int = RESAMPLES,
    films: bool = True,
    track: Track = untracked,
) -> Outcome:
    """Compare finished runs on one cache version; of yardsticks, those that lie below `runs` already.

    Args:
        results: the runs.
        cache: holds their version.
        runs: where yardsticks lie.
        resamples: of the test films.
        films: whether the version is there to be read; without it there are no class priors and no yardsticks.
        track: shows the comparisons.
    Raises:
        ValueError: results that cannot be compared, an unknown version, or damaged predictions.
    """
    opened = version.open_version(cache, results[0].version) if results and films else None
    text, image = encoders(results)
    found = yardstick.find(runs, version=opened.id, text=text, image=image) if opened else {}
    comparison = compare(results, priors=class_priors(opened) if opened else None, yardsticks=_tested(found))
    return Outcome(
        results=tuple(results),
        comparison=comparison,
        effects=tuple(effects(results, resamples=resamples, track=track)),
        uncompared=tuple(differences.uncompared(results)),
        yardsticks=found,
        resamples=resamples,
    )


def make_yardsticks(results: Sequence[RunResult], *, cache: Cache, runs: Path, device: str, track: Track = untracked) -> None:
    """Compute the yardsticks of these runs' encoders, or find them below `runs`, where `gather` reads them.

    Raises:
        MissingWeights: pretrained weights are not on this machine.
        ValueError: unknown version or device.
    """
    opened = version.open_version(cache, results[0].version)
    text, image = encoders(results)
    if not yardstick.find(runs, version=opened.id, text=text, image=image):
        from train.hardware import choose_device

        found = yardstick.yardsticks(opened, text=text, image=image, device=choose_device(device), track=track)
        yardstick.keep(found, runs, version=opened.id, text=text, image=image)


def encoders(results: Sequence[RunResult]) -> tuple[TextEncoderConfig | None, ImageEncoderConfig | None]:
    """Text and image encoder of the first runs, by name, that read text and images; None where none does."""
    ordered = sorted(results, key=lambda result: result.run)

    def first(modality: Modality) -> RunResult | None:
        return next((result for result in ordered if modality in READS[result.model]), None)

    text, image = first("text"), first("image")
    return text and text.config.text, image and image.config.image


def write_outcome(outcome: Outcome, *, runs: Path, cache: Cache) -> Path:
    """Write ``results-<version>.json`` and ``report-<version>.html`` into `runs`; gives back the path of the report."""
    found = outcome.comparison.version
    write_text(runs / f"results-{found}.json", json.dumps(outcome.as_json(), indent=2) + "\n")
    return write_report(outcome, cache=cache, path=runs / f"report-{found}.html")


def write_report(outcome: Outcome, *, cache: Cache, path: Path) -> Path:
    """Write the HTML report; gives back its path.

    Raises:
        ValueError: a folder that cannot be written.
    """
    yardsticks = _tested(outcome.yardsticks)
    return report.write_report(outcome.results, cache=cache, path=path, effects=outcome.effects, yardsticks=yardsticks)


def _tested(found: Mapping[str, Yardstick]) -> dict[str, Scores]:
    return {name: one.test for name, one in found.items()}
