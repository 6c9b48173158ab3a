"""A person operates both flows from Prefect's page: every click is made in a real browser, every run is a real one."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datasets_cache.manifest import Manifest
from datasets_cache.store import Cache
from datasets_cache.version import Version, open_version

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

SAMPLE, EPOCHS = ("1", "3") if os.environ.get("MMUDA_SCREENSHOTS") else ("0.1", "1")
"""Share of the bundled sample and epochs: 14 training films and one epoch, or what is worth a picture."""
PAIRS = 12
"""Films in a gallery."""
AT_WORK_OR_ENDED = ("RUNNING", "COMPLETED", "FAILED", "CRASHED")
FEW = {"models": ["bert"], "uda": "off", "epochs": 1}
"""Parameters of a training that is started by an event: one cell is enough there."""


@dataclass(frozen=True)
class Translated:
    """A run of `other-pivot`, and what was in the cache before it."""

    run: dict[str, Any]
    before: Version
    shelves_before: dict[str, Manifest]
    after: Version


@pytest.fixture(scope="session")
def cache(served: Any) -> Cache:
    return Cache(served.cache)


def shelves(cache: Cache) -> dict[str, Manifest]:
    return {manifest.id: manifest for manifest in cache.manifests("shelves")}


@pytest.fixture(scope="session")
def spanish(served: Any, cache: Cache, make_marian: Callable[..., Path]) -> Version:
    """A version whose plots went through Spanish, made on the command line while the page is served."""
    models = f"en-es={make_marian(1)},es-en={make_marian(2)}"
    engine = ("--text.engine", "marian", "--text.pivot", "es", "--text.models", models, "--text.decoding", "greedy")
    served.mmuda("augment", "demo", "--sample", SAMPLE, "--threads", "1", *engine)
    return open_version(cache, "latest")


@pytest.fixture(scope="session")
def translated(page: Any, served: Any, cache: Cache, spanish: Version) -> Translated:
    """The other-pivot deployment, run from the page with Portuguese and the embedded engine."""
    before = shelves(cache)
    page.open_form("other-pivot")
    page.choose("pivot", "pt")
    page.choose("engine", "bergamot")
    run = served.completed(page.submit())
    return Translated(run, spanish, before, open_version(cache, "latest"))


@pytest.fixture(scope="session")
def every_minute(page: Any, served: Any, translated: Translated) -> str:  # noqa: ARG001  # there is something to find
    """The nightly runs every minute from now on, by a schedule that a person sets on the page; gives back where it is."""
    page.open("deployments")
    page.click("a", "nightly")
    page.click("button", "Schedule")
    page.click("[role=tab]", "Cron")  # the dialog begins with * * * * *
    page.sees("Add Schedule", "Every minute")
    page.click("[role=dialog] button[type=submit]", "Save")
    page.sees("At 03:00 AM", "Every minute", "Deployment schedule created")
    page.leave()
    nightly = served.deployment("nightly")
    (schedule,) = [each for each in nightly["schedules"] if each["schedule"]["cron"] == "* * * * *"]
    return f"deployments/{nightly['id']}/schedules/{schedule['id']}"


@pytest.fixture(scope="session")
def trained(page: Any, served: Any, translated: Translated) -> dict[str, Any]:
    """A training of four cells, started from the form as a person fills it in."""
    page.open_form("from-cache")
    page.write("version", translated.after.id)
    page.click("button[aria-label='Remove mmbt tag']")
    page.choose("uda", "both")
    page.write("epochs", EPOCHS)
    page.choose("encoders", "embedded")
    page.picture("page-form.jpg", height=1780)
    page.write("overrides", f'runs = "{served.runs}"')
    return served.completed(page.submit())


def test_the_page_shows_the_three_deployments(page: Any):
    page.open("")
    page.click("a", "Deployments")
    page.sees("3 Deployments", "nightly", "other-pivot", "from-cache", "augmentation", "training")
    page.picture("page-deployments.jpg", height=560)


def test_another_pivot_makes_a_version_that_shares_sample_and_posters_with_the_old_one(translated: Translated):
    old, new = translated.before, translated.after
    assert new.id != old.id
    assert new.text
    assert old.text
    assert (old.text.manifest.spec["pivot"], new.text.manifest.spec["pivot"]) == ("es", "pt")
    assert (new.sample.id, new.image and new.image.id) == (old.sample.id, old.image and old.image.id)


def test_another_pivot_leaves_the_old_version_and_all_its_shelves_as_they_were(translated: Translated, cache: Cache):
    now = shelves(cache)
    assert {name: now[name] for name in translated.shelves_before} == translated.shelves_before  # with the time of their making
    assert open_version(cache, translated.before.id).manifest == translated.before.manifest


def test_the_run_of_an_augmentation_has_a_card_for_each_artifact(page: Any, translated: Translated):
    page.open_run(translated.run["id"], "Artifacts")
    page.sees("augment demo", "version-summary", "gallery", "lineage", "quality")


def test_the_gallery_shows_twelve_films_before_and_after(page: Any, translated: Translated):
    page.open_artifact(translated.run["id"], "gallery")
    assert len(page.pictures()) == 2 * PAIRS
    films = {film["title"] for film in translated.after.films("train")}
    assert sum(title in page.text() for title in films) >= PAIRS
    page.picture("page-gallery.jpg", height=1000)


def test_the_summary_of_a_version_says_what_was_found_in_the_cache(page: Any, translated: Translated):
    page.open_artifact(translated.run["id"], "version-summary")
    page.sees(translated.after.id, "1 of 3 shelves made by this run", "2 found in the cache")
    page.picture("page-version.jpg", height=1100)


def test_the_lineage_of_a_version_is_drawn(page: Any, translated: Translated):
    page.open_artifact(translated.run["id"], "lineage")
    drawn = page.wait(lambda: page.find("svg[id*=mermaid]"), "the diagram")
    for shelf in (translated.after.sample, translated.after.text, translated.after.image):
        assert shelf
        assert shelf.id in drawn.text
    assert translated.after.id in drawn.text


@pytest.mark.usefixtures("every_minute")
def test_a_schedule_is_set_on_the_page(served: Any):  # it runs while the next tests go on
    schedules = served.deployment("nightly")["schedules"]
    assert {each["schedule"]["cron"]: each["active"] for each in schedules} == {"0 3 * * *": False, "* * * * *": True}


def test_the_run_of_a_training_names_its_cells_and_has_a_card_for_each_artifact(page: Any, trained: dict[str, Any]):
    page.open_run(trained["id"], "Task Runs")
    page.sees("Completed", "train bert seed 1", "train bert+uda seed 1", "train resnet seed 1", "train resnet+uda seed 1")
    assert "mmbt" not in page.text()
    page.picture("page-run.jpg")
    page.click("[role=tab]", "Artifacts")
    page.sees("results", "comparison", "curves", "lineage")


def test_the_table_of_results_has_the_numbers_of_the_file(page: Any, served: Any, trained: dict[str, Any]):
    page.open_artifact(trained["id"], "results")
    file = served.runs / f"results-{trained['parameters']['version']}.json"
    written = json.loads(file.read_text())["rows"]
    assert [row["model"] for row in written] == ["BERT", "BERT + UDA", "ResNet", "ResNet + UDA", "class priors"]
    assert [{name: as_shown(value) for name, value in row.items()} for row in written] == page.rows()
    page.picture("page-results.jpg", height=760)


def as_shown(value: object) -> str:
    """A value of JSON as the page's tables have it: JavaScript's way of writing."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def test_the_comparison_is_a_table_with_intervals(page: Any, trained: dict[str, Any]):
    page.open_artifact(trained["id"], "comparison")
    page.sees("BERT + UDA", "ResNet + UDA", "95 %")
    assert len(page.driver.find_elements("css selector", "table")) >= 2
    page.picture("page-comparison.jpg", height=1100)


def test_the_curves_are_drawn_for_each_model(page: Any, trained: dict[str, Any]):
    page.open_artifact(trained["id"], "curves")
    page.sees("BERT", "ResNet")
    assert len(page.pictures()) == 2
    page.picture("page-curves.jpg", height=1100)


def test_the_lineage_of_a_training_goes_back_to_the_source(page: Any, trained: dict[str, Any], translated: Translated):
    page.open_artifact(trained["id"], "lineage")
    drawn = page.wait(lambda: page.find("svg[id*=mermaid]"), "the diagram")
    for name in (trained["name"].split(" · ")[0], translated.after.id, translated.after.sample.id, "bundled"):
        assert name in drawn.text
    page.picture("page-lineage.jpg", height=1100)


def test_a_number_out_of_bounds_is_refused_by_the_form(page: Any, served: Any):
    before = served.asked_for()
    page.open_form("nightly")
    box = page.write("magnitude", "11")
    page.click("button[type=submit]", "Submit")
    assert "less than or equal to 10" in page.wait(lambda: box.get_property("validationMessage"), "what is wrong with 11")
    assert served.asked_for() == before


@pytest.mark.usefixtures("translated")
def test_an_unknown_version_fails_at_once_with_a_sentence_on_the_page(page: Any, served: Any):
    page.open_form("from-cache")
    page.write("version", "yesterdays")
    run = served.ended(page.submit())
    assert run["state_type"] == "FAILED"
    assert "yesterdays" in run["state"]["message"]
    page.wait(lambda: "yesterdays" in served.said(run["id"]), "the log, which the page of an ended run asks for only once")
    page.open_run(run["id"], "Logs")
    page.sees("Failed", run["state"]["message"].splitlines()[0])
    assert "Traceback" not in page.text()
    assert "Traceback" not in served.said(run["id"])


def test_a_schedule_that_was_set_on_the_page_has_run(page: Any, served: Any, every_minute: str):
    run = page.wait(lambda: served.runs_of("nightly", *AT_WORK_OR_ENDED), "a scheduled run", seconds=240)[0]
    served.completed(run["id"])
    assert run["auto_scheduled"]
    page.open_run(run["id"], "Logs")
    page.sees("auto-scheduled", "Completed", "found in the cache")
    served.delete(every_minute)


@pytest.mark.usefixtures("translated")
def test_one_switch_lets_a_training_follow_each_augmentation_that_made_something_new(page: Any, served: Any, cache: Cache):
    target = served.deployment("from-cache")
    parameters = target["parameters"] | FEW | {"overrides": f'runs = "{served.runs}"'}
    served.change(f"deployments/{target['id']}", parameters=parameters)
    before = {run["id"] for run in served.runs_of("from-cache")}
    switch(page, served, on=True)
    try:
        page.open_form("nightly")
        page.write("magnitude", "9")
        served.completed(page.submit())
        made = open_version(cache, "latest")
        assert made.image
        assert made.image.manifest.spec["magnitude"] == 9

        def followed() -> list[dict[str, Any]]:
            return [run for run in served.runs_of("from-cache") if run["id"] not in before]

        (started,) = page.wait(followed, "a training that starts by itself", seconds=180)
        training = served.completed(started["id"])
        assert training["parameters"]["version"] == made.id
        assert (served.runs / f"results-{made.id}.json").is_file()
    finally:
        switch(page, served, on=False)


def switch(page: Any, served: Any, *, on: bool) -> None:
    """Turn the trigger on or off at the Automations page."""
    page.open("automations")
    page.sees("train after augmentation")
    shown = page.wait(lambda: page.find("button[role=switch]"), "the switch")
    assert shown.get_attribute("aria-checked") == str(not on).lower()
    shown.click()
    page.wait(lambda: [each["enabled"] for each in served.ask("automations/filter")] == [on], f"the automation's switch {on}")
