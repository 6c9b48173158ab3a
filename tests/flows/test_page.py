"""What a person sees of a run: artifacts, progress, log lines and events, on a real Prefect server."""

import base64
import io
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from markdown_it import MarkdownIt
from PIL import Image
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, temporary_settings

from augment.image.spec import RandAugmentSpec
from augment.text.spec import BackTranslationSpec
from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version
from flows.page import gallery, lineage, summary
from flows.page.artifacts import markdown, show
from flows.page.markup import cell
from flows.page.notes import from_threads, note, wait_note
from flows.page.progress import Progress
from flows.page.watch import watched
from flows.recipes import AugmentationPlan, TrainingPlan
from flows.terminal import span
from train.config import ImageEncoderConfig, OptimConfig, TextEncoderConfig
from train.finished import read_result

pytestmark = pytest.mark.usefixtures("prefect_server")

PLAN = AugmentationPlan(
    name="page",
    source=BundledSource(),
    sample=0.1,
    unlabelled=0.02,
    text=BackTranslationSpec(engine="bergamot", pivot="pt", min_chars=40),
    image=RandAugmentSpec(magnitude=9),
    threads=1,
)
PICTURE = re.compile(r"data:image/(jpeg|png);base64,([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page-cache")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> str:
    """Id of the version of `PLAN`, made once for this module and found by the tests that follow."""
    from flows.commands import run_augmentation

    monkeypatch.setenv("MMUDA_CACHE", str(shared_cache))
    return run_augmentation(PLAN)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the runs log, as they log it."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname} {record.getMessage()}")

    keep = Keep()
    loggers = [logging.getLogger(f"prefect.{of}") for of in ("flow_runs", "task_runs")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(keep)
        logger.setLevel(logging.INFO)
    yield lines
    for logger, level in zip(loggers, before, strict=True):
        logger.removeHandler(keep)
        logger.setLevel(level)


def artifacts(key: str) -> list[Any]:
    """Artifacts of a key, oldest first."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return sorted(found, key=lambda artifact: artifact.created)


def newest(key: str) -> str:
    return str(artifacts(key)[-1].data)


def manifest_of(folder: Path) -> dict[str, Any]:
    """A manifest as plain JSON: read without the project's own classes."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def events(name: str, *, of: str, at_least: int) -> list[dict[str, Any]]:
    """Events of a name about the version `of`, newest first, as soon as the server has them."""
    until = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while True:
            wanted = {"filter": {"event": {"name": [name]}}, "limit": 50}
            every = client._client.post("/events/filter", json=wanted).json()["events"]
            found = [one for one in every if one["payload"]["version"] == of]
            if len(found) >= at_least or time.monotonic() > until:
                return found
            time.sleep(0.3)


class Seen(HTMLParser):
    """Elements and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def drawn(text: str) -> Seen:
    """Markdown as another implementation of it draws it."""
    return Seen(MarkdownIt("commonmark").enable("table").render(text))


HOSTILE = '<script>alert("x")</script> a|b *not* _emphasis_ `code` [link](http://a.b) ![x](y) </td> </table> &lt; # no'


class NoSpec(Frozen):
    """Settings of a shelf that was written by hand."""

    source: dict[str, Any] = {"kind": "moviescope"}
    share: float = 1.0


@pytest.fixture
def hostile(tmp_path: Path) -> Version:
    """A version of three films whose title and plot are full of markup and empty lines."""
    cache, out = Cache(tmp_path / "cache"), io.BytesIO()
    Image.new("RGB", (256, 256), "red").save(out, "JPEG")
    picture = out.getvalue()
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            film = {"id": f"{split}1", "title": HOSTILE, "plot": f"{HOSTILE}\n\n{HOSTILE}", "poster": picture}
            stage.write(split, film | {"poster_256": picture, "genres": ["<b>Drama|"]})
        stage.publish(ShelfId("sample-1"), spec=NoSpec(), genres=["<b>Drama|"])
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        stage.write("train", {"id": "train1", "view": 0, "plot": f"New {HOSTILE}", "sentences": 1, "kept": []})
        stage.publish(ShelfId("text-1"), spec=NoSpec(), parents=["sample-1"], counts={"kept: <i>|": 3})
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        stage.write("train", {"id": "train1", "view": 0, "poster_256": picture, "ops": ["<u>Op"], "kept": None})
        stage.publish(ShelfId("image-1"), spec=NoSpec(), parents=["sample-1"])
    plan = {"source": {"kind": "moviescope", "root": '/films/"]; <script> | end'}}
    found = versions.publish(
        cache, name="x", sample=ShelfId("sample-1"), text=ShelfId("text-1"), image=ShelfId("image-1"), plan=plan
    )
    return open_version(cache, found.id)


def test_the_summary_has_the_numbers_of_the_manifests(made: str, shared_cache: Path):
    shown = newest("version-summary")
    version = manifest_of(shared_cache / "versions" / made)
    assert version["rows"] == {"train": 14, "validation": 2, "test": 4, "unlabelled": 3}  # 10 % of 140, 20, 40; 2 % of 126
    assert "| training | validation | test | unlabelled |\n| --- | --- | --- | --- |\n| 14 | 2 | 4 | 3 |" in shown
    shelves = {name: version["spec"][name] for name in ("sample", "text", "image", "pool", "pool_text", "pool_image")}
    assert all(f"`{shelf}`" in shown for shelf in shelves.values())
    text = manifest_of(shared_cache / "shelves" / shelves["text"])
    assert text["counts"]["kept: too short"] > 0  # what is shorter than 40 characters is kept
    assert f"| plots | kept: too short | {text['counts']['kept: too short']} | {text['counts']['sentences']} |" in shown
    pool = manifest_of(shared_cache / "shelves" / shelves["pool_text"])
    assert f"| {text['quality']['chrf']:.1f} | {pool['quality']['chrf']:.1f} |" in shown
    for setting in ("Source: bundled", "10% of each split", "en→pt→en by bergamot", "magnitude 9, 2 operations", "2% of the"):
        assert setting in shown


def test_the_summary_says_what_this_run_made_and_what_it_found(made: str):
    version = open_version(Cache(), made)
    later, earlier = datetime(2100, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
    assert "Everything was in the cache already" in summary.as_markdown(version, since=later, seconds=1)
    assert "6 of 6 shelves made by this run in 90 s" in summary.as_markdown(version, since=earlier, seconds=90)


def test_the_gallery_has_twelve_films_before_and_after_in_small_pictures(made: str):
    shown = newest("gallery")
    assert f"Films of {made}" in shown
    assert shown.count("<table>") == 12  # of 14
    pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for kind, data in PICTURE.findall(shown)]
    assert [(picture.format, picture.size) for picture in pictures] == [("JPEG", (128, 128))] * 24
    assert len(shown) < 400_000
    assert len(set(PICTURE.findall(shown))) > 12  # RandAugment changed posters


def test_the_gallery_marks_the_words_that_differ_and_no_others(made: str):
    version = open_version(Cache(), made)
    films = version.films("train")
    texts = version.text_views()
    assert texts
    view = {row["id"]: row["plot"] for row in texts}[films[0]["id"]]
    first = gallery.as_markdown(version).split("<table>")[1]
    left, right = first.split("<tr><td")[-1].split("</td><td")
    unchanged = [re.sub(r"<(del|ins)>.*?</\1>", "", side, flags=re.DOTALL) for side in (left, right)]
    words = [Seen(f"<td{side}").text.removesuffix("…").split() for side in unchanged]
    shared = min(map(len, words))
    assert words[0][:shared] == words[1][:shared]  # what is left of both sides is the same text
    assert Seen(f"<td{right}").text.removesuffix("…").split()[:20] == view.split()[:20]
    assert "<del>" in left
    assert "<ins>" in right


def test_markup_in_a_film_stays_text_in_the_gallery(hostile: Version):
    page = drawn(gallery.as_markdown(hostile))
    assert set(page.elements) <= {"h2", "p", "table", "thead", "tbody", "tr", "th", "td", "b", "img", "del", "ins"}
    assert page.elements.count("table") == 1
    assert page.elements.count("td") == 4
    assert page.text.count(HOSTILE) == 4  # title, twice in the plot, once in the augmented plot
    assert "New <script>" in page.text
    assert "<u>Op" in page.text
    assert "<b>Drama|" in page.text


def test_markup_in_reasons_genres_and_paths_stays_text_in_the_summary(hostile: Version):
    page = drawn(summary.as_markdown(hostile, since=datetime.now(UTC), seconds=1))
    assert set(page.elements) <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code"}
    for said in ("kept: <i>|", "<b>Drama|", '/films/"]; <script> | end'):
        assert said in page.text


def test_a_cell_of_a_table_is_one_line_of_plain_text():
    page = drawn(f"| a |\n|---|\n| {cell(HOSTILE)} |\n")
    assert (page.elements, page.text) == (["table", "thead", "tr", "th", "tbody", "tr", "td"], f"a {HOSTILE}")


def test_the_lineage_draws_and_lists_every_shelf_and_what_it_was_made_of(made: str, shared_cache: Path):
    shown = newest("lineage")
    spec = manifest_of(shared_cache / "versions" / made)["spec"]
    for name in ("sample", "text", "image", "pool", "pool_text", "pool_image"):
        assert shown.count(spec[name].replace("-", "#45;")) + shown.count(spec[name]) >= 2  # diagram and table
    arrows = set(re.findall(r"(\w+) --> (\w+)", shown))
    pool = {("pool", "pooltext"), ("pool", "poolimage"), ("pooltext", "version"), ("poolimage", "version")}
    shelves = {("source", "sample"), ("sample", "text"), ("sample", "image"), ("text", "version"), ("image", "version")}
    assert arrows == shelves | pool | {("sample", "pool")}
    assert f"| version | `{made}` | plots, posters, plots of the pool, posters of the pool | 23 films |" in shown


def test_a_path_with_quotes_cannot_break_out_of_the_diagram(hostile: Version):
    diagram = lineage.of_version(hostile).split("```")[1]
    labels = re.findall(r'\["(.*)"\]', diagram)
    assert len(labels) == 5  # source, sample, plots, posters, version
    assert not any(set('"[]<>;|') & set(re.sub(r"<br/>|#\d+;", "", label)) for label in labels)


def test_events_tell_a_new_version_from_one_that_was_found_and_from_one_made_again(made: str):
    from flows.commands import run_augmentation

    known = len(events("mmuda.version.found", of=made, at_least=0))
    assert run_augmentation(PLAN) == made
    found = events("mmuda.version.found", of=made, at_least=known + 1)
    assert len(found) > known
    published = events("mmuda.version.published", of=made, at_least=1)
    assert len(published) == 1
    for event in (found[0], published[0]):
        assert event["resource"] == {"prefect.resource.id": f"mmuda.version.{made}", "prefect.resource.name": made}
        assert event["payload"] == {"version": made, "name": "page", "summary": PLAN.summary()}
        related = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in event["related"]}
        assert related["sample"] == f"mmuda.sample.{open_version(Cache(), made).sample.id}"
        assert related["source"] == "mmuda.source.bundled"
    assert run_augmentation(PLAN.model_copy(update={"rebuild": True})) == made
    assert len(events("mmuda.version.published", of=made, at_least=2)) == 2


def test_the_log_says_what_was_published_and_what_was_found(
    made: str, log: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from flows.commands import run_augmentation

    sample = open_version(Cache(), made).sample.id
    run_augmentation(PLAN)
    assert f"INFO {sample} found in the cache" in log
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path / "cache"))
    run_augmentation(PLAN.model_copy(update={"text": None, "unlabelled": 0.0}))
    assert any(re.fullmatch(rf"INFO {sample} published: 20 films, in [\d.]+ s", line) for line in log)
    assert any(re.fullmatch(r"INFO image-\w+ published: 14 posters, in [\d.]+ s", line) for line in log)


def test_training_puts_results_comparison_curves_and_lineage_on_its_page(made: str, tmp_path: Path):
    from flows.commands import run_training

    plan = TrainingPlan(
        version=made,
        models=("bert",),
        text=TextEncoderConfig(name="embedded", max_tokens=24),
        image=ImageEncoderConfig(name="embedded"),
        optim=OptimConfig(max_epochs=2, head_learning_rate=5e-3),
        trackers=(),
        runs=tmp_path,
    )
    *folders, report = run_training(plan)
    written = json.loads((tmp_path / f"results-{made}.json").read_text(encoding="utf-8"))
    assert json.loads(newest("results")) == written["rows"]
    comparison = newest("comparison")
    assert written["effects"][0]["sentence"] in comparison
    assert str(report) in comparison
    kind, data = PICTURE.findall(newest("curves"))[0]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (kind, picture.format, picture.size) == ("png", "PNG", (860, 310))
    shown = newest("lineage")
    assert ("version", "training") in set(re.findall(r"(\w+) --> (\w+)", shown))
    for folder in folders:
        assert f"| `{folder.name}` | test AP micro {100 * read_result(folder).test.ap_micro:.1f} % |" in shown
    finished = events("mmuda.training.finished", of=made, at_least=1)[0]
    assert finished["payload"] == {"version": made, "cells": [folder.name for folder in folders], "report": str(report)}
    related = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in finished["related"]}
    assert related["version"] == f"mmuda.version.{made}"
    assert finished["resource"]["prefect.resource.id"] == f"mmuda.training.{related['flow-run'].rpartition('.')[2]}"
    assert artifacts("progress-bert-uda-seed1")[-1].data == 100
    assert "of 2 tested" in str(artifacts("progress-bert-uda-seed1")[-1].description)


@pytest.mark.slow
def test_a_cell_that_several_processes_train_says_on_its_page_and_in_the_log_how_it_ended(
    made: str, tmp_path: Path, log: list[str]
):
    from flows.commands import run_training

    plan = TrainingPlan(
        version=made,
        models=("bert",),
        uda="off",
        text=TextEncoderConfig(name="embedded", max_tokens=24),
        optim=OptimConfig(max_epochs=1),
        processes=2,
        runs=tmp_path,
    )
    run_training(plan)
    ended = artifacts("progress-bert-seed1")[-1]
    assert ended.data == 100
    assert "epoch 1 of 1 tested" in str(ended.description)
    assert any("test AP micro" in line and "epoch 1 of 1 tested" in line for line in log)


def ticking(seconds: float) -> tuple[Callable[[], float], Callable[[], None]]:
    """A clock, and what moves it on."""
    now = [0.0]

    def on() -> None:
        now[0] += seconds

    return lambda: now[0], on


def progress_during(key: str, *, items: int, seconds: float, **settings: int) -> list[tuple[float, str]]:
    """Percent and description on the page after each item of a step whose items take `seconds` each."""
    clock, on = ticking(seconds)
    seen: list[tuple[float, str]] = []

    @flow
    def work() -> None:
        track = Progress(key, clock=clock, **settings)
        for number in track(range(items), total=items, title="Counting"):
            if number:
                seen.extend((one.data, one.description) for one in artifacts(f"progress-{key}")[-1:])
            on()
        seen.extend((one.data, one.description) for one in artifacts(f"progress-{key}")[-1:])

    work()
    return seen


def test_progress_says_how_many_the_rate_and_the_time_left():
    # an item takes 2 s: told after 1 s first, that is after the 1st item, and then 5 s later, after the 4th and the 7th
    seen = progress_during("count", items=8, seconds=2.0)
    assert seen[0] == (12.5, "1 of 8 films, 0.5 films/s, 14 s left · Counting")
    assert seen[2] == seen[0]
    assert seen[3] == (50.0, "4 of 8 films, 0.5 films/s, 8.0 s left · Counting")
    assert seen[6] == (87.5, "7 of 8 films, 0.5 films/s, 2.0 s left · Counting")
    assert seen[7] == (100.0, "8 films in 16 s · Counting")


def test_progress_of_a_step_in_parts_counts_them_all_and_bounds_the_time_left():
    # the second of four epochs, 8 items of 2 s: after 2 s, 1/8 of the second is done, that is (1 + 1/8) / 4 = 28.1 %;
    # at a 32nd in 2 s, the other 23 take 46 s
    seen = progress_during("epochs", items=8, seconds=2.0, parts=4, done=1)
    assert seen[0] == (28.1, "1 of 8 films, 0.5 films/s, 14 s left of it, at most 46 s of all · Counting")


def test_a_long_step_logs_its_start_its_end_and_a_line_each_tenth_at_most_each_minute(log: list[str]):
    clock, on = ticking(30.0)

    @flow
    def work() -> None:
        for _ in Progress("long", clock=clock)(range(40), total=40, title="Long"):
            on()

    work()
    lines = [line.removeprefix("INFO ") for line in log if "Long: " in line]
    # 40 items of 30 s: the first, then each 4 items (a tenth, 2 min), the 37th last, then the end
    assert [int(line.split()[1]) for line in lines] == [1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 40]
    assert lines[-1] == "Long: 40 films in 20 min"


def test_what_other_processes_do_is_looked_at_now_and_then():
    done = 1
    seen: list[str] = []

    @flow
    def work() -> None:
        nonlocal done
        with watched("others", lambda: done, total=4, title="Epochs", unit="epochs", every=0.05):
            until = time.monotonic() + 30
            done = 2
            while not seen and time.monotonic() < until:
                time.sleep(0.1)
                seen.extend(f"{one.data:g} {one.description}" for one in artifacts("progress-others"))

    work()
    # half of four is done; the one that was seen to be done took some part of a second, so two more take as long twice
    assert re.fullmatch(r"50 2 of 4 epochs, at most [\d.]+ s left · Epochs", seen[0])


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_a_server_that_is_gone_costs_a_warning_of_each_kind_and_the_work_goes_on(log: list[str]):
    passed: list[int] = []
    clock, on = ticking(70.0)

    @flow
    def work() -> None:
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{closed_port()}/api"}):
            for item in Progress("gone", clock=clock)(range(4), total=4, title="Going on"):
                passed.append(item)
                on()
            show(markdown("gone", "text", description="d"), markdown("gone-too", "text", description="d"))

    work()
    assert passed == [0, 1, 2, 3]
    warnings = [line for line in log if line.startswith("WARNING")]
    silence = "WARNING Prefect's server does not answer; the work goes on, and the page stays"
    assert warnings == [f"{silence} behind with its progress.", f"{silence} without gone, gone-too."]
    assert not artifacts("gone")


def test_without_a_run_nothing_is_shown_and_the_items_pass(capsys: pytest.CaptureFixture[str]):
    before = len(artifacts("alone"))
    assert list(Progress("alone")(range(3), total=3, title="Alone")) == [0, 1, 2]
    show(markdown("alone", "text", description="d"))
    note("nobody reads this")
    wait_note("waiting for process 1")
    assert capsys.readouterr().out == "waiting for process 1\n"
    assert len(artifacts("alone")) == before


def test_whom_a_run_waits_for_is_in_its_log_too(log: list[str]):
    @flow
    def work() -> None:
        wait_note("waiting for process 1")

    work()
    assert "INFO waiting for process 1" in log


def test_whom_a_thread_of_a_run_waits_for_is_in_the_runs_log_too(log: list[str]):
    @flow
    def work() -> None:
        thread = Thread(target=from_threads(wait_note), args=["waiting for process 2"])
        thread.start()
        thread.join()

    work()
    assert "INFO waiting for process 2" in log


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (41.4, "41 s"), (119.6, "2 min"), (720, "12 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, said: str):
    assert span(seconds) == said
