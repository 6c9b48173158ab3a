"""What is decided before the libraries are imported: their bars, their colours, their log lines."""

import os

import pytest

from flows import environment, terminal


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment of its own that holds next to nothing."""
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "TERM": "xterm",
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
    }
    monkeypatch.setattr(os, "environ", plain)
    return plain


def test_libraries_show_no_bars(variables: dict[str, str]):
    environment.prepare_libraries()
    assert variables["HF_HUB_DISABLE_PROGRESS_BARS"] == variables["HF_DATASETS_DISABLE_PROGRESS_BARS"] == "1"


@pytest.mark.parametrize(("terminal_there", "kept"), [(True, True), (False, False)])
def test_downloads_keep_their_bars_on_a_terminal_alone(
    terminal_there: bool,  # noqa: FBT001
    kept: bool,  # noqa: FBT001
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(terminal, "moves", lambda: terminal_there)
    environment.prepare_libraries(downloads=True)
    assert ("HF_HUB_DISABLE_PROGRESS_BARS" not in variables) is kept


@pytest.mark.parametrize("unwanted", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_unwanted_colours_are_left_out_of_prefects_log(unwanted: dict[str, str], variables: dict[str, str]):
    environment.prepare_prefect()
    assert "PREFECT_LOGGING_COLORS" not in variables
    variables.update(unwanted)
    environment.prepare_prefect()
    assert variables["PREFECT_LOGGING_COLORS"] == "false"


def test_an_empty_no_color_says_nothing(variables: dict[str, str]):
    variables["NO_COLOR"] = ""  # https://no-color.org: "when present and not an empty string"
    assert not environment.colourless()


def test_quiet_wins_over_what_was_asked_of_prefects_log(variables: dict[str, str]):
    variables.update({"PREFECT_LOGGING_LEVEL": "INFO", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO"})
    environment.prepare_prefect()
    assert variables["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "INFO"
    variables["MMUDA_QUIET"] = "1"
    environment.prepare_prefect()
    assert variables["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"
