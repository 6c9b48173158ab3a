"""What is left of a matrix of cells when it is done: the comparison, as JSON and as a report."""

import json
from collections.abc import Sequence
from pathlib import Path

from datasets_cache import version
from datasets_cache.store import Cache
from train import report
from train.compare import Comparison, class_priors, compare
from train.run import read_result


def compare_runs(folders: Sequence[Path], cache: Cache) -> Comparison:
    """The table of finished runs on one cache version, with the class priors as the yardstick."""
    results = [read_result(folder) for folder in folders]
    return compare(results, priors=class_priors(version.open_version(cache, results[0].version)))


def write_outcome(folders: Sequence[Path], *, runs: Path, cache: Cache) -> Path:
    """Write ``results-<version>.json`` and ``report-<version>.html`` into `runs`; gives back the path of the report."""
    comparison = compare_runs(folders, cache)
    path = runs / f"results-{comparison.version}.json"
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(comparison.as_rows(), indent=2) + "\n", encoding="utf-8")
    aside.replace(path)
    page = runs / f"report-{comparison.version}.html"
    return report.write_report([read_result(folder) for folder in folders], cache=cache, path=page)
