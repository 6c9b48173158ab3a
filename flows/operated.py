"""What surrounds the work of a flow: a user's mistake becomes a sentence on the page, not a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from prefect.states import Failed

P = ParamSpec("P")
R = TypeVar("R")


def operated(work: Callable[P, R]) -> Callable[P, R]:
    """A flow's function whose mistakes (`ValueError`) end the run as Failed with their message."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except ValueError as error:
            return cast("R", Failed(message=str(error), data=error))

    return run
