"""Image encoders against torchvision's own parts and naive pooling."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

from train.config import ImageEncoderConfig, RunConfig
from train.models import MissingWeights, build, fetch, image_encoder
from train.records import Inputs


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return resnet18(weights=None).eval()


@pytest.fixture(scope="module")
def weight_file(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def no_torch_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def posters(films: int = 2) -> torch.Tensor:
    return torch.randn(films, 3, 256, 256, generator=torch.Generator().manual_seed(1))


def load(weights: str, *, name: str = "resnet18", tokens: int = 3, batch_norm: str = "train") -> image_encoder.ImageEncoder:
    return image_encoder.load_encoder(name=name, weights=weights, tokens=tokens, batch_norm=batch_norm)  # type: ignore[arg-type]


GRIDS = [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 5, 1), (6, 3, 2), (7, 7, 1), (8, 4, 2), (9, 3, 3)]


@pytest.fixture(scope="module")
def feature_map(network: nn.Module) -> torch.Tensor:
    """Last feature map of one poster, [512, 8, 8], by torchvision's own extractor."""
    with torch.inference_mode():
        return create_feature_extractor(network, {"layer4": "map"})(posters(1))["map"][0]


@pytest.fixture(scope="module")
def trunk(weight_file: Path) -> nn.Module:
    return load(str(weight_file)).trunk.eval()


@pytest.mark.parametrize(("tokens", "rows", "columns"), GRIDS)
def test_image_tokens_are_the_means_of_the_grid_cells_of_the_last_feature_map(
    feature_map: torch.Tensor, trunk: nn.Module, tokens: int, rows: int, columns: int
):
    # cell i of n covers map rows floor(8 i / n) to ceil(8 (i + 1) / n); tokens are read row by row
    cells = [
        feature_map[
            :,
            math.floor(8 * row / rows) : math.ceil(8 * (row + 1) / rows),
            math.floor(8 * column / columns) : math.ceil(8 * (column + 1) / columns),
        ].mean(dim=(1, 2))
        for row in range(rows)
        for column in range(columns)
    ]
    encoder = image_encoder.ImageEncoder(trunk=trunk, width=512, tokens=tokens, batch_norm="train").eval()
    with torch.inference_mode():
        found = encoder(posters(1))
    assert found.shape == (1, tokens, 512)
    assert_close(found[0], torch.stack(cells), atol=1e-5, rtol=1e-4)


def test_a_resnet152_gives_tokens_of_2048():
    with torch.device("meta"):
        encoder = load("random", name="resnet152")
        assert encoder(torch.empty(1, 3, 256, 256)).shape == (1, 3, 2048)
    assert encoder.width == 2048


def test_safetensors_and_pth_files_give_the_same_encoder(network: nn.Module, weight_file: Path, tmp_path: Path):
    save_file(network.state_dict(), tmp_path / "resnet18.safetensors")
    one, other = load(str(weight_file)).state_dict(), load(str(tmp_path / "resnet18.safetensors")).state_dict()
    assert_close(one, other)


def test_the_classifier_sees_all_tokens_side_by_side(weight_file: Path):
    config = RunConfig(
        version="v", model="resnet", image=ImageEncoderConfig(name="resnet18", weights=str(weight_file), tokens=4)
    )
    model = build(config, genres=5).eval()
    image = posters(1)[:, :, :64, :64]
    with torch.inference_mode():
        tokens = load(str(weight_file), tokens=4).eval()(image)[0]
        state = model.state_dict()
        expected = state["classifier.bias"].clone()
        for number, token in enumerate(tokens):
            expected += state["classifier.weight"][:, number * 512 : (number + 1) * 512] @ token
        assert_close(model(Inputs(image_BCHW=image))[0], expected, atol=1e-5, rtol=1e-4)


def test_frozen_batch_norm_keeps_its_statistics_and_still_trains_its_scale(weight_file: Path):
    encoder = load(str(weight_file), batch_norm="frozen").train()
    before = encoder.state_dict()["trunk.1.running_mean"].clone()
    encoder(posters()[:, :, :64, :64]).sum().backward()
    assert_close(encoder.state_dict()["trunk.1.running_mean"], before)
    assert encoder.trunk[1].weight.grad is not None  # type: ignore[index]
    assert encoder.trunk.training


def test_batch_norm_updates_its_statistics_by_default(weight_file: Path):
    config = RunConfig(version="v", model="resnet", image=ImageEncoderConfig(name="resnet18", weights=str(weight_file)))
    model = build(config, genres=2)
    before = model.state_dict()["image.trunk.1.running_mean"].clone()
    model(Inputs(image_BCHW=posters()[:, :, :64, :64]))
    assert not torch.equal(model.state_dict()["image.trunk.1.running_mean"], before)


def test_torchvision_encoders_use_the_normalisation_that_torchvision_states():
    from torchvision.models import ResNet152_Weights

    stated = ResNet152_Weights.IMAGENET1K_V2.transforms()
    assert image_encoder.normalisation(name="resnet152") == (tuple(stated.mean), tuple(stated.std))


def test_missing_torchvision_weights_are_named_with_three_ways_out(no_torch_cache: Path):
    with pytest.raises(MissingWeights) as caught:
        load("IMAGENET1K_V2", name="resnet152")
    message = str(caught.value)
    for part in ("resnet152-f82ba261.pth", str(no_torch_cache), "mmuda fetch", "--image.weights PATH", "--encoders embedded"):
        assert part in message


@pytest.mark.usefixtures("no_torch_cache")
def test_v1_weights_are_another_file():
    with pytest.raises(MissingWeights, match=r"resnet152-394f9c45\.pth"):
        load("IMAGENET1K_V1", name="resnet152")


def test_a_damaged_file_in_torchs_cache_is_not_loaded(no_torch_cache: Path):
    (no_torch_cache / "resnet18-f37072fd.pth").write_bytes(b"half of it")
    with pytest.raises(MissingWeights, match=r"resnet18-f37072fd\.pth: SHA-256 is .* expected f37072fd"):
        load("IMAGENET1K_V1")


def test_a_download_that_fails_says_what_is_missing_and_why(no_torch_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError("no route")  # noqa: EM101

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    config = RunConfig(version="v", model="resnet", image=ImageEncoderConfig(name="resnet18", weights="IMAGENET1K_V1"))
    with pytest.raises(MissingWeights, match="mmuda fetch") as caught:
        fetch(config)
    assert any("no route" in note for note in caught.value.__notes__)
    assert not list(no_torch_cache.iterdir())


def test_weights_that_do_not_exist_for_an_encoder_are_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"resnet34 has no weights 'IMAGENET1K_V2'; choose of \['IMAGENET1K_V1', 'random'\]"):
        load("IMAGENET1K_V2", name="resnet34")


def test_an_unknown_encoder_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="unknown image encoder 'resnet20'; choose of"):
        load("random", name="resnet20")


def test_weights_of_another_network_are_refused(weight_file: Path):
    with pytest.raises(ValueError, match="not the weights of resnet50"):
        load(str(weight_file), name="resnet50")


def test_a_missing_weight_file_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no such file"):
        load(str(tmp_path / "absent.pth"))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match="not readable as a state dict"):
        load(str(path))


def test_code_in_a_weight_file_does_not_run(tmp_path: Path):
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="not readable as a state dict"):
        load(str(tmp_path / "bomb.pth"))
    assert not (tmp_path / "ran").exists()
