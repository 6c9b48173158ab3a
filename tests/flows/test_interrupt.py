"""Ctrl-C goes to every process of a terminal: Prefect's temporary server has to live on until the run has told it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, subprocess
from flows.environment import make_prefect_home, prepare_prefect, start_temporary_server
prepare_prefect()
make_prefect_home()
start_temporary_server()
from prefect.server.api.server import SubprocessASGIServer
server = SubprocessASGIServer().server_process
os.kill(server.pid, signal.SIGINT)
try:
    server.wait(3)
    print("ended")
except subprocess.TimeoutExpired:
    print("lives")
print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


@pytest.mark.slow
def test_the_temporary_server_outlives_ctrl_c_and_we_do_not(tmp_path: Path):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**plain, "MMUDA_CACHE": str(tmp_path)}, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["lives", "False"]
