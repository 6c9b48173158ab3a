"""MMBT against a second derivation: one film, no batch, no padding, loops over tokens and heads."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import DistilBertConfig, DistilBertModel

from train.config import ImageEncoderConfig, ModelName, Pooling, RunConfig, TextEncoderConfig
from train.consistency import consistency_loss
from train.models import build, text_encoder
from train.models.image_encoder import ImageEncoder
from train.models.mmbt import Mmbt, text_budget
from train.objective import Objective, step_losses
from train.records import Batch, Inputs

CLS, SEP = 2, 3
HEADS = 4


def make(tiny_bert: Path, *, tokens: int = 3, pooling: Pooling | None = None) -> nn.Module:
    """MMBT with a one-layer image encoder, which gives feature maps as a ResNet does."""
    encoder, chosen = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling=pooling)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.Conv2d(3, 12, kernel_size=8, stride=8), nn.BatchNorm2d(12), nn.ReLU())
        image = ImageEncoder(trunk=trunk, width=12, tokens=tokens, batch_norm="train")
        return Mmbt(encoder=encoder, pooling=chosen, image=image, cls_id=CLS, sep_id=SEP, genres=6, dropout=0.1).eval()


def build_from(folder: Path) -> nn.Module:
    text = TextEncoderConfig(name=str(folder))
    image = ImageEncoderConfig(name="resnet18", weights="random")
    return build(RunConfig(version="v", model="mmbt", text=text, image=image), genres=6).eval()


def three_films(length: int) -> Inputs:
    """Texts of 4, 7 and 1 bare tokens, padded to `length` with a token that would matter if it were read."""
    tokens, mask = torch.full((3, length), 9), torch.zeros(3, length, dtype=torch.int64)
    for row, size in enumerate((4, 7, 1)):
        tokens[row, :size] = torch.arange(size) + 5 + 2 * row
        mask[row, :size] = 1
    image = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    return Inputs(tokens_BL=tokens, mask_BL=mask, image_BCHW=image)


def layer_norm(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean()
    return centred / torch.sqrt((centred**2).mean() + 1e-12) * state[f"{name}.weight"] + state[f"{name}.bias"]


def linear(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    return state[f"{name}.weight"] @ x + state[f"{name}.bias"]


def attend(states: list[Tensor], state: dict[str, Tensor], layer: str) -> list[Tensor]:
    query, key, value = (
        [linear(x, state, f"{layer}.attention.self.{part}").view(HEADS, -1) for x in states]
        for part in ("query", "key", "value")
    )
    mixed: list[Tensor] = []
    for here in range(len(states)):
        heads: list[Tensor] = []
        for head in range(HEADS):
            scores = [query[here][head] @ other[head] / math.sqrt(other[head].numel()) for other in key]
            shares = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
            heads.append(sum((share * other[head] for share, other in zip(shares, value, strict=True)), torch.zeros(())))
        mixed.append(torch.cat(heads))
    return mixed


def derive(model: nn.Module, text: list[int], image: Tensor, *, mean: bool = False) -> Tensor:
    """Logits of one film, from the weights alone."""
    state = model.state_dict()
    features = model.image(image.unsqueeze(0))[0]  # type: ignore[operator]
    words, places, segments = (
        state[f"encoder.embeddings.{part}_embeddings.weight"] for part in ("word", "position", "token_type")
    )
    sequence = [words[CLS]] + [linear(x, state, "projection") for x in features] + [words[SEP]]
    sequence = [x + places[place] + segments[0] for place, x in enumerate(sequence)]
    sequence += [words[token] + places[place] + segments[1] for place, token in enumerate(text)]
    states = [layer_norm(x, state, "encoder.embeddings.LayerNorm") for x in sequence]
    for number in range(2):
        layer = f"encoder.encoder.layer.{number}"
        mixed = attend(states, state, layer)
        states = [
            layer_norm(linear(y, state, f"{layer}.attention.output.dense") + x, state, f"{layer}.attention.output.LayerNorm")
            for x, y in zip(states, mixed, strict=True)
        ]
        wide = [linear(x, state, f"{layer}.intermediate.dense") for x in states]
        wide = [x * 0.5 * (1 + torch.erf(x / math.sqrt(2))) for x in wide]
        states = [
            layer_norm(linear(y, state, f"{layer}.output.dense") + x, state, f"{layer}.output.LayerNorm")
            for x, y in zip(states, wide, strict=True)
        ]
    pooled = sum(states) / len(states) if mean else torch.tanh(linear(states[0], state, "encoder.pooler.dense"))
    return linear(pooled, state, "classifier")


@pytest.mark.parametrize("tokens", [1, 3, 8])
def test_logits_equal_a_derivation_by_loops_over_one_film(tiny_bert: Path, tokens: int):
    model, films = make(tiny_bert, tokens=tokens), three_films(7)
    assert films.tokens_BL is not None
    assert films.image_BCHW is not None
    with torch.inference_mode():
        found = model(films)
        for row, size in enumerate((4, 7, 1)):
            expected = derive(model, films.tokens_BL[row, :size].tolist(), films.image_BCHW[row])
            assert_close(found[row], expected, atol=1e-4, rtol=1e-4)


def test_the_built_model_reads_its_special_tokens_from_the_tokenizer(tiny_bert: Path):
    model, films = build_from(tiny_bert), three_films(7)
    assert films.tokens_BL is not None
    assert films.image_BCHW is not None
    with torch.inference_mode():
        expected = derive(model, films.tokens_BL[1].tolist(), films.image_BCHW[1])
        assert_close(model(films)[1], expected, atol=1e-4, rtol=1e-4)


def test_mean_pooling_is_over_the_tokens_of_both_modalities(tiny_bert: Path):
    model, films = make(tiny_bert, pooling="mean"), three_films(7)
    assert films.tokens_BL is not None
    assert films.image_BCHW is not None
    with torch.inference_mode():
        expected = derive(model, films.tokens_BL[0, :4].tolist(), films.image_BCHW[0], mean=True)
        assert_close(model(films)[0], expected, atol=1e-4, rtol=1e-4)


def test_padding_to_the_longest_of_the_batch_equals_padding_to_the_limit(tiny_bert: Path):
    model = make(tiny_bert)
    with torch.inference_mode():
        assert_close(model(three_films(7)), model(three_films(507)), atol=1e-5, rtol=0)


def test_a_film_without_text_is_read_by_its_poster(tiny_bert: Path):
    model, films = make(tiny_bert), three_films(7)
    assert films.image_BCHW is not None
    nothing = Inputs(torch.zeros(3, 1, dtype=torch.int64), torch.zeros(3, 1, dtype=torch.int64), films.image_BCHW)
    with torch.inference_mode():
        assert_close(model(nothing)[0], derive(model, [], films.image_BCHW[0]), atol=1e-4, rtol=1e-4)


def test_films_without_text_tensors_are_read_by_their_posters(tiny_bert: Path):
    model, films = make(tiny_bert), three_films(7)
    assert films.image_BCHW is not None
    with torch.inference_mode():
        found = model(Inputs(image_BCHW=films.image_BCHW))
        for row in range(3):
            assert_close(found[row], derive(model, [], films.image_BCHW[row]), atol=1e-4, rtol=1e-4)


def test_encoded_posters_alone_are_read_as_posters_alone(tiny_bert: Path):
    model, films = make(tiny_bert), three_films(7)
    assert isinstance(model, Mmbt)
    assert films.image_BCHW is not None
    with torch.inference_mode():
        encoded = Inputs(image_BND=model.image(films.image_BCHW))
        assert_close(model(encoded), model(Inputs(image_BCHW=films.image_BCHW)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("pooling", ["pooler", "mean"])
def test_films_without_posters_are_read_as_the_encoder_itself_reads_them(tiny_bert: Path, pooling: Pooling):
    # [CLS] [SEP] text: segments 0 0 1 1 ..., positions 0 1 0 1 ...
    model, films = make(tiny_bert, pooling=pooling), three_films(7)
    assert isinstance(model, Mmbt)
    assert films.tokens_BL is not None
    with torch.inference_mode():
        found = model(replace(films, image_BCHW=None))
        for row, size in enumerate((4, 7, 1)):
            output = model.encoder(
                input_ids=torch.tensor([[CLS, SEP, *films.tokens_BL[row, :size].tolist()]]),
                position_ids=torch.tensor([[0, 1, *range(size)]]),
                token_type_ids=torch.tensor([[0, 0, *[1] * size]]),
            )
            vector = output.pooler_output if pooling == "pooler" else output.last_hidden_state.mean(dim=1)
            assert_close(found[row], model.classifier(vector)[0], atol=1e-5, rtol=1e-5)


def test_films_with_neither_text_nor_poster_are_refused(tiny_bert: Path):
    with pytest.raises(ValueError, match="mmbt reads plots and posters, and these films have neither"):
        make(tiny_bert)(Inputs())


@pytest.mark.parametrize(("model", "said"), [("bert", "bert reads plots"), ("resnet", "resnet reads posters")])
def test_films_without_what_the_model_reads_are_refused(tiny_bert: Path, model: ModelName, said: str):
    text = TextEncoderConfig(name=str(tiny_bert))
    image = ImageEncoderConfig(name="resnet18", weights="random")
    built = build(RunConfig(version="v", model=model, text=text, image=image), genres=6)
    with pytest.raises(ValueError, match=f"{said}, and these films have none"):
        built(Inputs())


def test_both_encoders_and_the_projection_are_trained(tiny_bert: Path):
    model = make(tiny_bert).train()
    model(three_films(7)).sum().backward()
    untrained = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert untrained == []


def test_the_text_budget_leaves_room_for_image_tokens_and_two_special_tokens():
    assert text_budget(max_tokens=512, image_tokens=3) == 507


def test_a_limit_that_leaves_no_room_for_text_is_refused():
    with pytest.raises(ValueError, match="11 tokens leave no room for text beside 9 image tokens"):
        text_budget(max_tokens=11, image_tokens=9)


def test_a_model_without_room_for_text_is_not_built(tiny_bert: Path):
    text = TextEncoderConfig(name=str(tiny_bert), max_tokens=8)
    image = ImageEncoderConfig(name="resnet18", weights="random", tokens=6)
    with pytest.raises(ValueError, match="8 tokens leave no room for text beside 6 image tokens"):
        build(RunConfig(version="v", model="mmbt", text=text, image=image), genres=6)


def test_an_encoder_without_two_segments_is_refused(tiny_bert: Path, tmp_path: Path):
    DistilBertModel(DistilBertConfig(vocab_size=40, dim=16, n_layers=1, n_heads=2, hidden_dim=16)).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    with pytest.raises(ValueError, match="mmbt needs a BERT with two segments, --text.name is a distilbert"):
        build_from(tmp_path)


def test_a_poster_that_both_views_share_is_encoded_once_and_changes_no_loss_or_gradient(tiny_bert: Path):
    films = three_films(7)
    assert films.tokens_BL is not None
    other = replace(films, tokens_BL=films.tokens_BL + 1)
    labels = torch.tensor([[1.0, 0, 0, 1, 0, 0]] * 3)
    copied = replace(other, image_BCHW=films.image_BCHW.clone() if films.image_BCHW is not None else None)
    shared, apart = (Batch(("a", "b", "c"), labels, films, augmented) for augmented in (other, copied))
    encoded: list[int] = []
    found: list[tuple[Tensor, Tensor]] = []
    for batch in (shared, apart):
        model = make(tiny_bert)
        assert isinstance(model, Mmbt)
        model.image.register_forward_hook(lambda *_: encoded.append(1))
        losses = step_losses(model, batch, Objective(consistency=consistency_loss))
        assert losses.consistency is not None
        (losses.supervised + losses.consistency).backward()
        gradient = model.image.trunk[0].weight.grad  # pyright: ignore
        found.append((losses.supervised + losses.consistency, gradient))
    assert len(encoded) == 1 + 2
    assert_close(found[0], found[1], atol=1e-6, rtol=1e-5)


def test_a_shared_poster_stays_shared_when_a_batch_is_moved():
    films = three_films(7)
    batch = Batch(("a", "b", "c"), torch.zeros(3, 6), films, replace(films, tokens_BL=films.mask_BL))
    copied = batch.map(Tensor.clone)
    assert copied.shares_posters
    assert copied.original.image_BCHW is not films.image_BCHW
    assert not replace(batch, augmented=films.map(Tensor.clone)).shares_posters
