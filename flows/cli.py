"""Entry point of `mmuda`: what goes before the command, and the exit statuses. Imports nothing that takes a second."""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.metadata import version
from typing import NoReturn

from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError

from flows.environment import prepare_libraries, prepare_prefect
from flows.terminal import complain, console, put_away, quietly, step

FOUND_PROBLEMS = 1
"""`doctor`, `serve --check` and `cache verify` found something to mend."""
USER_MISTAKE = 2
FAULT = 3
"""An error that nobody foresaw."""
INTERRUPTED = 130
NOBODY_READS = 141
"""Whoever read the output has gone, such as ``head``."""
STATUSES = {
    0: "done",
    FOUND_PROBLEMS: "`doctor`, `serve --check` or `cache verify` found something to mend",
    USER_MISTAKE: "a mistake in what was asked, or work that failed: one clear message",
    FAULT: "an error that nobody foresaw, with its traceback",
    INTERRUPTED: "interrupted (Ctrl-C); the same command goes on",
    NOBODY_READS: "nobody reads the output any more",
}
"""What each exit status means, for the help."""
_QUIET = ("-q", "--quiet")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's mistake ends with one clear message and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        console().print(f"mmuda {version('mmuda')}")
        return
    end = given.index("--") if "--" in given else len(given)
    rest = [part for at, part in enumerate(given) if at >= end or part not in _QUIET]
    try:
        with quietly() if len(rest) < len(given) else nullcontext():
            _run(rest)
            sys.stdout.flush()
    except ValidationError as error:
        from flows.options import explain

        _fail(explain(error), error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains once more at its end
        raise SystemExit(NOBODY_READS) from None
    except (ValueError, OSError, SettingsError) as error:
        _fail(str(error), error)
    except KeyboardInterrupt:
        put_away()
        sys.stderr.write("Interrupted. The same command goes on from what is finished.\n")
        raise SystemExit(INTERRUPTED) from None
    except Exception:
        put_away()
        traceback.print_exc()
        sys.stderr.write("mmuda: an error that nobody foresaw; the lines above say where.\n")
        raise SystemExit(FAULT) from None


def _run(arguments: Sequence[str]) -> None:
    prepare_libraries(downloads=arguments[:1] == ["fetch"])
    with step("Starting"):
        from flows.command_line import command_of, source_of
        from flows.given import take_config

        prepare_prefect()
        rest, recipes = take_config(arguments)
        source = source_of(recipes, only=rest[0] if rest else "")
    command_of(rest, source)()


def _fail(message: str, error: Exception) -> NoReturn:
    put_away()
    if os.environ.get("MMUDA_DEBUG"):
        raise error
    complain(f"mmuda: {message}")
    raise SystemExit(USER_MISTAKE)
