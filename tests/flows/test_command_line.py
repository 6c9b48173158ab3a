"""The command line: every setting is an option, recipes are its defaults, mistakes get one clear message."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import BaseModel

from flows import cli, commands, published, terminal
from flows.arguments import all_parsers
from flows.command_line import source_of
from flows.options import merge, read_toml, to_toml
from flows.recipes import RECIPES, AugmentationPlan, TrainingPlan


def run(*arguments: str) -> int:
    """Run the command line; gives back the exit code."""
    try:
        cli.main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def augmented(monkeypatch: pytest.MonkeyPatch) -> list[AugmentationPlan]:
    """The plans that `mmuda augment` was asked to run; nothing is run."""
    plans: list[AugmentationPlan] = []
    monkeypatch.setattr(commands, "augment", plans.append)
    return plans


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainingPlan]:
    """The plans that `mmuda train` was asked to run; nothing is run."""
    plans: list[TrainingPlan] = []
    monkeypatch.setattr(commands, "train", plans.append)
    return plans


def leaves(model: BaseModel, prefix: str = "") -> set[str]:
    """Dotted names of all settings below `model`, tags of unions left out."""
    names: set[str] = set()
    for field in type(model).model_fields:
        value = getattr(model, field)
        if isinstance(value, BaseModel):
            names |= leaves(value, f"{prefix}{field}.")
        elif field != "kind":
            names.add(f"{prefix}{field}")
    return names


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_setting_of_a_recipe_is_an_option(recipe: str, capsys: pytest.CaptureFixture[str]):
    for command, plan in (("augment", RECIPES[recipe]().augmentation), ("train", RECIPES[recipe]().training)):
        assert run(command, recipe, "--help") == 0
        offered = set(re.findall(r"--(?!no-)([a-z0-9_.]+)", capsys.readouterr().out)) - {"help"}
        assert leaves(plan) - offered == set()


def test_without_options_a_recipe_runs_as_it_is(augmented: list[AugmentationPlan], trained: list[TrainingPlan]):
    assert run("augment", "demo") == run("train", "mmimdb") == 0
    assert augmented == [RECIPES["demo"]().augmentation]
    assert trained == [RECIPES["mmimdb"]().training]


def test_an_option_changes_its_own_setting_and_no_other(augmented: list[AugmentationPlan]):
    assert run("augment", "demo", "--text.seed", "5", "--sample", "0.5") == 0
    demo = RECIPES["demo"]().augmentation
    assert demo.text is not None
    text = demo.text.model_copy(update={"seed": 5})
    assert augmented == [demo.model_copy(update={"text": text, "sample": 0.5})]


def test_an_option_may_be_written_with_hyphens(augmented: list[AugmentationPlan]):
    arguments = ("--runner", "ray", "--ray-address", "head:6379", "--text.max-repeats=3", "--no-text.check-language")
    assert run("augment", "demo", *arguments) == 0
    (plan,) = augmented
    assert (plan.runner, plan.ray_address) == ("ray", "head:6379")
    assert plan.text
    assert (plan.text.max_repeats, plan.text.check_language) == (3, False)


def test_a_chain_of_pivots_and_its_models_are_options(augmented: list[AugmentationPlan]):
    models = ("--text.models", "en-fr=/a", "--text.models", "fr-de=/b,de-en=/c")
    assert run("augment", "mmimdb", "--source.root", "/x", "--text.pivot", "fr,de", *models) == 0
    text = augmented[0].text
    assert text
    assert text.directions == (("en", "fr"), ("fr", "de"), ("de", "en"))
    assert text.models == {"en-fr": "/a", "fr-de": "/b", "de-en": "/c"}


def test_a_list_takes_commas_and_none_means_absence(augmented: list[AugmentationPlan], trained: list[TrainingPlan]):
    assert run("train", "demo", "--models", "bert,mmbt", "--seeds", "1,2,3") == 0
    assert run("augment", "demo", "--image", "none") == 0
    assert (trained[0].models, trained[0].seeds) == (("bert", "mmbt"), (1, 2, 3))
    assert augmented[0].image is None
    assert augmented[0].text is not None


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_survives_the_way_through_toml(recipe: str, tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(RECIPES[recipe]()))
    assert read_toml(path) == RECIPES[recipe]()


def test_absence_survives_the_way_through_toml(tmp_path: Path):
    demo = RECIPES["demo"]()
    optim = demo.training.optim.model_copy(update={"max_grad_norm": None})
    plain = demo.model_copy(
        update={
            "augmentation": demo.augmentation.model_copy(update={"text": None}),
            "training": demo.training.model_copy(update={"optim": optim}),
        }
    )
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(plain))
    assert read_toml(path) == plain


def test_options_override_a_config_file_which_overrides_the_recipe(
    augmented: list[AugmentationPlan], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert run("config", "show", "mmimdb", "--augmentation.sample", "0.25", "--augmentation.name", "mine") == 0
    path = tmp_path / "mine.toml"
    path.write_text(capsys.readouterr().out)
    assert run("augment", "--config", str(path), "--text.views", "2") == 0
    (plan,) = augmented
    assert (plan.name, plan.sample, plan.source.kind) == ("mine", 0.25, "mmimdb")
    assert plan.text is not None
    assert plan.text.views == 2


def test_train_with_options_alone_takes_the_recipe_of_the_newest_version(
    trained: list[TrainingPlan], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(published, "newest_plan", lambda _cache: RECIPES["moviescope"]().augmentation)
    assert run("train", "--models", "bert,resnet,mmbt", "--uda", "both", "--seeds", "1,2,3") == 0
    (plan,) = trained
    assert (plan.version, plan.optim) == ("moviescope", RECIPES["moviescope"]().training.optim)
    cells = plan.cells("moviescope-1")
    assert len({cell.model_dump_json() for cell in cells}) == len(cells) == 18


def test_train_with_options_alone_takes_the_newest_version_of_a_recipe_of_ones_own(
    trained: list[TrainingPlan], monkeypatch: pytest.MonkeyPatch
):
    mine = RECIPES["mmimdb"]().augmentation.model_copy(update={"name": "mine"})
    monkeypatch.setattr(published, "newest_plan", lambda _cache: mine)
    assert run("train", "--models", "mmbt") == 0
    assert (trained[0].version, trained[0].models) == ("mine", ("mmbt",))


def test_what_is_augmented_is_a_choice_of_mmbt_alone(trained: list[TrainingPlan]):
    assert run("train", "demo", "--consistency.modality", "both") == 0
    augmented = {cell.model: cell.augmented for cell in trained[0].cells("demo-1") if cell.uda}
    assert augmented == {"bert": ("text",), "resnet": ("image",), "mmbt": ("text", "image")}


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("augment", "demo", "--text.engine", "babelfish"), "text.engine.*babelfish"),
        (("augment", "demo", "--sample", "2", "--image.num_ops", "x"), "(?s)sample.*image.num_ops|image.num_ops.*sample"),
        (("augment", "demo", "--nonsense", "1"), "nonsense"),
        (("augment", "imagenet"), "imagenet"),
        (("augment", "--text.pivot", "es"), "change the plan of the newest version.*has no version; name a recipe"),
        (("augment", "demo", "--text.models", "en=x"), "text.models"),
        (("augment", "mmimdb"), "--source.root"),
        (("augment", "mmimdb", "--source.root", "/nowhere"), "/nowhere"),
        (("augment", "--config", "/nowhere.toml"), "/nowhere.toml: no such file"),
        (("augment", "--config"), "name a TOML file"),
        (("train", "demo", "--models", "gpt"), "models.*gpt"),
        (("train", "--models", "bert"), "has no version; name a recipe"),
        (
            ("train", "demo", "--consistency.schedule.lowest", "3", "--consistency.schedule.highest", "2"),
            "lowest=3 is above highest=2",
        ),
        (("predict", "nothing", "--plot", "A storm."), "nothing"),
        (("compare", "/nowhere"), "no finished run"),
        (("cache", "show", "nothing"), "no single cache version 'nothing'"),
        (("cache", "diff", "nothing", "else"), "no single cache version 'nothing'"),
        (("cache", "rm", "nothing"), "no single cache version 'nothing'"),
        (("report", "/nowhere"), "no finished run"),
    ],
)
def test_a_mistake_gets_one_clear_message_and_exit_code_2(
    arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    assert run(*arguments) == 2
    error = capfd.readouterr().err
    assert re.search(said, error)
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("augmnet",), "no command 'augmnet'. Did you mean augment?"),
        (("cache", "sohw"), "Did you mean show?"),
        (("cache", "ls", "--jsno"), "mmuda cache ls: unknown: --jsno. Did you mean --json?"),
        (("augment", "demo", "--sampel", "0.5"), "Did you mean --sample"),
        (("augment", "demo", "--pivot", "de"), "Did you mean --text.pivot?"),
        (("train", "demo", "--learning-rate=1"), "Did you mean --optim.learning_rate"),
    ],
)
def test_a_mistyped_name_gets_the_near_one(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err


def test_nothing_asked_shows_the_help_with_every_command_and_exit_status(capsys: pytest.CaptureFixture[str]):
    assert run() == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^    {name} ", shown, re.MULTILINE) for name in ("demo", "augment", "cache", "doctor"))
    assert all(re.search(rf"^  {code} ", shown, re.MULTILINE) for code in cli.STATUSES)


def test_a_group_without_its_command_shows_its_help_and_is_a_mistake(capsys: pytest.CaptureFixture[str]):
    assert run("cache") == 2
    assert "verify" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"mmuda {version('mmuda')}\n"


def test_help_fits_80_columns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    for parser in all_parsers(source_of({name: make() for name, make in RECIPES.items()}).root_parser):
        too_long = [line for line in parser.format_help().splitlines() if len(line) > 80]
        assert too_long == [], parser.prog


def test_a_variable_called_like_a_command_is_none_of_our_business(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CONFIG", "/etc/some.conf")
    monkeypatch.setenv("cache", "no JSON")
    assert run("config", "recipes") == 0
    assert "mmimdb" in capsys.readouterr().out


@pytest.mark.parametrize("place", [0, 1, 2])
def test_quiet_may_stand_anywhere_and_ends_with_the_command(place: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(terminal.QUIET, raising=False)
    seen: list[bool] = []
    monkeypatch.setattr(commands, "augment", lambda _plan: seen.append(terminal.quiet()))
    arguments = ["augment", "demo"]
    arguments.insert(place, "-q")
    assert run(*arguments) == 0
    assert seen == [True]
    assert not terminal.quiet()


def test_an_error_that_nobody_foresaw_has_a_status_of_its_own_and_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(_plan: AugmentationPlan) -> None:
        msg = "the roof fell in"
        raise RuntimeError(msg)

    monkeypatch.setattr(commands, "augment", fail)
    assert run("augment", "demo") == 3
    assert "RuntimeError: the roof fell in" in capsys.readouterr().err


def test_an_interrupted_command_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupt(_plan: AugmentationPlan) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "augment", interrupt)
    assert run("augment", "demo") == 130
    assert "goes on" in capsys.readouterr().err


def test_an_output_that_nobody_reads_ends_without_a_word():
    script = "from flows.cli import main; main(['config', 'show', 'mmimdb'])"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # before a word was written
        assert process.stderr.read() == b""
    assert process.returncode == cli.NOBODY_READS


def test_a_broken_config_file_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "broken.toml"
    path.write_text("[augmentation\n")
    assert run("augment", "--config", str(path)) == 2
    assert f"{path}: not TOML" in capsys.readouterr().err


def test_merging_goes_level_by_level():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "e": 5}) == {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}


def test_the_doctor_finds_nothing_wrong_here(capsys: pytest.CaptureFixture[str]):
    assert run("doctor", "--offline") == 0
    assert "Prefect" in capsys.readouterr().out


def test_an_empty_cache_says_how_to_fill_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("MMUDA_CACHE", str(tmp_path))
    assert run("cache", "ls") == 0
    assert "mmuda augment demo" in capsys.readouterr().out
