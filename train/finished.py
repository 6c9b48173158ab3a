"""Where runs lie, and the results of those that are finished; read without torch.

Layout below the runs folder::

    <model>[+uda]-seed<seed>-<fingerprint of the configuration>/
        config.json  epochs.jsonl  tensorboard/  checkpoints/                             while it trains
        config.json  epochs.jsonl  tensorboard/  model/  test-predictions.safetensors  result.json       when it is finished
"""

from pathlib import Path

from pydantic import ValidationError

from datasets_cache.fingerprint import fingerprint
from train.config import RunConfig
from train.records import RunResult

FORMAT = 2
"""Raised when an unchanged configuration would train differently: old runs are then neither reused nor continued."""
CONFIG, RESULT, MODEL = "config.json", "result.json", "model"


def cell_name(config: RunConfig) -> str:
    """Short name of a cell, such as ``mmbt+uda-seed1``.

    Examples:
        >>> from train.config import UdaConfig
        >>> cell_name(RunConfig(version="demo-3a684bbb", model="mmbt", uda=UdaConfig(), seed=1))
        'mmbt+uda-seed1'
    """
    return f"{config.model}{'+uda' if config.uda else ''}-seed{config.seed}"


def run_folder(config: RunConfig, runs: Path) -> Path:
    """Where the run of `config` lies."""
    return runs / f"{cell_name(config)}-{fingerprint({'format': FORMAT, 'config': config.model_dump(mode='json')})}"


def find_finished(config: RunConfig, runs: Path) -> RunResult | None:
    """Result of a finished run of `config`, None where there is none.

    Raises:
        ValueError: its ``result.json`` is damaged.
    """
    folder = run_folder(config, runs)
    return read_result(folder) if (folder / RESULT).is_file() else None


def find_results(runs: Path, *, version: str | None = None) -> list[RunResult]:
    """Results of all finished runs below `runs`, by name; with `version`, only those on that cache version.

    Raises:
        ValueError: a ``result.json`` is damaged.
    """
    found = [read_result(path.parent) for path in sorted(runs.glob(f"*/{RESULT}"))]
    return [result for result in found if version in (None, result.version)]


def read_result(folder: Path) -> RunResult:
    """Result of the finished run in `folder`; its path is where it lies now.

    Raises:
        ValueError: it is missing or damaged.
    """
    path = folder / RESULT
    try:
        result = RunResult.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        msg = f"{path}: missing; the run is not finished. `mmuda train` continues it."
        raise ValueError(msg) from None
    except ValidationError as error:
        msg = f"{path}: not a result ({error.error_count()} problems). Remove {folder} and train again."
        raise ValueError(msg) from None
    return result.model_copy(update={"path": folder})
