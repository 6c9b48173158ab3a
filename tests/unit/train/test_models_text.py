"""Text encoders: loading, pooling, padding."""

import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import BertModel, DistilBertConfig, DistilBertModel

from train.config import OptimConfig, Pooling, RunConfig, TextEncoderConfig
from train.models import MissingWeights, build, text_encoder
from train.records import Inputs

REVISION = "86b5e0934494bd15c9632b12f734a8a67f723594"


def config(folder: Path, *, pooling: Pooling | None = None, max_tokens: int = 512, seed: int = 1) -> RunConfig:
    text = TextEncoderConfig(name=str(folder), pooling=pooling, max_tokens=max_tokens)
    return RunConfig(version="v", model="bert", text=text, seed=seed)


def three_texts(length: int) -> Inputs:
    """Three texts of 3, 9 and 6 tokens, padded to `length` with a token that would matter if it were read."""
    tokens, mask = torch.full((3, length), 7), torch.zeros(3, length, dtype=torch.int64)
    for row, size in enumerate((3, 9, 6)):
        tokens[row, :size] = torch.arange(size) + 5 + row
        tokens[row, 0], tokens[row, size - 1] = 2, 3
        mask[row, :size] = 1
    return Inputs(tokens_BL=tokens, mask_BL=mask)


@pytest.fixture
def no_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("pooling", ["pooler", "cls", "mean"])
def test_padding_to_the_longest_of_the_batch_equals_padding_to_512(tiny_bert: Path, pooling: Pooling):
    model = build(config(tiny_bert, pooling=pooling), genres=4).eval()
    with torch.inference_mode():
        assert_close(model(three_texts(9)), model(three_texts(512)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("pooling", ["pooler", "cls", "mean"])
def test_logits_are_the_pooled_states_through_the_classifier(tiny_bert: Path, pooling: Pooling):
    model = build(config(tiny_bert, pooling=pooling), genres=4).eval()
    encoder = BertModel.from_pretrained(tiny_bert, attn_implementation="eager").eval()
    state = model.state_dict()
    for row, size in enumerate((3, 9, 6)):  # each text alone, without padding
        inputs = three_texts(9)
        assert inputs.tokens_BL is not None
        with torch.inference_mode():
            output = encoder(inputs.tokens_BL[row : row + 1, :size])
            vector = {
                "pooler": output.pooler_output[0],
                "cls": output.last_hidden_state[0, 0],
                "mean": sum(output.last_hidden_state[0]) / size,
            }[pooling]
            expected = state["classifier.weight"] @ vector + state["classifier.bias"]
            assert_close(model(inputs)[row], expected, atol=1e-5, rtol=1e-4)


def test_an_encoder_with_a_pooler_uses_it_by_default(tiny_bert: Path):
    _, pooling = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling=None)
    assert pooling == "pooler"


def test_an_encoder_without_a_pooler_uses_its_first_token_by_default(tmp_path: Path):
    DistilBertModel(DistilBertConfig(vocab_size=40, dim=16, n_layers=1, n_heads=2, hidden_dim=16)).save_pretrained(tmp_path)
    encoder, pooling = text_encoder.load_encoder(name=str(tmp_path), revision=None, pooling=None)
    assert pooling == "cls"
    with pytest.raises(ValueError, match="DistilBertModel has no pooler; use --text.pooling cls or mean"):
        text_encoder.load_encoder(name=str(tmp_path), revision=None, pooling="pooler")
    assert encoder.dtype == torch.float32


def test_an_unused_pooler_is_not_part_of_the_model(tiny_bert: Path):
    assert not [name for name in build(config(tiny_bert, pooling="mean"), genres=2).state_dict() if "pooler" in name]


def test_new_weights_depend_on_the_seed_alone(tiny_bert: Path):
    one = build(config(tiny_bert), genres=3).state_dict()
    torch.rand(5)
    assert_close(build(config(tiny_bert), genres=3).state_dict(), one, atol=0, rtol=0)
    assert not torch.equal(
        build(config(tiny_bert, seed=2), genres=3).state_dict()["classifier.weight"], one["classifier.weight"]
    )


def test_building_leaves_torchs_generator_as_it_was(tiny_bert: Path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(config(tiny_bert), genres=3)
    assert torch.equal(torch.rand(3), expected)


def test_dropout_before_the_classifier_is_the_configured_one(tiny_bert: Path):
    run = config(tiny_bert).model_copy(update={"optim": OptimConfig(dropout=0.35)})
    assert build(run, genres=2).dropout.p == 0.35  # type: ignore[union-attr]


def test_a_model_is_built_in_training_mode(tiny_bert: Path):
    assert all(module.training for module in build(config(tiny_bert), genres=2).modules())


def test_a_checkpoint_without_pooler_gets_a_new_one_from_the_seed(tiny_bert: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    state = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if "pooler" not in name}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    one, other = (build(config(folder), genres=2).state_dict()["encoder.pooler.dense.weight"] for _ in range(2))
    assert torch.equal(one, other)
    assert one.std() > 0


def test_a_checkpoint_that_lacks_layers_is_refused(tiny_bert: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    state = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if "layer.1" not in name}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="16 weights missing, such as"):
        build(config(folder), genres=2)


def test_loading_says_nothing(tiny_bert: Path, capfd: pytest.CaptureFixture[str]):
    build(config(tiny_bert), genres=2)
    text_encoder.load_tokenizer(name=str(tiny_bert), revision=None)
    assert capfd.readouterr() == ("", "")


def test_more_tokens_than_the_encoder_has_positions_are_refused_with_the_cure(tiny_bert: Path):
    with pytest.raises(ValueError, match=r"reads at most 512 tokens, --text.max_tokens is 600; lower it to 512"):
        build(config(tiny_bert, max_tokens=600), genres=2)


def test_a_missing_encoder_is_named_with_its_revision_and_three_ways_out(no_hub_cache: Path):
    with pytest.raises(MissingWeights) as caught:
        build(RunConfig(version="v", model="bert"), genres=2)
    message = str(caught.value)
    for part in ("bert-base-uncased", REVISION, str(no_hub_cache), "mmuda fetch", "--text.name PATH", "--encoders embedded"):
        assert part in message


def test_an_encoder_in_the_hub_cache_is_used_at_the_pinned_revision(tiny_bert: Path, no_hub_cache: Path):
    folder = no_hub_cache / "models--bert-base-uncased" / "snapshots" / REVISION
    shutil.copytree(tiny_bert, folder)
    assert text_encoder.locate(name="bert-base-uncased", revision=None) == folder


def test_an_interrupted_download_counts_as_missing(tiny_bert: Path, no_hub_cache: Path):
    folder = no_hub_cache / "models--bert-base-uncased" / "snapshots" / REVISION
    shutil.copytree(tiny_bert, folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingWeights, match=REVISION):
        text_encoder.locate(name="bert-base-uncased", revision=None)


@pytest.mark.usefixtures("no_hub_cache")
def test_a_repository_without_a_known_revision_must_be_given_one():
    with pytest.raises(ValueError, match="roberta-base: which revision"):
        text_encoder.locate(name="roberta-base", revision=None)
    with pytest.raises(MissingWeights, match="roberta-base at revision main"):
        text_encoder.locate(name="roberta-base", revision="main")


def test_a_folder_that_does_not_exist_is_no_repository(tmp_path: Path):
    with pytest.raises(ValueError, match=r"absent: no such folder; --text.name takes"):
        text_encoder.locate(name=str(tmp_path / "absent"), revision=None)


def test_a_folder_without_an_encoder_says_what_was_expected_and_found(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"expected config.json and model.safetensors .* found \['notes.txt'\]"):
        text_encoder.locate(name=str(tmp_path), revision=None)


def test_pickled_weights_are_not_read(tiny_bert: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"expected config.json and model.safetensors"):
        build(config(folder), genres=2)
