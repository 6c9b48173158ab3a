"""A whole run watched from within: what is unpickled and by whom, and whether a secret of the environment is left anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRETS = {
    "HF_TOKEN": "hf_SENTINELaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "AWS_SECRET_ACCESS_KEY": "SENTINELbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "WANDB_API_KEY": "SENTINELcccccccccccccccccccccccccccccccccc",
    "PREFECT_API_KEY": "pnu_SENTINELddddddddddddddddddddddddddd",
}
WATCH = """
import os, sys
def note(what):
    frame, files = sys._getframe(2), []
    while frame is not None:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    asks = next((file for file in files if not file.endswith(("/pickle.py", "sitecustomize.py"))), "?")
    with open(os.path.join(os.environ["UNPICKLED"], str(os.getpid())), "a") as file:
        file.write(f"{asks}\\t{what}\\n")
def hook(event, given):
    if event == "pickle.find_class":
        note(f"{given[0]}.{given[1]}")
sys.addaudithook(hook)
import pickle
def noted(function):
    def call(*args, **kwargs):
        note(function.__name__)
        return function(*args, **kwargs)
    return call
pickle.load, pickle.loads = noted(pickle.load), noted(pickle.loads)
"""
"""A ``sitecustomize.py``, which every Python process of the run imports first."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that an augmentation, a training, a report, a prediction, an export and the doctor leave and say."""
    folder = tmp_path_factory.mktemp("lived")
    for name in ("site", "unpickled", "said"):
        (folder / name).mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WATCH)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MMUDA_", "HF_"))}
    watched = {"UNPICKLED": str(folder / "unpickled"), "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}"}
    environment = plain | SECRETS | watched | {"MMUDA_CACHE": str(folder / "cache")}
    commands = (
        "augment demo --sample 0.06",
        "train demo --models mmbt --uda on --optim.max_epochs 1 --text.max_tokens 16 --runs runs",
        "report runs",
        "predict mmbt+uda- --runs runs --plot A_storm.",
        "cache export demo --to exported",
        "doctor --offline",
    )
    for number, command in enumerate(commands):
        done = subprocess.run(
            [sys.executable, "-c", "from flows.cli import main; main()", *command.split()],
            env=environment, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        (folder / "said" / f"{number}.txt").write_text(done.stdout + done.stderr)
        assert done.returncode in (0, 1 if command.startswith("doctor") else 0), f"{command}: {done.stdout}{done.stderr}"
    return folder


def unpickled(lived: Path) -> set[tuple[str, str]]:
    """File that asked, and what for."""
    lines = {line for path in (lived / "unpickled").iterdir() for line in path.read_text().splitlines()}
    return {(asks, what) for asks, _, what in (line.partition("\t") for line in lines)}


@pytest.mark.slow
def test_no_module_of_ours_unpickles_anything_in_a_whole_run(lived: Path):
    ours = {(asks, what) for asks, what in unpickled(lived) if asks.startswith(str(ROOT) + os.sep)}
    assert ours == set()


@pytest.mark.slow
def test_the_one_library_that_unpickles_reads_what_its_own_process_wrote(lived: Path):
    # docket: the queue of Prefect's server, in that process's memory
    assert {(Path(asks).parent.name, what) for asks, what in unpickled(lived)} == {("docket", "loads")}


@pytest.mark.slow
def test_what_runs_leave_and_say_holds_no_secret_of_the_environment(lived: Path):
    written = [path for path in lived.rglob("*") if path.is_file() and path.parent.name != "site"]
    names = {path.name for path in written}
    assert {"prefect.db", "manifest.json", "result.json", "README.md"} <= names
    assert any(name.endswith(".html") for name in names)
    holding = [str(path) for path in written if b"SENTINEL" in path.read_bytes()]
    assert holding == []
