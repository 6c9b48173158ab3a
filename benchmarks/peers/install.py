"""The peers' venv: older libraries of its own, and torch from the venv that this runs in."""

import hashlib
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def python_of(folder: Path) -> Path:
    """The interpreter of the peers' venv in `folder`, whether it is there or not."""
    return folder / "peers" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(folder: Path) -> None:
    """Make the peers' venv in `folder`, or find it as REQUIREMENTS says it should be. Says what could not be installed."""
    python, stamp = python_of(folder), folder / "peers" / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing the peers in {folder / 'peers'} (once, about 200 MB)", flush=True)
    venv.create(folder / "peers", with_pip=True, clear=True)
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([str(python), "-c", show], capture_output=True, text=True, check=True).stdout.strip()
    torch = find_spec("torch")
    assert torch, "the project needs torch"
    assert torch.origin, "torch is a package with a file"
    # Paths of .pth files come after the venv's own packages, so that its older transformers goes before ours.
    Path(own, "zz_torch.pth").write_text(str(Path(torch.origin).parents[1]) + "\n", encoding="utf-8")
    lines = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    if problem := _pip(python, lines):
        print(f"Not all at once ({problem}); one by one", flush=True)
        for line in lines:
            if problem := _pip(python, [line]):
                print(f"{line}: {problem}", flush=True)
    stamp.write_text(wanted)


def _pip(python: Path, lines: list[str]) -> str:
    """Why they cannot be installed; empty if they can."""
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if "error" in line.casefold()]
    return (errors or done.stderr.splitlines() or ["pip failed"])[-1] if done.returncode else ""
