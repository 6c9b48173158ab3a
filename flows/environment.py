"""Settings of the processes that we start, decided before the libraries that read them are imported."""

import logging
import os
import signal
import warnings
from pathlib import Path

from flows import terminal

QUIET = "CRITICAL"


def prepare_prefect() -> None:
    """Let Prefect keep its database beside the cache, on this machine alone, and leave the talking to us.

    Whatever the environment already sets wins, so a configured server (``PREFECT_API_URL``) is used as it is. Without one, the
    server of a `mmuda serve` that lives is used: its page shows what the terminal runs, and one process alone writes the
    database. `MMUDA_QUIET` wins over what the environment says of Prefect's log on the terminal.
    """
    defaults = {
        "PREFECT_HOME": str(prefect_home()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_LOGGING_LEVEL": QUIET,
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    if colourless():
        os.environ["PREFECT_LOGGING_COLORS"] = "false"
    if terminal.quiet():
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = QUIET
    if "PREFECT_API_URL" not in os.environ and (url := _served_url()):
        os.environ["PREFECT_API_URL"] = url
    if "PREFECT_API_URL" in os.environ:  # the page is told, the terminal is not
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", QUIET)
    else:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", QUIET)


def _served_url() -> str | None:
    """Of the API of the `mmuda serve` that lives."""
    from flows.serve_state import running

    state = running(configured_home())
    return state.url if state else None


def colourless() -> bool:
    """Whether colours are unwanted: ``NO_COLOR`` is set to anything, or the terminal has none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def served_environment(url: str, *, own: bool) -> dict[str, str]:
    """The environment of the processes of `mmuda serve`: their logs reach the page, and they outlast a server that restarts.

    Args:
        url: of Prefect's API.
        own: it is the server of this `mmuda serve`, on this machine.
    """
    served = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(configured_home().absolute()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONSAFEPATH": "1",  # the folder it is started in may hold a package called `flows`
    }
    # what `prepare_prefect` silenced for a terminal
    louder = {
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    for name, loud in louder.items():
        if served.get(name, QUIET) == QUIET:
            served[name] = loud
    defaults = {
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLIENT_MAX_RETRIES": "8",  # waits of 1, 2, 4 ... seconds: four minutes
    }
    if own:
        defaults["NO_PROXY"] = "127.0.0.1,localhost"  # a proxy of the house cannot reach this machine's own address
        # a server that restarts knows who holds a deployment's places
        defaults["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = "prefect.server.concurrency.lease_storage.filesystem"
    return defaults | served


def start_temporary_server() -> None:
    """Start Prefect's temporary server where no server is configured, out of reach of Ctrl-C.

    Ctrl-C goes to every process of a terminal. A server that it ended could not be told that the run was interrupted, and
    Prefect tries to tell it for a minute.
    """
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the process that is started inherits it
    try:
        SubprocessASGIServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def make_prefect_home() -> Path:
    """Make the folder of Prefect's database, which its server does not make itself; gives it back.

    Raises:
        ValueError: it cannot be made.
    """
    home = configured_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{home}: cannot be made ({error.strerror}). Set MMUDA_CACHE (or PREFECT_HOME) to a folder you can write."
        raise ValueError(msg) from error
    return home


def configured_home() -> Path:
    """Folder of Prefect's database and settings."""
    return Path(os.environ.get("PREFECT_HOME", prefect_home())).expanduser()


def prefect_home() -> Path:
    """Folder of Prefect's database and settings when nothing else is configured."""
    from datasets_cache.store import default_root

    return default_root() / "prefect"


def prepare_libraries(*, downloads: bool = False) -> None:
    """Silence progress bars and advice of the libraries, and let their idle threads sleep; errors still reach the user.

    Args:
        downloads: leave the bars of downloads on, as `mmuda fetch` has it on a terminal.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while others work slow a shared machine down
    if not (downloads and terminal.moves()):
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what is wrong with a poster is a reason in our own counts
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    for name in ("datasets", "transformers", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("DATASETS_VERBOSITY", "error")  # these two set their level once more when they are imported
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
