"""What is imported before there is work: each of these libraries takes a good part of a second or more."""

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = {
    "accelerate", "albumentations", "cv2", "datasets", "matplotlib", "pandas", "prefect", "sacrebleu", "sklearn", "torch",
    "torchvision", "transformers",
}  # fmt: skip
ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from flows.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as stop:
        assert not stop.code, stop.code
print(json.dumps(sorted(sys.modules)))
"""


def imported(code: str, tmp_path: Path, *arguments: str) -> set[str]:
    """Names of the top-level modules that a process of its own has imported in the end; it prints them in its last line."""
    environment = {**os.environ, "MMUDA_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_help_lists_and_settings_come_without_the_libraries_that_work(tmp_path: Path):
    commands = [["--help"], ["augment", "demo", "--help"], ["cache", "ls"], ["config", "show", "demo"]]
    assert imported(SCRIPT, tmp_path, json.dumps(commands)) & HEAVY == set()


def test_flows_are_registered_without_the_libraries_that_train(tmp_path: Path):
    code = "import json, sys, flows.deployments; print(json.dumps(sorted(sys.modules)))"
    assert imported(code, tmp_path) & HEAVY == {"prefect"}


def test_whoever_starts_training_processes_does_without_torch(tmp_path: Path):
    code = "import json, sys, train.launch; print(json.dumps(sorted(sys.modules)))"
    assert imported(code, tmp_path) & HEAVY == set()
