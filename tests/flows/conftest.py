"""A real Prefect server for the flows, started once."""

import os
from collections.abc import Iterator

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # read when prefect is imported
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A server of its own on 127.0.0.1 with a database of its own."""
    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_ENABLED: False}
    with prefect_test_harness(server_startup_timeout=90), temporary_settings(quick):
        yield


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """What a command of one test says to libraries through the environment does not reach the next one."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
