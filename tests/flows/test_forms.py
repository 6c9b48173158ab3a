"""What the run form asks for, and what it says to mistakes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect import Flow
from prefect.utilities.schema_tools.validation import ValidationError, validate

from augment.image.spec import RandAugmentSpec
from augment.text.engines import opus_mt
from augment.text.spec import BackTranslationSpec
from datasets_cache.fingerprint import shelf_id
from datasets_cache.frozen import Frozen
from datasets_cache.schema import SAMPLE_FEATURES
from datasets_cache.sources import BundledSource, MmimdbSource, MoviescopeSource, TableSource
from datasets_cache.store import Cache
from datasets_cache.version import publish
from flows.augmentation import augmentation
from flows.form_schema import form_schema
from flows.forms import (
    PivotChoice,
    augmentation_plan,
    named,
    parameters_of_augmentation,
    parameters_of_training,
    training_plan,
)
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan
from flows.training import training
from flows.wording import for_the_form
from train.config import ImageEncoderConfig, OptimConfig, TextEncoderConfig, UdaConfig, WeightSchedule


class Spec(Frozen):
    name: str = "few"


def published(root: Path, *, name: str, plan: AugmentationPlan | None) -> Cache:
    """A cache with one version of one film a split."""
    cache = Cache(root)
    with cache.stage("sample", SAMPLE_FEATURES) as stage:
        for split in ("train", "validation", "test"):
            posters = {"poster": b"", "poster_256": b"", "given_poster_256": None}
            stage.write(split, {"id": split, "title": "", "plot": "", "given_plot": None, "genres": ["drama"], **posters})
        sample = stage.publish(shelf_id("sample", Spec()), spec=Spec(), genres=("drama",)).id
    given_plan = plan.model_dump(mode="json", exclude={"rebuild"}) if plan else None
    publish(cache, name=name, sample=sample, text=None, image=None, plan=given_plan)
    return cache


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """A version `mmimdb`, made by a plan with a source, and with text None."""
    plan = RECIPES["mmimdb"]().augmentation
    changes = {"source": MmimdbSource(root=Path("/data/mmimdb.tar.gz")), "text": None, "sample": 0.2}
    return published(tmp_path_factory.mktemp("films"), name="mmimdb", plan=plan.model_copy(update=changes))


# The form and back


def texts() -> st.SearchStrategy[BackTranslationSpec | None]:
    languages = st.sampled_from(["fr", "de", "es", "da", "zh", "sv"])
    chains = st.lists(languages, min_size=1, max_size=3).map(
        lambda stops: [stop for at, stop in enumerate(stops) if at == 0 or stop != stops[at - 1]]
    )

    def marian(pivots: list[str], rest: dict[str, Any]) -> BackTranslationSpec:
        stops = ["en", *pivots, "en"]
        ways = [f"{source}-{target}" for source, target in zip(stops[:-1], stops[1:], strict=True)]
        return BackTranslationSpec(pivot=",".join(pivots), models={way: f"/models/{way} of mine" for way in ways}, **rest)

    rest = st.fixed_dictionaries(
        {},
        optional={
            "engine": st.sampled_from(["marian", "ctranslate2"]),
            "decoding": st.sampled_from([None, "sampling"]),
            "temperature": st.floats(0.1, 2),
            "top_k": st.none() | st.integers(1, 99),
            "views": st.integers(1, 3),
            "retry": st.booleans(),
            "min_chars": st.integers(0, 99),
        },
    )
    bergamot = st.builds(BackTranslationSpec, engine=st.just("bergamot"), pivot=st.just("pt"), check_copies=st.booleans())
    return st.none() | bergamot | st.builds(marian, chains, rest)


def images() -> st.SearchStrategy[RandAugmentSpec | None]:
    colours = st.tuples(*[st.integers(0, 255)] * 3)
    magnitudes = st.floats(5, 10) | st.integers(5, 10)
    low = st.none() | st.floats(0, 5)
    return st.none() | st.builds(
        RandAugmentSpec,
        magnitude=magnitudes,
        min_magnitude=low,
        fill=colours,
        views=st.integers(1, 3),
        cutout=st.none() | st.integers(1, 256),
    )


roots = st.none() | st.sampled_from(["/data/films", "films", "~/with a space ", 'quo"te']).map(Path)
sources = (
    st.just(BundledSource())
    | st.builds(MmimdbSource, root=roots, plot=st.sampled_from(["longest", "first"]))
    | st.builds(MoviescopeSource, root=roots, augmented_plot_field=st.none() | st.just("given"), id_field=st.just("imdb"))
    | st.builds(TableSource, root=roots, label_field=st.none() | st.just("Stimmung"), separator=st.none() | st.just(";"))
)
shares = st.floats(0.01, 1)
augmentations = st.builds(
    AugmentationPlan,
    name=st.sampled_from(["demo", "own", "mmimdb", "moviescope", "mine-2"]),
    source=sources,
    sample=shares,
    evaluation_sample=st.none() | shares,
    unlabelled=st.floats(0, 1),
    strict=st.booleans(),
    text=texts(),
    image=images(),
    device=st.sampled_from(["auto", "cuda:1"]),
    threads=st.none() | st.integers(1, 64),
    runner=st.sampled_from(["local", "ray"]),
    ray_address=st.none() | st.just("ray://head:10001"),
    rebuild=st.booleans(),
)
trainings = st.builds(
    TrainingPlan,
    models=st.lists(st.sampled_from(["bert", "resnet", "mmbt"]), min_size=1, unique=True).map(tuple),
    uda=st.sampled_from(["both", "on", "off"]),
    seeds=st.lists(st.integers(0, 2**31), min_size=1, max_size=4, unique=True).map(tuple),
    encoders=st.sampled_from(["recipe", "embedded"]),
    consistency=st.builds(
        UdaConfig,
        weight=st.floats(0, 100),
        schedule=st.builds(WeightSchedule, kind=st.sampled_from(["constant", "linear-up", "adaptive"]), gain=st.floats(1, 9)),
        class_balance=st.none() | st.floats(0.1, 0.9),
        modality=st.none() | st.just("both"),
    ),
    text=st.builds(
        TextEncoderConfig, name=st.sampled_from(["bert-base-uncased", "embedded"]), revision=st.none() | st.just("a1")
    ),
    image=st.builds(ImageEncoderConfig, tokens=st.integers(1, 9)),
    optim=st.builds(
        OptimConfig,
        max_epochs=st.integers(1, 99),
        max_grad_norm=st.none() | st.floats(0.1, 9),
        learning_rate=st.floats(1e-9, 1),
    ),
    processes=st.integers(1, 8),
    trackers=st.sampled_from([(), ("tensorboard",), ("wandb", "mlflow")]),
    runs=st.sampled_from([Path("/data/runs"), Path("runs here")]),
    runner=st.sampled_from(["local", "ray"]),
    cell_gpus=st.floats(0, 8),
)
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_needs_no_overrides(recipe: str, empty: Cache, tmp_path: Path):
    plan = RECIPES[recipe]()
    form = parameters_of_augmentation(plan.augmentation)
    assert (form["recipe"], form["overrides"]) == (recipe, "")
    assert augmentation_plan(cache=empty, **form) == plan.augmentation
    cache = published(tmp_path, name=recipe, plan=None)
    form = parameters_of_training(plan.training, cache=cache)
    assert form["overrides"] == ""
    version = cache.manifests("versions")[0].id
    assert training_plan(cache=cache, **form) == plan.training.model_copy(update={"version": version})


@many
@given(plan=augmentations)
def test_every_augmentation_has_a_form_that_gives_it_and_passes_the_servers_check(plan: AugmentationPlan, empty: Cache):
    form = parameters_of_augmentation(plan)
    assert augmentation_plan(cache=empty, **form) == plan
    validate(form, form_schema(augmentation).model_dump(), raise_on_error=True)


@many
@given(plan=trainings)
def test_every_training_has_a_form_that_gives_it_and_passes_the_servers_check(plan: TrainingPlan, films: Cache):
    form = parameters_of_training(plan, cache=films)
    assert training_plan(cache=films, **form) == plan.model_copy(update={"version": form["version"]})
    validate(form, form_schema(training).model_dump(), raise_on_error=True)


def test_a_field_changed_on_the_page_is_not_overridden_by_what_the_command_line_asked_for(empty: Cache):
    plan = RECIPES["mmimdb"]().augmentation.model_copy(update={"text": BackTranslationSpec(pivot="de", engine="ctranslate2")})
    form = parameters_of_augmentation(plan) | {"pivot": "es", "engine": "marian"}
    changed = augmentation_plan(cache=empty, **form).text
    assert changed is not None
    assert (changed.pivot, changed.engine) == ("es", "marian")


def test_newest_takes_the_settings_of_the_newest_version(films: Cache):
    plan = augmentation_plan(cache=films)
    assert (plan.source, plan.sample, plan.text) == (MmimdbSource(root=Path("/data/mmimdb.tar.gz")), 0.2, None)


def test_views_of_a_kind_that_the_newest_version_has_none_of_are_made_when_a_field_asks_for_them(films: Cache):
    assert augmentation_plan(cache=films, pivot="de").text == BackTranslationSpec(pivot="de")
    assert augmentation_plan(cache=films, views=2).text is None


def test_another_pivot_or_engine_leaves_behind_what_belonged_to_the_one_before(tmp_path: Path):
    models = {"en-es": "/models/en-es", "es-en": "/models/es-en"}
    text = BackTranslationSpec(engine="ctranslate2", pivot="es", models=models, decoding="beam", dtype="int8", min_chars=5)
    plan = RECIPES["mmimdb"]().augmentation.model_copy(update={"text": text})
    cache = published(tmp_path, name="mmimdb", plan=plan)
    embedded = augmentation_plan(cache=cache, pivot="pt", engine="bergamot").text
    assert embedded == BackTranslationSpec(engine="bergamot", pivot="pt", min_chars=5)
    french = augmentation_plan(cache=cache, pivot="fr", engine="marian").text  # which has no int8
    assert french == BackTranslationSpec(engine="marian", pivot="fr", decoding="beam", min_chars=5)
    stronger = augmentation_plan(cache=cache, magnitude=9).text
    assert stronger == text


def test_line_breaks_and_spaces_around_a_typed_value_do_not_count(empty: Cache, films: Cache):
    plan = augmentation_plan(cache=empty, recipe="mmimdb", source=" /data/films\n", other_pivot="fr, de\n")
    assert plan.source == MmimdbSource(root=Path("/data/films"))
    assert plan.text is not None
    assert plan.text.pivots == ("fr", "de")
    assert training_plan(cache=films, version="mmimdb\n") == training_plan(cache=films, version="")


def test_overrides_win_over_the_fields(empty: Cache):
    plan = augmentation_plan(cache=empty, recipe="demo", sample=0.5, overrides="sample = 0.25\nimage = 'none'")
    assert (plan.sample, plan.image) == (0.25, None)


# Mistakes


def said(make: Callable[..., object], **form: object) -> str:
    """What the page shows for a form that cannot be."""
    with pytest.raises(ValueError, match=r".") as caught:
        make(**form)
    return for_the_form(str(caught.value))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"magnitude": 11}, r"^magnitude: .*less than or equal to 10 \(came: 11\)$"),
        ({"sample": 0}, r"^sample: .*greater than 0 \(came: 0\)$"),
        ({"sample": 1.5}, r"^sample: .*less than or equal to 1 \(came: 1.5\)$"),
        ({"views": 0}, r"^views: .*greater than or equal to 1"),
        ({"sample": 2, "magnitude": -1}, r"^sample: .*; magnitude: "),
        ({"other_pivot": "12"}, r"^pivot: .*match pattern"),
        ({"pivot": "fr", "other_pivot": "da"}, r"^pivot is fr and other_pivot is da; fill in other_pivot only where pivot is"),
        ({"recipe": "mmimdb", "pivot": "pt"}, r"(?s)^pivot `pt`: opus-mt is not known to have en → pt.*ake engine `bergamot`"),
        (
            {"recipe": "mmimdb", "other_pivot": "xx"},
            r"^pivot `xx`: opus-mt is not known to have en → xx .*From en and back.* de ",
        ),
        ({"pivot": "fr"}, r"^the embedded engine goes en → pt → en only, not en → fr → en; use pivot `pt`, or engine `marian`"),
        ({"recipe": "mmimdb", "engine": "bergamot"}, r"use pivot `pt`"),
        ({"views": 3}, r'use views `1`, or engine `marian` and `text.decoding = "sampling"`'),
        ({"source": "/data"}, r"^source: the films of the recipe demo are the bundled ones.*recipe own, mmimdb or moviescope"),
        (
            {"recipe": "newest"},
            r"^recipe: newest takes .*no version with a plan yet; choose one of demo, own, mmimdb, moviescope",
        ),
        ({"overrides": "text:\n"}, r"^overrides: not TOML \(.*line 1.*\); write one setting a line, such as `sample = 0.5`"),
        (
            {"overrides": "text.pivott = 'fr'"},
            r"^overrides: text.pivott: there is no such setting; there are engine, source, piv",
        ),
        ({"overrides": "threds = 1"}, r"^overrides: threds: there is no such setting; there are name, source, .*threads"),
        ({"overrides": "threads = 'all'"}, r"^overrides: threads: .*integer.* \(came: 'all'\)$"),
        ({"overrides": "text = 1"}, r"^overrides: text: .*dictionary"),
        ({"overrides": "source.root = '/x'"}, r"^overrides: source.root: there is no such setting; there are kind"),
        ({"overrides": "source.kind = 'films'"}, r"^overrides: source: .*'films'"),
        (
            {"magnitude": 2, "overrides": "image.min_magnitude = 3"},
            r"^overrides: image: min_magnitude 3.0 is above magnitude 2",
        ),
    ],
)
def test_a_mistake_in_the_augmentation_form_is_a_sentence_that_names_its_field(
    form: dict[str, object], expected: str, empty: Cache
):
    assert re.search(expected, said(augmentation_plan, cache=empty, **{"recipe": "demo", **form}))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"epochs": 0}, r"^epochs: .*greater than or equal to 1 \(came: 0\)$"),
        ({"weight": -1}, r"^weight: .*greater than or equal to 0"),
        ({"models": []}, r"^models: name at least one$"),
        ({"seeds": []}, r"^seeds: name at least one$"),
        ({"seeds": [1, -2]}, r"^seeds: .*greater than or equal to 0 \(came: -2\)$"),
        ({"seeds": [1, 2, 1]}, r"^seeds: 1 more than once; name each once$"),
        ({"models": ["bert", "bert"]}, r"^models: bert more than once; name each once$"),
        ({"schedule": "up"}, r"^schedule: .*'linear-up'"),
        ({"version": "moviescope"}, r"(?s)no single cache version 'moviescope'.*there is \['mmimdb-[0-9a-f]{8}'\]"),
        (
            {"overrides": "[optim]\nmax_epoch = 3"},
            r"^overrides: optim.max_epoch: there is no such setting; there are batch_size",
        ),
        (
            {"overrides": "consistency.schedule.lowest = 30.0"},
            r"^overrides: consistency.schedule: lowest=30 is above highest=20",
        ),
    ],
)
def test_a_mistake_in_the_training_form_is_a_sentence_that_names_its_field(
    form: dict[str, object], expected: str, films: Cache
):
    assert re.search(expected, said(training_plan, cache=films, **form))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("use `--text.pivot pt`, or `--text.engine marian`", "use pivot `pt`, or engine `marian`"),
        ("leave `--text.decoding` out", "leave `text.decoding` out"),
        ("choose `--text.models en-pt=O/m-1`.", 'choose `text.models.en-pt = "O/m-1"`.'),
        ("raise --optim.batch_size.", "raise optim.batch_size."),
        ("half: --optim.batch_size 2 --optim.accumulation 8.", "half: optim.batch_size 2 optim.accumulation 8."),
        ("`--optim.batch_size 2`", "`optim.batch_size = 2`"),
        ("Give the folder as `--source.root FOLDER`.", "Give the folder as source `FOLDER`."),
        ("`mmuda fetch RECIPE` first; `mmuda augment --sample 1`", "`mmuda fetch RECIPE` first; `mmuda augment --sample 1`"),
        ("--config: name a file", "--config: name a file"),
        ("an odd ` mark --sample", "an odd ` mark sample"),
    ],
)
def test_options_of_a_message_become_fields_and_lines_of_the_form(message: str, expected: str):
    assert for_the_form(message) == expected


def test_a_run_whose_form_gives_no_plan_still_has_a_name(empty: Cache, films: Cache):
    assert named(lambda: augmentation_plan(cache=empty), otherwise="augment") == "augment"
    assert named(lambda: augmentation_plan(cache=empty, recipe="mmimdb", magnitude=9), otherwise="augment") == (
        "augment mmimdb 30% en→fr→en M9"
    )
    assert named(lambda: training_plan(cache=films, models=["mmbt"]), otherwise="train") == "train mmbt · UDA both · seeds 1"


# What the page shows


def test_the_listed_pivots_are_languages_with_models_there_and_back_and_the_embedded_one():
    listed = set(get_args(PivotChoice)) - {"recipe"}
    assert listed - {"pt"} <= set(opus_mt.pairs_from("en")) & set(opus_mt.pairs_into("en"))
    assert "pt" in listed - set(opus_mt.pairs_from("en"))


@pytest.fixture(params=[augmentation, training], ids=["augmentation", "training"])
def flow(request: pytest.FixtureRequest) -> Flow[..., Any]:
    return request.param


def test_every_field_of_the_form_is_explained_and_none_has_tabs(flow: Flow[..., Any]):
    for name, field in form_schema(flow).properties.items():
        assert len(field.get("description", "")) > 30, name
        assert "anyOf" not in field, name
        assert field.get("default", ...) is not None, name  # the page would send it, and the server refuse it


@pytest.mark.parametrize(
    ("flow", "form", "expected"),
    [
        (augmentation, {"magnitud": 1}, "'magnitud' was unexpected"),
        (augmentation, {"magnitude": 11}, "'magnitude'.*maximum of 10"),
        (augmentation, {"pivot": "xx"}, "'pivot'.*'xx' is not one of"),
        (augmentation, {"views": 0}, "'views'.*minimum of 1"),
        (training, {"models": []}, r"'models'.*non-empty|'models'.*too short"),
        (training, {"seeds": [-1]}, "seeds.*minimum of 0"),
        (training, {"epochs": 1.5}, "'epochs'.*1.5 is not valid"),
    ],
)
def test_a_server_refuses_a_wrong_form_before_a_run_begins(flow: Flow[..., Any], form: dict[str, object], expected: str):
    with pytest.raises(ValidationError, match=expected):
        validate(form, form_schema(flow).model_dump(), raise_on_error=True)
