import pytest
import torch
from torch import nn
from torch.optim import AdamW

from train.freezing import freeze, training_mode
from train.models import image_encoder, text_encoder
from train.models.bert import Bert
from train.models.mmbt import Mmbt
from train.models.resnet import Resnet
from train.records import Inputs


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def image(batch_norm="train"):
    return image_encoder.load_encoder(name="resnet18", weights="random", tokens=1, batch_norm=batch_norm)


@pytest.fixture
def resnet():
    return Resnet(image=image(), genres=3, dropout=0.0)


@pytest.fixture
def bert(tiny_bert):
    encoder, pooling = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling=None)
    return Bert(encoder=encoder, pooling=pooling, genres=3, dropout=0.0)


@pytest.fixture
def mmbt(tiny_bert):
    encoder, pooling = text_encoder.load_encoder(name=str(tiny_bert), revision=None, pooling=None)
    return Mmbt(encoder=encoder, pooling=pooling, image=image(), cls_id=2, sep_id=3, genres=3, dropout=0.0)


@pytest.fixture
def films():
    tokens_BL = torch.tensor([[5, 6, 7], [8, 9, 10]])
    return Inputs(tokens_BL=tokens_BL, mask_BL=torch.ones_like(tokens_BL), image_BCHW=torch.randn(2, 3, 64, 64))


def optimiser(model):
    return AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)


def step(model, films, optimizer):
    """One training step as the loop makes it, on the mode that is set."""
    optimizer.zero_grad(set_to_none=True)
    model(films).square().sum().backward()
    optimizer.step()


def copied(module):
    """All weights and buffers (BatchNorm statistics and counts among them)."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(module, before):
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def test_a_frozen_image_encoder_keeps_weights_and_statistics_bit_for_bit(resnet, films):
    optimizer = optimiser(resnet)
    before, head = copied(resnet.image), copied(resnet.classifier)
    freeze(resnet, text=False, image=True)
    for _ in range(2):
        training_mode(resnet, text=False, image=True)
        step(resnet, films, optimizer)
    assert changed(resnet.image, before) == set()
    assert changed(resnet.classifier, head) == {"weight", "bias"}


def test_an_image_encoder_that_thaws_trains_all_its_weights_and_statistics(resnet, films):
    optimizer = optimiser(resnet)
    freeze(resnet, text=False, image=True)
    training_mode(resnet, text=False, image=True)
    step(resnet, films, optimizer)
    before = copied(resnet.image)
    freeze(resnet, text=False, image=False)
    training_mode(resnet, text=False, image=False)
    step(resnet, films, optimizer)
    assert changed(resnet.image, before) == before.keys()


def test_weights_frozen_after_they_trained_stay_where_they_are(resnet, films):
    # a gradient and AdamW's moments are left over from the step before; neither may move them
    optimizer = optimiser(resnet)
    training_mode(resnet, text=False, image=False)
    step(resnet, films, optimizer)
    freeze(resnet, text=False, image=True)
    assert all(weight.grad is None for weight in resnet.image.parameters())
    before = copied(resnet.image)
    optimizer.step()
    assert changed(resnet.image, before) == set()


def test_a_frozen_text_encoder_keeps_its_weights_bit_for_bit(bert, films):
    optimizer = optimiser(bert)
    before, head = copied(bert.encoder), copied(bert.classifier)
    freeze(bert, text=True, image=False)
    training_mode(bert, text=True, image=False)
    step(bert, films, optimizer)
    assert changed(bert.encoder, before) == set()
    assert changed(bert.classifier, head) == {"weight", "bias"}


def test_a_frozen_text_encoder_has_no_dropout_and_one_that_trains_has(bert, films):
    freeze(bert, text=True, image=False)
    training_mode(bert, text=True, image=False)
    assert torch.equal(bert(films), bert(films))
    freeze(bert, text=False, image=False)
    training_mode(bert, text=False, image=False)
    assert not torch.equal(bert(films), bert(films))


def test_gradients_pass_through_a_frozen_text_encoder_to_the_image_tokens(mmbt, films):
    optimizer = optimiser(mmbt)
    freeze(mmbt, text=True, image=False)
    training_mode(mmbt, text=True, image=False)
    parts = {"encoder": mmbt.encoder, "image": mmbt.image, "projection": mmbt.projection, "classifier": mmbt.classifier}
    before = {name: copied(part) for name, part in parts.items()}
    step(mmbt, films, optimizer)
    assert {name for name, part in parts.items() if changed(part, before[name])} == {"image", "projection", "classifier"}


def test_both_encoders_of_mmbt_freeze_and_projection_and_classifier_train(mmbt, films):
    optimizer = optimiser(mmbt)
    freeze(mmbt, text=True, image=True)
    training_mode(mmbt, text=True, image=True)
    before = copied(mmbt)
    step(mmbt, films, optimizer)
    assert {name.partition(".")[0] for name in changed(mmbt, before)} == {"projection", "classifier"}


def test_frozen_encoders_stay_in_evaluation_when_the_model_is_put_back_into_training(mmbt):
    freeze(mmbt, text=True, image=True)
    mmbt.eval()
    training_mode(mmbt, text=True, image=True)
    assert mmbt.dropout.training
    assert not any(module.training for part in (mmbt.encoder, mmbt.image) for module in part.modules())


def test_freezing_alone_already_stops_dropout_and_statistics(mmbt):
    mmbt.train()
    freeze(mmbt, text=True, image=True)
    assert not any(module.training for part in (mmbt.encoder, mmbt.image) for module in part.modules())


def test_batch_norm_of_frozen_statistics_stays_so_in_an_encoder_that_trains(films):
    model = Resnet(image=image("frozen"), genres=3, dropout=0.0)
    optimizer = optimiser(model)
    freeze(model, text=False, image=True)
    freeze(model, text=False, image=False)
    training_mode(model, text=False, image=False)
    before = copied(model.image)
    step(model, films, optimizer)
    norms = {name for name, module in model.image.named_modules() if isinstance(module, nn.BatchNorm2d)}
    statistics = {f"{name}.{kind}" for name in norms for kind in ("running_mean", "running_var", "num_batches_tracked")}
    assert changed(model.image, before) == before.keys() - statistics


def test_an_encoder_that_the_model_lacks_is_passed_over(bert, resnet):
    freeze(bert, text=False, image=True)
    freeze(resnet, text=True, image=False)
    assert all(weight.requires_grad for model in (bert, resnet) for weight in model.parameters())
