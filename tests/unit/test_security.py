"""What our own code never does: run code out of data, hand commands to a shell, unpack archives to paths."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from datasets_cache.addresses import shown_url
from flows import doctor_hubs, serve_check
from flows.page.markup import cell, element
from flows.serve import Supervisor
from flows.serve_state import STATE
from train.config import ImageEncoderConfig, RunConfig
from train.models import checksums

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "augment", "train", "datasets_cache")

RUN_CODE = {
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "pickletools",
    "xmlrpc",
    "imp",
}
"""Modules whose files or messages are code to whoever reads them."""
SHELLS = {"os.system", "os.popen", "pty.spawn", "commands.getoutput", "subprocess.getoutput", "subprocess.getstatusoutput"}
EVALUATORS = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}
PICKLING = {"pandas.read_pickle", "pd.read_pickle", "np.lib.format.read_array"}
UNPACKERS = {"shutil.unpack_archive"}
FOREIGN_CODE = {"torch.hub.load", "torch.jit.load", "torch.package.PackageImporter", "torch.compiler.load_compiled_function"}
EXCEPTIONS_OF_PICKLE = {"UnpicklingError"}
"""Classes of exceptions, which `torch.load` with ``weights_only`` raises: naming them reads nothing."""


def findings(source: str) -> list[str]:
    """What a module does that it must not do, each with its line."""
    return [f"{node.lineno}: {said}" for node in ast.walk(ast.parse(source)) for said in _said_of(node)]


def _said_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (f"import {alias.name}" for alias in node.names if alias.name.partition(".")[0] in RUN_CODE)
        case ast.ImportFrom() if (node.module or "").partition(".")[0] in RUN_CODE:
            yield from (f"from {node.module} import {one.name}" for one in node.names if one.name not in EXCEPTIONS_OF_PICKLE)
        case ast.Call():
            yield from _said_of_call(ast.unparse(node.func), {word.arg: word.value for word in node.keywords})


def _said_of_call(called: str, given: dict[str | None, ast.expr]) -> Iterator[str]:
    constant = {name: value.value for name, value in given.items() if isinstance(value, ast.Constant)}
    last = called.rpartition(".")[2]
    if called in EVALUATORS | SHELLS | PICKLING | UNPACKERS | FOREIGN_CODE:
        yield f"{called}(...)"
    if called == "torch.load" and constant.get("weights_only") is not True:
        yield "torch.load without weights_only=True"
    if called in ("np.load", "numpy.load") and constant.get("allow_pickle") is not False:
        yield f"{called} without allow_pickle=False"
    if called.startswith("yaml.") and last not in ("safe_load", "safe_load_all", "safe_dump"):
        yield f"{called}: not a safe one"
    if last in ("extract", "extractall") and given.get("filter") is None:
        yield f"{called} without a filter"
    if "shell" in given and constant.get("shell") is not False:
        yield f"{called} through a shell"
    if "trust_remote_code" in given and constant.get("trust_remote_code") is not False:
        yield f"{called} runs a repository's code"
    if "use_safetensors" in given and constant.get("use_safetensors") is False:
        yield f"{called} prefers pickled weights"
    if "allow_pickle" in given and constant.get("allow_pickle") is not False:
        yield f"{called} allows pickles"


MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_the_four_packages_are_looked_at():
    assert {path.parts[0] for path in MODULES} == set(PACKAGES)
    assert len(MODULES) > 150


def test_no_module_of_ours_runs_code_out_of_data():
    found = {str(path): said for path in MODULES if (said := findings((ROOT / path).read_text(encoding="utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import dill as safe",
        "from pickle import loads",
        "from joblib import load",
        "import marshal",
        "eval(text)",
        "exec(text)",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=asked)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=asked)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "archive.extractall(folder)",
        "archive.extract(member, folder)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "torch.hub.load('owner/name', 'model')",
        "torch.jit.load(path)",
        "shutil.unpack_archive(path)",
    ],
)
def test_what_runs_code_or_unpacks_to_paths_is_seen(line: str):
    assert len(findings(line)) >= 1


@pytest.mark.parametrize(
    "line",
    [
        "from pickle import UnpicklingError",
        "torch.load(path, map_location='cpu', weights_only=True)",
        "np.load(path, allow_pickle=False)",
        "yaml.safe_load(text)",
        "AutoModel.from_pretrained(name, trust_remote_code=False)",
        "model.eval()",
        "re.compile(pattern)",
        "archive.extractfile(member)",
        "subprocess.run(['ls'])",
    ],
)
def test_what_is_harmless_is_not_taken_for_it(line: str):
    assert findings(line) == []


def test_a_run_records_the_sha256_of_the_weights_that_it_began_from(tmp_path: Path):
    weights = tmp_path / "resnet.pth"
    weights.write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    image = ImageEncoderConfig(name="resnet18", weights=str(weights))
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksums(RunConfig(version="demo-1", model="resnet", image=image)) == {"image/resnet.pth": known}
    assert checksums(RunConfig(version="demo-1", model="resnet", image=ImageEncoderConfig(weights="random"))) == {}


PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://ann:{PASSWORD}@prefect.example:4200/api", "https://prefect.example:4200/api"),
        (f"http://{PASSWORD}@host", "http://host"),
        (f"http://ann:{PASSWORD}@with@at@host/a@b", "http://host/a@b"),
        (f"ann:{PASSWORD}@host/api", "host/api"),
        ("http://127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str):
    assert shown_url(url) == shown


def test_checks_of_addresses_with_passwords_say_no_password(monkeypatch: pytest.MonkeyPatch):
    url = f"http://ann:{PASSWORD}@127.0.0.1:9/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises(ValueError, match="does not answer") as caught:
        serve_check.sweep_now()
    said = [
        str(caught.value),
        serve_check._configured(url),
        *doctor_hubs.reachable({"a hub": url, "another": f"gopher://ann:{PASSWORD}@x"}, offline=False),
    ]
    assert "127.0.0.1:9" in str(said)
    assert PASSWORD not in str(said)


def test_serve_says_and_writes_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setattr("flows.serve.STARTING", 0.0)
    seen: list[str] = []
    monkeypatch.setattr("flows.serve.write_state", lambda _home, state: seen.append(state.model_dump_json()))
    supervisor = Supervisor(tmp_path, f"http://ann:{PASSWORD}@127.0.0.1:9/api", None, [], [], [])
    with pytest.raises(ValueError, match="does not answer") as caught:
        supervisor.run()
    monkeypatch.setattr(Supervisor, "_start", lambda _it: None)
    monkeypatch.setattr(Supervisor, "_look_after", lambda it: it.signals.append(15))
    assert supervisor.run() == 0
    assert not (tmp_path / STATE).exists()
    assert "http://127.0.0.1:9/api" in "".join(seen)
    assert PASSWORD not in f"{seen} {caught.value} {capfd.readouterr()}"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![](http://127.0.0.1:9/x.png)",
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "[x]: javascript:alert(1)",
        "<javascript:alert(1)>",
        "` <b>` | <b>",
        "a\n\n<b>b</b>\n\n# c",
    ],
)
def test_text_on_the_page_stays_text_and_loads_nothing(text: str):
    drawn = MarkdownIt("commonmark").enable("table").render(f"| a |\n| --- |\n| {cell(text)} |\n\n<p>{element(text)}</p>\n")
    inside = drawn.replace("<table>", "").replace("<p>", "").replace("</p>", "")
    for part in ("table", "thead", "tbody", "tr", "th", "td"):
        inside = inside.replace(f"<{part}>", "").replace(f"</{part}>", "")
    assert "<" not in inside
