"""The lines that read an exported model with plain libraries: what its card shows, for this very model."""

from collections.abc import Iterator

from datasets_cache.posters import QUALITY
from train.config import Pooling
from train.export import About, ImagePart

PLOT, POSTER = "A storm cuts a village off, and its priest begins to hear confessions by radio.", "poster.jpg"
"""What the lines ask the model; who copies them puts their own film here."""


def loading_code(about: About) -> str:
    """A Python script that gives `probabilities`, the probability of each genre of one film, from the folder it is run in."""
    lines = [*_imports(about), "", 'folder = Path(".")  # where this card lies']
    lines += ['about = json.loads((folder / "model.json").read_text())', 'head = load_file(folder / "head.safetensors")']
    match about.config.model:
        case "bert":
            lines += _plot(about)
        case "resnet":
            assert about.image
            lines += [*_image_tokens(about.image), "    vector = image.flatten(1)"]
        case "mmbt":
            assert about.image
            lines += [*_image_tokens(about.image), *_joint(about)]
    lines += [
        '    logits = torch.nn.functional.linear(vector, head["classifier.weight"], head["classifier.bias"])',
        'probabilities = dict(zip(about["genres"], logits.sigmoid()[0].tolist()))',
    ]
    return "\n".join(lines)


def classifier_code(about: About) -> str | None:
    """The same through `AutoModelForSequenceClassification`, where that is this very model: a BERT with its own pooler."""
    if about.config.model != "bert" or not about.text or about.text.pooling != "pooler" or about.text.architecture != "bert":
        return None
    return f"""import json
from pathlib import Path

from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

folder = Path(".")  # where this card lies
genres, head = json.loads((folder / "model.json").read_text())["genres"], load_file(folder / "head.safetensors")
labels = dict(id2label=dict(enumerate(genres)), label2id={{genre: number for number, genre in enumerate(genres)}})
model = AutoModelForSequenceClassification.from_pretrained(
    folder / "text", num_labels=len(genres), problem_type="multi_label_classification", **labels
)  # says that the classifier is new; the next line fills it
model.classifier.load_state_dict({{"weight": head["classifier.weight"], "bias": head["classifier.bias"]}})
tokenizer = AutoTokenizer.from_pretrained(folder / "text", model_max_length={about.text.max_tokens})
classify = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
scores = classify({PLOT!r}, truncation=True)"""


def _imports(about: About) -> Iterator[str]:
    yield from (*(["import io"] if about.image else []), "import json", "from pathlib import Path", "")
    if about.image and about.image.library == "timm":
        yield "import timm"
    yield "import torch"
    if about.image and about.image.library == "torchvision":
        yield "import torchvision"
    if about.image:
        yield "from PIL import Image"
    yield "from safetensors.torch import load_file"
    if about.image:
        yield "from torchvision.transforms.functional import normalize, to_tensor"
    if about.text:
        yield "from transformers import AutoModel, AutoTokenizer"


def _plot(about: About) -> Iterator[str]:
    assert about.text
    yield 'tokenizer = AutoTokenizer.from_pretrained(folder / "text")'
    yield 'encoder = AutoModel.from_pretrained(folder / "text").eval()'
    limit = f"truncation=True, max_length={about.text.max_tokens}"
    yield f'tokens = tokenizer({PLOT!r}, {limit}, return_tensors="pt")'
    yield "with torch.inference_mode():"
    yield "    output = encoder(**tokens)"
    yield f"    vector = {_vector(about.text.pooling)}"


def _image_tokens(image: ImagePart) -> Iterator[str]:
    if image.library == "timm":
        yield f'network = timm.create_model("{image.architecture}", num_classes=0).eval()'
        yield 'network.load_state_dict(load_file(folder / "image.safetensors"))'
        features = "network.forward_features"
    else:
        yield f'network = torchvision.models.get_model("{image.architecture}").eval()'
        yield 'network.load_state_dict(load_file(folder / "image.safetensors"), strict=False)  # all but its classifier'
        features = "torch.nn.Sequential(*list(network.children())[:-2])"
    size = f"({image.side}, {image.side}), Image.Resampling.BICUBIC"
    yield f'poster, copy = Image.open("{POSTER}"), io.BytesIO()'
    yield f"poster.draft(None, ({2 * image.side}, {2 * image.side}))  # large ones are decoded at a half, quarter or eighth"
    yield f'poster.convert("RGB").resize({size}).save(copy, "JPEG", quality={QUALITY}, subsampling=0)'
    yield f"pixels = normalize(to_tensor(Image.open(copy)), {list(image.mean)}, {list(image.std)})[None]  # as in training"
    yield "with torch.inference_mode():"
    yield f"    features = {features}(pixels)"
    yield f"    image = torch.nn.functional.adaptive_avg_pool2d(features, {tuple(image.grid)}).flatten(2).transpose(1, 2)"


def _joint(about: About) -> Iterator[str]:
    assert about.text
    yield '    image = torch.nn.functional.linear(image, head["projection.weight"], head["projection.bias"])'
    yield '    tokenizer = AutoTokenizer.from_pretrained(folder / "text")'
    yield '    encoder = AutoModel.from_pretrained(folder / "text").eval()'
    limit = f"truncation=True, max_length={about.text.max_tokens}"
    yield f'    text = tokenizer({PLOT!r}, add_special_tokens=False, {limit}, return_tensors="pt")["input_ids"]'
    yield "    words = encoder.get_input_embeddings()"
    yield f"    first, last = words(torch.tensor([[{about.text.cls_id}, {about.text.sep_id}]])).split(1, dim=1)"
    yield "    before, after = image.shape[1] + 2, text.shape[1]"
    yield "    output = encoder("
    yield "        inputs_embeds=torch.cat([first, image, last, words(text)], dim=1),"
    yield "        position_ids=torch.tensor([[*range(before), *range(after)]]),"
    yield "        token_type_ids=torch.tensor([[0] * before + [1] * after]),"
    yield "    )"
    yield f"    vector = {_vector(about.text.pooling)}"


def _vector(pooling: Pooling) -> str:
    match pooling:
        case "pooler":
            return "output.pooler_output"
        case "cls":
            return "output.last_hidden_state[:, 0]"
        case "mean":
            return "output.last_hidden_state.mean(dim=1)"
