"""Settings of the processes that we start, decided before the libraries that read them are imported."""

import logging
import os
import warnings
from pathlib import Path

from datasets_cache.store import default_root


def prepare_prefect() -> None:
    """Let Prefect keep its database beside the cache, on this machine alone, and leave the talking to us.

    Whatever the environment already sets wins, so a configured server (``PREFECT_API_URL``) is used as it is.
    """
    defaults = {
        "PREFECT_HOME": str(prefect_home()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def make_prefect_home() -> None:
    """Make the folder of Prefect's database, which its server does not make itself.

    Raises:
        ValueError: it cannot be made.
    """
    home = Path(os.environ.get("PREFECT_HOME", prefect_home())).expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{home}: cannot be made ({error.strerror}). Set MMUDA_CACHE (or PREFECT_HOME) to a folder you can write."
        raise ValueError(msg) from error


def prefect_home() -> Path:
    """Folder of Prefect's database and settings when nothing else is configured."""
    return default_root() / "prefect"


def prepare_libraries() -> None:
    """Silence progress bars and advice of the libraries, and let their idle threads sleep; errors still reach the user."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while others work slow a shared machine down
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what is wrong with a poster is a reason in our own counts
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    for name in ("datasets", "transformers", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
