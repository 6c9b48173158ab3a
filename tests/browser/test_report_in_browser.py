"""The report as a reader sees it: both colour schemes, a desk and a phone, with nothing but the file."""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from selenium import webdriver

from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import IMAGE_VIEW_FEATURES, SAMPLE_FEATURES, TEXT_VIEW_FEATURES
from datasets_cache.store import Cache
from datasets_cache.version import publish
from train import history, predictions
from train.config import RunConfig, UdaConfig
from train.metrics import scores
from train.predictions import Predictions
from train.records import EpochMetrics, RunResult, Scores
from train.report import write_report

pytestmark = pytest.mark.browser

HOSTILE_GENRE = "<script>ran=3"
GENRES = (*(f"genre-{number:02}" for number in range(22)), HOSTILE_GENRE)
FILMS = 30
HOSTILE = "<script>window.ran = 1</script> & <img src='http://127.0.0.1:9/x.png' onerror='window.ran = 2'>"
LONG_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 2
DESK, PHONE = 1200, 390
CONTRAST = 4.5
"""Least contrast of text that WCAG 2.1 asks for (1.4.3)."""

WEAK = """
    const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
    const rgba = colour => {
        pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1)
        return [...pen.getImageData(0, 0, 1, 1).data]
    }
    const light = ([red, green, blue]) => [red, green, blue].map(each => each / 255)
        .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
        .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0)
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const found = rgba(getComputedStyle(at).backgroundColor)
            if (found[3] === 255) return found
        }
        return rgba("white")
    }
    const texts = [...document.body.querySelectorAll("*")].filter(each => each.getClientRects().length
        && [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    return [texts.length, texts.flatMap(each => {
        const style = getComputedStyle(each)
        const ink = light(rgba(each instanceof SVGElement ? style.fill : style.color)), paper = light(behind(each))
        const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
        return ratio < arguments[0] ? [`${each.tagName} ${ratio.toFixed(2)}: ${each.textContent}`] : []
    })]
"""
"""How many elements show text, and those whose text stands out less than it has to."""


class Spec(Frozen):
    """Settings of a made-up shelf."""

    name: str = "tiny"


def poster(number: int) -> bytes:
    """A small picture as a JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (64, 96), (20 * number % 256, 90, 160)).save(file, "JPEG")
    return file.getvalue()


def make_version(cache: Cache) -> str:
    """Publish a version with both views, and with markup in what its films say."""
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            for film in range(FILMS):
                genres = [GENRES[0], *([GENRES[1 + film % 22]] if film % 3 else [])]
                row = {"id": f"{split}{film:02}", "title": HOSTILE, "plot": f"{HOSTILE} {LONG_WORD} old words {film}"}
                pictures = {"poster": poster(film), "poster_256": poster(film), "given_poster_256": None}
                stage.write(split, row | pictures | {"genres": genres, "given_plot": None})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=GENRES).id
    with cache.stage("text", TEXT_VIEW_FEATURES) as stage:
        for film in range(FILMS):
            row = {"id": f"train{film:02}", "view": 0, "plot": f"{HOSTILE} {LONG_WORD} new words {film}", "sentences": 2}
            stage.write("train", row | {"kept": [], "retried": 0, "numbers_lost": 0, "names_lost": 0, "chrf": 50.0 + film})
        text = stage.publish(shelf_id("text", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    with cache.stage("image", IMAGE_VIEW_FEATURES) as stage:
        for film in range(FILMS):
            row = {"id": f"train{film:02}", "view": 0, "poster_256": poster(film + 1), "ops": ["Rotate -9.0"], "kept": None}
            stage.write("train", row)
        image = stage.publish(shelf_id("image", Spec(), [sample]), spec=Spec(), parents=[sample]).id
    plan = {"name": "tiny", "source": {"kind": "bundled", "archive": f"/somewhere/{LONG_WORD}"}, "sample": 1.0}
    return publish(cache, name="moviescope", sample=sample, text=text, image=image, plan=plan).id


def epoch(number: int, found: Scores, *, uda: bool) -> EpochMetrics:
    """One epoch, the consistency term on in the first."""
    on = uda and number == 1
    return EpochMetrics(
        epoch=number, phase="uda" if on else "plain", learning_rate=1e-4, supervised=0.3, consistency=0.03 if on else None,
        consistency_weight=1.0 if on else None, consistency_share=0.1 if on else None, train_loss=0.3, train_ap_micro=0.8,
        train_ap_macro=0.7, gap=0.2, smoothed_gap=None, modality_losses={}, ogr={"model": 0.5 * number}, validation=found,
        best=True, seconds=1.0, waiting=0.1,
    )  # fmt: skip


def trained(runs: Path, version: str, *, uda: bool) -> RunResult:
    """A finished run as the trainer leaves it, without weights."""
    config = RunConfig(version=version, model="bert", uda=UdaConfig() if uda else None)
    folder = runs / f"bert{'+uda' if uda else ''}-seed1"
    folder.mkdir(parents=True)
    labels_FG = torch.zeros(FILMS, len(GENRES))
    for film in range(FILMS):
        labels_FG[film, 0] = 1
        labels_FG[film, 1 + film % 22] = float(film % 3 > 0)
    logits_FG = torch.from_numpy(np.random.default_rng(uda).normal(size=labels_FG.shape)).float() + labels_FG
    ids = tuple(f"test{film:02}" for film in range(FILMS))
    predictions.save(folder / predictions.TEST, Predictions(ids, GENRES, logits_FG, labels_FG))
    found = scores(logits_FG, labels_FG, genres=GENRES)
    for number in (1, 2):
        history.append(folder, epoch(number, found, uda=uda))
    return RunResult(
        run=folder.name, version=version, model="bert", uda=uda, seed=1, config=config, genres=GENRES, best_epoch=2, epochs=2,
        train=found, validation=found, test=found, seconds=2.0, path=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001  # skips first
    """A page of a base and its UDA, on 23 genres."""
    root = tmp_path_factory.mktemp("report")
    cache = Cache(root / "cache")
    version = make_version(cache)
    results = [trained(root / "runs", version, uda=uda) for uda in (False, True)]
    return write_report(results, cache=cache, path=root / "report.html")


@dataclass(frozen=True)
class Opened:
    """The page in a browser."""

    driver: webdriver.Chrome
    width: int
    scheme: str

    def ask(self, script: str) -> Any:
        """What a script on the page gives back."""
        return self.driver.execute_script(f"return {script}")

    def show(self) -> None:
        """Make the window as wide and as dark as asked for."""
        screen = {"width": self.width, "height": 900, "deviceScaleFactor": 1, "mobile": self.width == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        scheme = [{"name": "prefers-color-scheme", "value": self.scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": scheme})


@pytest.fixture(
    scope="module",
    params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=lambda it: f"{it[0]}-{it[1]}",
)
def opened(request: pytest.FixtureRequest, driver: webdriver.Chrome, report: Path) -> Iterator[Opened]:
    """The browser with the page, as wide and as dark as asked for; afterwards as it was."""
    found = Opened(driver, *request.param)
    found.show()
    driver.get("about:blank")
    driver.get_log("browser")  # what other pages said
    driver.get(report.as_uri())
    yield found
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.get("about:blank")


def test_every_part_is_there(opened: Opened):
    assert [each.text for each in opened.driver.find_elements("css selector", "h2")] == [
        "Results", "What UDA changed", "Training curves", "The two loss terms", "Over-fitting, epoch by epoch", "Genres",
        "Test films it is surest and least sure of", "Films, and what augmenting did to them", "Worst back-translations",
        "What was run", "Run it again",
    ]  # fmt: skip


def test_no_picture_is_missing(opened: Opened):
    loaded = "[...document.images].every(each => each.complete)"
    wait = time.monotonic() + 30
    while not opened.ask(loaded):
        assert time.monotonic() < wait, "pictures that never load"
    sizes = opened.ask("[...document.images].map(each => [each.naturalWidth, each.clientWidth])")
    assert len(sizes) == 2 * 12 + 2 * 6
    assert all(natural > 0 and shown > 0 for natural, shown in sizes)


def test_every_chart_has_room(opened: Opened):
    sizes = opened.ask("[...document.querySelectorAll('svg')].map(each => [each.clientWidth, each.clientHeight])")
    assert len(sizes) == 8  # differences, curves, share, λ and gap, over-fitting twice, genres, distribution
    assert all(width > 250 and height > 150 for width, height in sizes)


def test_the_page_follows_the_readers_scheme(opened: Opened):
    paper = opened.ask("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))) / 3
    assert (brightness < 60) if opened.scheme == "dark" else (brightness > 220)


def test_all_text_stands_out_from_what_is_behind_it(opened: Opened):
    texts, weak = opened.driver.execute_script(WEAK, CONTRAST)
    assert texts > 500
    assert weak == []


def test_the_page_never_scrolls_sideways_but_wide_tables_do_in_themselves(opened: Opened):
    assert opened.ask("document.documentElement.scrollWidth") <= opened.width
    inside, shown = opened.ask("(it => [it.scrollWidth, it.clientWidth])(document.querySelector('.heat').parentElement)")
    assert (inside > shown) == (opened.width == PHONE)


def test_what_films_and_genres_say_is_text(opened: Opened):
    assert HOSTILE in opened.driver.find_element("css selector", "#films h3").text
    assert HOSTILE_GENRE in opened.ask("[...document.querySelectorAll('th')].map(each => each.textContent.trim())")
    assert opened.ask("window.ran") is None
    assert opened.ask("document.scripts.length") == 0


def test_nothing_is_asked_for_beside_the_file(opened: Opened):
    asked = opened.ask("performance.getEntriesByType('resource').map(each => each.name.slice(0, 60))")
    assert [address for address in asked if not address.startswith("data:")] == []


def test_the_browser_complains_of_nothing(opened: Opened):
    assert opened.driver.get_log("browser") == []


def test_on_paper_it_is_light_and_no_table_is_cut(opened: Opened):
    paper = {"width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": False}  # A4 at 96 dpi within 1 cm margins
    try:
        scheme = [{"name": "prefers-color-scheme", "value": opened.scheme}]
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": scheme})
        opened.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", paper)
        assert opened.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert opened.driver.execute_script(WEAK, CONTRAST)[1] == []
        assert opened.ask("document.documentElement.scrollWidth") <= paper["width"]
    finally:
        opened.show()


def test_a_click_shows_the_rest(opened: Opened):
    closed = opened.driver.find_element("css selector", "#settings details:not([open])")
    facts = closed.find_element("css selector", "dl")
    assert not facts.is_displayed()
    opened.driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", closed)
    closed.find_element("css selector", "summary").click()
    assert facts.is_displayed()
