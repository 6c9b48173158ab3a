"""Where runs lie, and the results of those that are finished; read without torch.

Layout below the runs folder::

    <model>[+uda]-seed<seed>-<fingerprint of the configuration>/
        config.json  epochs.jsonl  tensorboard/  checkpoints/                             while it trains
        config.json  epochs.jsonl  tensorboard/  model/  test-predictions.safetensors  result.json       when it is finished
        SHA256SUMS                             of all these but tensorboard; `sha256sum --check SHA256SUMS` compares them
"""

import hashlib
import shutil
from pathlib import Path

from pydantic import ValidationError

from datasets_cache.files import write_text
from datasets_cache.fingerprint import fingerprint
from train.config import RunConfig
from train.records import RunResult

FORMAT = 2
"""Raised when an unchanged configuration would train differently: old runs are then neither reused nor continued."""
CONFIG, RESULT, MODEL, SUMS = "config.json", "result.json", "model", "SHA256SUMS"
CHECKPOINTS = "checkpoints"


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
        ValueError: a file of it is damaged; the model's are compared by ``sha256sum --check SHA256SUMS`` alone.
    """
    folder = run_folder(config, runs)
    if not (folder / RESULT).is_file():
        return None
    result = read_result(folder)
    if differ := damaged(folder, model=False):
        msg = f"{folder}: damaged ({', '.join(differ)}: not what was written). Remove the folder and train again."
        raise ValueError(msg)
    return result


def sweep(folder: Path) -> None:
    """Remove the checkpoints that a process left which was killed when its run had just finished."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def write_sums(folder: Path, *, result: str) -> None:
    """Write the checksums of a finished run's files.

    Args:
        folder: of the run.
        result: text of its ``result.json``, which is written last.
    """
    kept = [path for path in folder.iterdir() if path.suffix in (".json", ".jsonl", ".safetensors") and path.name != RESULT]
    kept += [path for path in (folder / MODEL).rglob("*") if path.is_file()]
    sums = {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(kept)}
    sums[RESULT] = hashlib.sha256(result.encode()).hexdigest()
    write_text(folder / SUMS, "".join(f"{checksum}  {name}\n" for name, checksum in sums.items()))


def damaged(folder: Path, *, model: bool = True) -> list[str]:
    """Files of a finished run that differ from what was written, by name; none can be told of a run without checksums.

    Args:
        folder: of the run.
        model: compare the model too, which is far the largest.
    """
    if not (folder / SUMS).is_file():
        return []
    lines = (line.partition(b"  ") for line in (folder / SUMS).read_bytes().splitlines())
    sums = {name.decode(errors="replace"): checksum.decode(errors="replace") for checksum, _, name in lines}
    asked = {name: checksum for name, checksum in sums.items() if model or not name.startswith(f"{MODEL}/")}
    return [name for name, checksum in asked.items() if not (folder / name).is_file() or _sha256(folder / name) != checksum]


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
