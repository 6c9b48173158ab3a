"""What the browser tests stand on: `mmuda serve` with a home, a cache and a port of its own, and Debian's Chromium."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SCREENSHOTS = "MMUDA_SCREENSHOTS"
"""Environment variable: a folder that pictures of the pages are written to."""
PATIENCE = 900.0 if os.environ.get(SCREENSHOTS) else 180.0
"""Seconds that a page or a run may take on a machine with other work; pictures are of longer runs."""
WIDTH, HEIGHT = 1280, 900
MMUDA = Path(sys.executable).with_name("mmuda")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
MOVING = (ElementClickInterceptedException, NoSuchElementException, StaleElementReferenceException)
"""What a page that is still being drawn answers."""


def wait_until(holds: Callable[[], Any], what: str, *, seconds: float = PATIENCE, every: float = 0.1) -> Any:
    """Wait for something, and give what it is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(every)
    return found


@dataclass(frozen=True)
class Served:
    """A running `mmuda serve`, and what lies beside it."""

    url: str
    cache: Path
    runs: Path
    environment: dict[str, str]
    log: Path

    def ask(self, path: str, **body: Any) -> Any:
        """The API's answer to a POST."""
        answer = httpx.post(f"{self.url}/api/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """The API's answer to a GET."""
        answer = httpx.get(f"{self.url}/api/{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def change(self, path: str, **body: Any) -> None:
        """PATCH."""
        self._insist("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """DELETE."""
        self._insist("DELETE", path)

    def _insist(self, method: str, path: str, **request: Any) -> None:
        """Ask again as long as the server says that its database is busy, as Prefect's own client does."""

        def done() -> bool:
            answer = httpx.request(method, f"{self.url}/api/{path}", timeout=60, **request)
            return answer.status_code != httpx.codes.SERVICE_UNAVAILABLE and bool(answer.raise_for_status())

        wait_until(done, f"{method} {path}")

    def deployment(self, name: str) -> dict[str, Any]:
        """A deployment by the second part of its name."""
        (found,) = [each for each in self.ask("deployments/filter") if each["name"] == name]
        return found

    def runs_of(self, deployment: str, *states: str) -> list[dict[str, Any]]:
        """Runs of a deployment in these states (all states without any), the oldest first."""
        wanted: dict[str, Any] = {"deployment_id": {"any_": [self.deployment(deployment)["id"]]}}
        if states:
            wanted["state"] = {"type": {"any_": list(states)}}
        return self.ask("flow_runs/filter", flow_runs=wanted, sort="EXPECTED_START_TIME_ASC")

    def asked_for(self) -> set[str]:
        """Ids of all runs that no schedule made."""
        return {run["id"] for run in self.ask("flow_runs/filter") if not run["auto_scheduled"]}

    def ended(self, run: str, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """A run after its end."""

        def over() -> dict[str, Any] | None:
            found = self.get(f"flow_runs/{run}")
            return found if found["state_type"] in ENDED else None

        return wait_until(over, f"the end of run {run}; the server said: {self.log.read_text()[-3000:]}", seconds=seconds)

    def completed(self, run: str) -> dict[str, Any]:
        """A run after its end, which has to be a good one."""
        found = self.ended(run)
        assert found["state_type"] == "COMPLETED", f"{found['name']}: {found['state']}\n{self.said(run)}"
        return found

    def said(self, run: str) -> str:
        """All log lines of a run."""
        lines = self.ask("logs/filter", logs={"flow_run_id": {"any_": [run]}}, sort="TIMESTAMP_ASC")
        return "\n".join(line["message"] for line in lines)

    def mmuda(self, *arguments: str) -> str:
        """What a command of a person beside the page says; it has to succeed."""
        done = subprocess.run(
            [MMUDA, *arguments], env=self.environment, cwd=self.cache.parent, capture_output=True, text=True,
            timeout=2 * PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Page:
    """Prefect's page, as a person sees and touches it."""

    def __init__(self, driver: webdriver.Chrome, served: Served) -> None:
        self.driver, self.served = driver, served

    def open(self, path: str) -> None:
        """Go to a place below ``/v2``."""
        self.driver.set_window_size(WIDTH, HEIGHT)
        self.driver.get(f"{self.served.url}/v2/{path}")

    def leave(self) -> None:
        """Show nothing: a page that draws and asks takes its time from the runs."""
        self.driver.get("about:blank")

    def wait(self, holds: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
        """Wait for something on the page, and give what it is; says what the page shows where it never comes."""

        def tried() -> Any:
            try:
                return holds()
            except MOVING:
                return None

        end = time.monotonic() + seconds
        while not (found := tried()):
            assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}; {self.driver.current_url} shows: {self.text()}"
            time.sleep(0.1)
        return found

    def text(self) -> str:
        """Everything that can be read."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def sees(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until all of these can be read."""
        self.wait(lambda: all(text in self.text() for text in texts), " and ".join(map(repr, texts)), seconds=seconds)

    def find(self, selector: str, text: str = "") -> WebElement | None:
        """The first visible element with this selector and text."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return next((each for each in found if each.is_displayed() and text in each.text), None)

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element with this selector and text, as soon as it is there."""

        def clicked() -> bool:
            found = self.find(selector, text)
            if found is None:
                return False
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
            found.click()
            return True

        self.wait(clicked, f"a click on {selector} {text!r}")

    def open_form(self, deployment: str) -> None:
        """*Run* → *Custom run* on a deployment's page."""
        self.open("deployments")
        self.click("a", deployment)
        self.click("button", "Run")
        self.click("[role=menuitem]", "Custom run")
        self.wait(lambda: self.find("button[type=submit]", "Submit"), "the form")

    def _label(self, title: str) -> str:
        """What the label with this title stands for: an id."""

        def found() -> list[str]:
            labels = self.driver.find_elements(By.TAG_NAME, "label")
            return [str(each.get_attribute("for")) for each in labels if each.text.removesuffix(" (Optional)") == title]

        return self.wait(found, f"the field {title}")[0]

    def choose(self, title: str, option: str) -> None:
        """Choose from a field's list."""
        self.click(f"button[aria-label='Select {title}']")

        def chosen() -> bool:
            found = [each for each in self.driver.find_elements(By.CSS_SELECTOR, "[role=option]") if each.text == option]
            return bool(found) and found[0].click() is None

        self.wait(chosen, f"{option} in the list of {title}")
        self.wait(lambda: self.driver.find_element(By.ID, self._label(title)).text == option, f"{option} chosen for {title}")

    def write(self, title: str, text: str) -> WebElement:
        """Replace what stands in a field; gives back its box."""
        box = self.wait(lambda: self.driver.find_element(By.ID, self._label(title)), f"the box of {title}")
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(text)
        self.wait(lambda: box.get_attribute("value") == text, f"{text!r} in {title}")
        return box

    def submit(self) -> str:
        """Send the form; gives back the id of the run that it makes."""
        before = self.served.asked_for()
        self.click("button[type=submit]", "Submit")
        (run,) = self.wait(lambda: self.served.asked_for() - before, "a run of the form")
        self.leave()
        return run

    def open_run(self, run: str, tab: str) -> None:
        """A run's page, on one of its tabs."""
        self.open(f"runs/flow-run/{run}")
        self.click("[role=tab]", tab)

    def open_artifact(self, run: str, key: str) -> None:
        """An artifact of a run."""
        wanted = {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}
        (artifact,) = self.served.ask("artifacts/filter", artifacts=wanted)
        self.open(f"artifacts/artifact/{artifact['id']}")
        self.sees(artifact["description"])

    def rows(self) -> list[dict[str, str]]:
        """The first table as a person reads it: a row's cells by their headings."""
        script = """
            const table = document.querySelector("table")
            return table && [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim()))
        """
        headings, *rows = self.wait(lambda: self.driver.execute_script(script), "a table")
        return [dict(zip(headings, row, strict=True)) for row in rows]

    def pictures(self) -> list[tuple[int, int]]:
        """Width and height of each embedded picture that was really drawn, once all are loaded."""
        script = """
            const found = [...document.querySelectorAll("img[src^='data:']")]
            const drawn = found.filter(each => each.naturalWidth && each.clientWidth)
            const loaded = drawn.length && found.every(each => each.complete)
            return loaded && drawn.map(each => [each.naturalWidth, each.naturalHeight])
        """
        return [tuple(each) for each in self.wait(lambda: self.driver.execute_script(script), "embedded pictures")]

    def picture(self, name: str, *, height: int = HEIGHT) -> None:
        """Write down what a person sees now, where `MMUDA_SCREENSHOTS` names a folder."""
        if not (folder := os.environ.get(SCREENSHOTS)):
            return
        self.driver.set_window_size(WIDTH, height)
        self.driver.execute_script("document.querySelectorAll('*').forEach(each => each.scrollTop = 0)")
        time.sleep(1.0)  # what is drawn on a canvas follows the window
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Image.open(io.BytesIO(self.driver.get_screenshot_as_png())) as drawn:
            drawn.convert("RGB").save(Path(folder) / name, quality=78, optimize=True)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, which reaches this machine alone."""
    for program, package in ((CHROMIUM, "chromium"), (CHROMEDRIVER, "chromium-driver")):
        if not program.exists():
            pytest.skip(f"{program} is missing (Debian's package {package})")
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
        f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ):  # fmt: skip
        options.add_argument(argument)
    chrome = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    yield chrome
    chrome.quit()


@pytest.fixture(scope="session")
def served(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:  # noqa: ARG001  # skips first
    """`mmuda serve` as a person starts it, with a home, a cache and a port of its own; it has to end well."""
    folder = tmp_path_factory.mktemp("served")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = ours | {
        "PREFECT_HOME": str(folder / "home"), "MMUDA_CACHE": str(folder / "cache"), "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    port, log = _free_port(), folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [MMUDA, "serve", "--port", str(port)], env=environment, cwd=folder, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: f"Page: {url}" in log.read_text() or process.poll() is not None, "the page's address", seconds=240)
        assert process.poll() is None, log.read_text()
        yield Served(url, folder / "cache", folder / "runs", environment, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        _end(process)


@pytest.fixture(scope="session")
def page(driver: webdriver.Chrome, served: Served) -> Page:
    """The page in a browser."""
    return Page(driver, served)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it has started."""
    found = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    for each in (process, *found):
        try:
            each.kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    process.wait()
