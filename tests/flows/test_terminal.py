"""What a person sees while something runs: on a terminal of 80 columns, in a log, and where quiet is asked for."""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl

import pytest

from flows import terminal

COLUMNS = 80
MOVE = re.compile(r"\x1b\[\??([\d;]*)([A-Za-z])")


class Screen:
    """A terminal of 80 columns, as far as bars use one: what stands on its lines, and which of them were too long."""

    def __init__(self) -> None:
        self.lines, self.row, self.column = [""], 0, 0
        self.too_long: list[str] = []
        self.hidden = False

    def feed(self, text: str) -> "Screen":
        at = 0
        while at < len(text):
            if move := MOVE.match(text, at):
                self._move(move[1], move[2])
                at = move.end()
                continue
            self._put(text[at])
            at += 1
        return self

    def _move(self, number: str, kind: str) -> None:
        if kind == "A":
            self.row = max(0, self.row - int(number or 1))
        elif kind == "K":
            self.lines[self.row] = "" if number == "2" else self.lines[self.row][: self.column]
        elif number == "25":
            self.hidden = kind == "l"

    def _put(self, sign: str) -> None:
        if sign == "\r":
            self.column = 0
        elif sign == "\n":
            self._down()
        else:
            if self.column == COLUMNS:
                self.too_long.append(self.lines[self.row])
                self._down()
                self.column = 0
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + sign + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


def on_a_terminal(script: str, **environment: str) -> str:
    """Everything that a script writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    plain = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "MMUDA_QUIET")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", f"from flows.terminal import *\n{script}"],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**plain, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not part:
            break
        written += part
    os.close(ours)
    process.wait()
    return written.decode()


def test_the_longest_bars_fit_80_columns_with_count_rate_and_time():
    screen = Screen().feed(
        on_a_terminal(
            "for _ in track(range(12345), total=12345, title='Back-translating en→fr→de→en', unit='translations'): pass\n"
            "for _ in track(range(24), total=24, title='mmbt+uda-seed1 · epoch 2/3 · plain', unit='batches'): pass\n"
            "for _ in track(range(3), total=3, title='a title that is longer than any terminal is wide ' * 2): pass\n"
        )
    )
    assert screen.too_long == []
    shown = [line.rstrip() for line in screen.lines if line.strip()]
    assert len(shown) == 3
    assert re.fullmatch(r"Back-translating en→fr→de→en ━{5,} 12,345/12,345 +[\d,]+/s in \d.* s", shown[0])
    assert re.fullmatch(r"mmbt\+uda-seed1 · epoch 2/3 · plain ━{5,} 24/24 batches +[\d,]+/s in \d.* s", shown[1])
    assert re.search(r"… ━{5,} 3/3 ", shown[2])


def test_time_left_is_shown_from_the_first_item_on():
    # 1 of 3 done in 0.3 s or more: 2 are left, 0.6 s or more
    written = on_a_terminal(
        "import time\nfor _ in track(range(3), total=3, title='Sample'):\n    time.sleep(0.3)\n",
    )
    assert re.search(r"1/3 films +\d\.\d+/s +(0\.[6-9]|[1-9][\d.]*) s left", written)


def test_a_line_that_is_printed_meanwhile_stands_above_the_bar():
    screen = Screen().feed(
        on_a_terminal(
            "import time\nfor done in track(range(4), total=4, title='Sample'):\n    time.sleep(0.3)\n"
            "    if done == 1: notice('waiting for process 4711')\n"
        )
    )
    shown = [line.rstrip() for line in screen.lines if line.strip()]
    assert shown[0] == "waiting for process 4711"
    assert shown[1].startswith("Sample ━")
    assert len(shown) == 2


def test_a_bar_within_a_wait_has_the_line_to_itself_and_the_wait_leaves_none():
    written = on_a_terminal(
        "import time\nwith step('Loading'):\n    time.sleep(0.3)\n"
        "    for _ in track(range(4), total=4, title='Sample'): time.sleep(0.3)\n    time.sleep(0.3)\n"
    )
    assert "Loading" in written
    assert "Loading" not in written[written.index("0/4") : written.index("4/4")]
    screen = Screen().feed(written)
    assert [line.split()[0] for line in screen.lines if line.strip()] == ["Sample"]
    assert not screen.hidden  # the cursor is back


def test_what_is_put_away_gives_the_cursor_back():
    bar = "bar = track(range(9), total=9, title='Sample')\nnext(bar); next(bar)\n"
    assert Screen().feed(on_a_terminal(bar + "import os; sys.stderr.flush(); os._exit(0)")).hidden
    assert not Screen().feed(on_a_terminal(bar + "put_away(); sys.stderr.flush(); import os; os._exit(0)")).hidden


def test_no_color_leaves_no_colour():
    script = "for _ in track(range(3), total=3, title='Sample'): pass\nconsole().print('problem', style='red')\n"
    assert "\x1b[31m" in on_a_terminal(script)
    assert not re.search(r"\x1b\[(3[0-7]|9[0-7]|38[;\d]*)m", on_a_terminal(script, NO_COLOR="1"))


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines():
    script = (
        "import flows.terminal as t; t.SECONDS_BETWEEN_LINES = -1\nfor _ in track(range(2), total=2, title='Sample'): pass\n"
    )
    written = on_a_terminal(script, TERM="dumb")
    assert "\x1b" not in written
    assert "Sample: 1/2 films" in written


def test_a_log_gets_plain_lines_with_rate_and_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", -1.0)
    monkeypatch.delenv(terminal.QUIET, raising=False)
    assert list(terminal.track("ab", total=2, title="Sample")) == ["a", "b"]
    first, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Sample: 1/2 films, [\d,.]+/s, [\d.]+ s left", first)
    assert re.fullmatch(r"Sample: 2/2 films in [\d.]+ s", last)


def test_forced_colours_do_not_make_a_terminal_of_a_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with terminal.step("Loading"):
        assert list(terminal.track("ab", total=2, title="Sample")) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


def test_quiet_leaves_results_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", -1.0)
    monkeypatch.delenv(terminal.QUIET, raising=False)
    with terminal.quietly():
        assert list(terminal.track("ab", total=2, title="Sample")) == ["a", "b"]
        terminal.notice("waiting")
        terminal.say("demo-3a684bbb")
    assert capsys.readouterr().out == "demo-3a684bbb\n"
    assert not terminal.quiet()


def test_quiet_holds_on_a_terminal_too():
    script = "with step('Loading'):\n    for _ in track(range(3), total=3, title='Sample'): pass\nsay('done')\n"
    assert on_a_terminal(script, MMUDA_QUIET="1") == "done\r\n"


def test_a_variable_of_0_asks_for_no_quiet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(terminal.QUIET, "0")
    assert not terminal.quiet()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.44, "0.4 s"), (41.2, "41 s"), (119.4, "119 s"), (720, "12 min"), (12000, "3 h 20 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str):
    assert terminal.span(seconds) == said


@pytest.mark.parametrize(("rate", "said"), [(1234.4, "1,234/s"), (35.2, "35/s"), (3.46, "3.5/s"), (0.346, "0.35/s")])
def test_rates_have_about_three_figures(rate: float, said: str):
    assert terminal.pace(rate) == said


def test_a_bar_that_is_not_kept_leaves_no_line():
    screen = Screen().feed(on_a_terminal("for _ in track(range(3), total=3, title='Scoring', keep=False): pass\nsay('done')\n"))
    assert [line.rstrip() for line in screen.lines if line.strip()] == ["done"]


def test_a_complaint_on_a_terminal_ends_its_lines_between_words():
    screen = Screen().feed(on_a_terminal("complain('mmuda: ' + 'a cure that is long ' * 9)"))
    assert screen.too_long == []
    assert {word for line in screen.lines for word in line.split()} == {"mmuda:", "a", "cure", "that", "is", "long"}


def test_a_complaint_elsewhere_stays_as_it_is(capsys: pytest.CaptureFixture[str]):
    terminal.complain("mmuda: " + "long " * 40 + "[red]")
    assert capsys.readouterr().err == "mmuda: " + "long " * 40 + "[red]\n"
