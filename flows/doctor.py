"""What this machine has, what is missing, and what to do about it."""

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from datasets_cache.addresses import shown_url
from datasets_cache.store import Cache
from flows.doctor_hubs import reachable, repositories
from flows.doctor_weights import weights
from flows.environment import prefect_home
from flows.findings import Finding, Verdict, attempt, show, status

__all__ = ["Finding", "examine", "show", "status"]

BOUNDS = {"prefect": ">=3.6,<4", "fastapi": ">=0.139,<0.151", "sqlalchemy": ">=2.0,<2.1", "albumentations": "==2.0.8"}
"""Versions outside these break silently: the server does not start, schedules never fire, or the licence changes."""
PARTNERS = {
    "torchvision": ["torch"],
    "transformers": ["tokenizers", "huggingface-hub", "safetensors"],
    "albumentations": ["albucore", "pydantic"],
    "prefect": ["pydantic", "httpx", "starlette"],
    "datasets": ["pyarrow", "huggingface-hub", "fsspec"],
}
"""Packages that fail at import, or later, when another one is not of the version that they ask for."""
OPTIONAL = {"timm": "embedded", "ctranslate2": "ctranslate2", "ray": "ray"}
"""Packages of extras."""
NEEDED_BY = {"timm": "--encoders embedded", "ctranslate2": "--text.engine ctranslate2", "ray": "--runner ray"}
FREE_GIB, FULL_SIZE_DISK_GIB = 5, 20
"""Below the first nothing is begun; the second is what 30 % of MM-IMDb with its models and six cells takes."""
FULL_SIZE_MEMORY_GIB = 12
"""What training MMBT with BERT-base and ResNet-152 takes, on the device: batches of 4 films and their copies, 512 tokens."""
REINSTALL = "install with --constraint constraints.txt (make setup)"


def examine(cache: Cache, *, offline: bool = True) -> list[Finding]:
    """Everything that a run depends on, in the order in which a run needs it.

    Args:
        cache: the cache that runs would use.
        offline: ask no repository whether it can be reached.
    """
    return [
        Finding("Python", "ok", platform.python_version()),
        *(_package(name) for name in dict.fromkeys([*BOUNDS, *PARTNERS])),
        _one_opencv(),
        _device(),
        _memory(),
        _disk(cache.root),
        _writable(cache.root),
        *(_installed(name, extra) for name, extra in OPTIONAL.items()),
        *weights(),
        *reachable(repositories(), offline=offline),
        Finding(
            "Prefect", "ok", shown_url(os.environ.get("PREFECT_API_URL", "")) or f"in-process, database below {prefect_home()}"
        ),
    ]


def _package(name: str) -> Finding:
    """Whether a package is of a version that works here, and those that it works with are of the versions it asks for."""
    try:
        found, others = version(name), PARTNERS.get(name, [])
        allowed = SpecifierSet(BOUNDS.get(name, ""))
        asked = {one.name.lower(): one for line in requires(name) or [] if _applies(one := Requirement(line))}
        clashes = [] if allowed.contains(found, prereleases=True) else [f"{found}, needs {allowed}"]
        clashes += [
            f"{found} needs {asked[other]}, {version(other)} is installed"
            for other in others
            if other in asked and not asked[other].specifier.contains(version(other), prereleases=True)
        ]
    except PackageNotFoundError as error:
        return Finding(name, "problem", f"{error.name} is not installed", "make setup")
    fits = f", fits {', '.join(f'{other} {version(other)}' for other in others)}" if others else ""
    return Finding(name, "problem", "; ".join(clashes), REINSTALL) if clashes else Finding(name, "ok", found + fits)


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _one_opencv() -> Finding:
    """OpenCV's distributions overwrite each other's files."""
    found = sorted({f"{one.name} {one.version}" for one in distributions() if (one.name or "").startswith("opencv-")})
    if len(found) == 1:
        return Finding("OpenCV", "ok", found[0])
    cure = "uninstall all of them, then install opencv-python-headless alone"
    return Finding("OpenCV", "problem", ", ".join(found) or "not installed", cure)


def _device() -> Finding:
    def look() -> Finding:
        import torch

        if torch.cuda.is_available():
            return _gpu()
        if torch.version.cuda and Path("/dev/nvidia0").exists():
            cure = "update the driver, or install the torch of the driver's CUDA"
            return Finding("Device", "problem", f"a GPU that torch (CUDA {torch.version.cuda}) cannot use", cure)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return Finding("Device", "ok", f"CPU, {cores} cores, fp32 (full-size recipes want a GPU)")

    return attempt("Device", look)


def _gpu() -> Finding:
    import torch

    major, minor = torch.cuda.get_device_capability()
    free, total = (amount / 2**30 for amount in torch.cuda.mem_get_info())
    bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
    said = f"{torch.cuda.get_device_name()}, capability {major}.{minor}, {bf16}, {free:.0f} of {total:.0f} GiB free"
    if free >= FULL_SIZE_MEMORY_GIB:
        return Finding("Device", "ok", said)
    cure = f"full-size recipes take {FULL_SIZE_MEMORY_GIB} GiB: --optim.batch_size 2 --optim.accumulation 2 halves that"
    return Finding("Device", "missing", said, cure)


def _memory() -> Finding:
    total, free = _meminfo()
    said = f"{free:.1f} of {total:.1f} GiB available"
    if free >= FULL_SIZE_MEMORY_GIB:
        return Finding("Memory", "ok", said)
    cure = f"enough for the demo; training full-size recipes on the CPU wants {FULL_SIZE_MEMORY_GIB} GiB"
    return Finding("Memory", "missing", said, cure)


def _meminfo(path: Path = Path("/proc/meminfo")) -> tuple[float, float]:
    """Memory of the machine and what is available of it, in GiB."""
    try:
        fields: Mapping[str, int] = {
            name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in path.read_text().splitlines())
        }
        return fields["MemTotal"] / 2**20, fields["MemAvailable"] / 2**20
    except (OSError, KeyError):
        gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        return gib, gib


def _disk(root: Path) -> Finding:
    existing = _existing(root)
    free = shutil.disk_usage(existing).free / 2**30
    said = f"{free:.0f} GiB free at {existing}"
    if free >= FULL_SIZE_DISK_GIB:
        return Finding("Disk", "ok", said)
    verdict: Verdict = "missing" if free >= FREE_GIB else "problem"
    cure = f"30 % of MM-IMDb takes up to {FULL_SIZE_DISK_GIB} GiB; make room, or move the cache with MMUDA_CACHE"
    return Finding("Disk", verdict, said, cure)


def _writable(root: Path) -> Finding:
    if os.access(_existing(root), os.W_OK):
        return Finding("Cache", "ok", str(root))
    return Finding("Cache", "problem", f"{root} cannot be written", "set MMUDA_CACHE to a folder you can write")


def _existing(root: Path) -> Path:
    return next(folder for folder in _upwards(root) if folder.exists())


def _upwards(root: Path) -> Iterator[Path]:
    yield from (root, *root.absolute().parents)


def _installed(name: str, extra: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed", f"pip install 'mmuda[{extra}]' (needed by {NEEDED_BY[name]})")
