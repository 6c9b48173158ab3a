"""Prefect's task runner on a Ray cluster."""

import os
from typing import Any

from prefect.task_runners import TaskRunner


def ray_runner(address: str | None) -> TaskRunner[Any]:
    """Runs tasks on the cluster at `address`; None starts one on this machine, which ends with the flow.

    Raises:
        ValueError: Ray is not installed.
    """
    if not address:
        # read when Ray is imported; else it takes this machine's address in a network, whatever address it is given
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        from prefect_ray import RayTaskRunner
    except ImportError:
        msg = "--runner ray needs the extra `ray`: pip install 'mmuda[ray]'; or leave --runner out."
        raise ValueError(msg) from None
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    if address:
        return RayTaskRunner(address=address, init_kwargs=quiet)
    # "local": without an address Ray joins whatever cluster runs on this machine, be it somebody else's
    return RayTaskRunner(address="local", init_kwargs={**quiet, "include_dashboard": False, "_node_ip_address": "127.0.0.1"})
