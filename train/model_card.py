"""The card of a trained model, ``README.md`` in its folder: data, settings, scores, limits, and how it is loaded."""

import json
from collections.abc import Iterable, Iterator, Sequence

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from datasets_cache.export.paths import without_paths
from datasets_cache.manifest import Manifest
from datasets_cache.version import Version
from train.config import RunConfig
from train.export import About
from train.loading_code import classifier_code, loading_code
from train.models import embedded
from train.records import RunResult, Scores

_NAMES = {
    "bert": "a text encoder",
    "resnet": "an image encoder",
    "mmbt": "a multimodal bitransformer (Kiela et al., arXiv:1909.02950)",
}
_READS = {"bert": "its plot", "resnet": "its poster", "mmbt": "its plot and its poster"}
_TASKS = {"bert": "text-classification", "resnet": "image-classification", "mmbt": "multi-label-classification"}
_METRICS = (
    ("ap_micro", "average_precision", "average precision, micro"),
    ("ap_macro", "average_precision", "average precision, macro"),
    ("f1_micro", "f1", "F1 at probability 0.5, micro"),
    ("f1_macro", "f1", "F1 at probability 0.5, macro"),
)


def lineage(version: Version) -> tuple[Manifest, ...]:
    """What a card tells of the data: the manifest of a version, then those of its shelves."""
    shelves = (version.sample, version.text, version.image, version.pool, version.pool_text, version.pool_image)
    return (version.manifest, *(shelf.manifest for shelf in shelves if shelf))


def make(about: About, result: RunResult, data: Sequence[Manifest]) -> str:
    """The card of a finished run's model.

    Args:
        about: the exported model.
        result: of the run, whose best weights the model has.
        data: see `lineage`.
    Returns:
        Markdown with the header that the Hub reads.
    """
    return str(ModelCard(f"---\n{_header(result).to_yaml()}\n---\n\n{_body(about, result, data)}\n"))


def _header(result: RunResult) -> ModelCardData:
    found = [
        EvalResult(
            task_type=_TASKS[result.model],
            task_name="multi-label film genres",
            dataset_type=result.version,
            dataset_name=f"cache version {result.version}",
            dataset_split="test",
            metric_type=kind,
            metric_name=f"{name} (test)",
            metric_value=round(getattr(result.test, field), 4),
        )
        for field, kind, name in _METRICS
    ]
    return ModelCardData(
        language="en",
        library_name=None if result.model == "resnet" else "transformers",
        pipeline_tag=None if result.model == "mmbt" else _TASKS[result.model],  # the Hub has none for text with an image
        base_model=_base_model(result.config),
        tags=["mmuda", "film-genres", "multi-label", result.model, *(["unsupervised-data-augmentation"] if result.uda else [])],
        model_name=result.run,
        eval_results=found,
    )


def _base_model(config: RunConfig) -> str | None:
    """The text encoder's repository on the Hub; None where it came from elsewhere."""
    name = config.text.name
    local = name == embedded.NAME or name.startswith((".", "/", "~"))
    return None if config.model == "resnet" or local else name


def _body(about: About, result: RunResult, data: Sequence[Manifest]) -> str:
    augmented = " and ".join({"text": "plots", "image": "posters"}[part] for part in result.config.augmented)
    trained = f"with unsupervised data augmentation on {augmented}" if result.uda else "without augmentation"
    lines = [
        f"# {result.run}",
        "",
        f"Gives each of {len(result.genres)} genres a probability for a film, from {_READS[result.model]}:"
        f" {_NAMES[result.model]}, fine-tuned {trained}, seed {result.seed}. Trained by mmuda.",
        "",
        f"Genres: {', '.join(result.genres)}.",
        "",
        "## Load it",
        "",
        "mmuda is not needed:",
        "",
        "```python",
        loading_code(about),
        "```",
        "",
        *_as_classifier(about),
        "With mmuda: `mmuda predict FOLDER --plot … --poster …`, or `train.predict.predict`.",
        "",
        "## Scores",
        "",
        f"Best weights by average precision (micro) on the validation split: epoch {result.best_epoch} of {result.epochs}.",
        "",
        *_scores(result),
        "",
        "## Data",
        "",
        *_data(data),
        "",
        "## Settings",
        "",
        "```json",
        json.dumps(without_paths(result.config.model_dump(mode="json")), indent=2, ensure_ascii=False),
        "```",
        "",
        f"Libraries: {', '.join(f'{name} {number}' for name, number in about.libraries.items())}. Training took"
        f" {result.seconds / 60:.1f} minutes.",
        "",
        "## Limits",
        "",
        *_limits(result, data),
    ]
    return "\n".join(lines)


def _as_classifier(about: About) -> Iterator[str]:
    code = classifier_code(about)
    if code:
        yield from ("Or as transformers' own classifier, which is this very model:", "", "```python", code, "```", "")


def _scores(result: RunResult) -> Iterator[str]:
    splits: tuple[tuple[str, Scores], ...] = (("train", result.train), ("validation", result.validation), ("test", result.test))
    yield from _table(("percent", *(name for name, _ in splits)), _score_rows([scores for _, scores in splits]))
    yield ""
    yield "Average precision of each genre, percent (– : the split has no film of it):"
    yield ""
    rows = ((genre, *(_percent(scores.ap_by_genre[genre]) for _, scores in splits)) for genre in result.genres)
    yield from _table(("genre", *(name for name, _ in splits)), rows)


def _score_rows(splits: Sequence[Scores]) -> Iterator[tuple[str, ...]]:
    for field, _, name in _METRICS:
        yield name, *(_percent(getattr(scores, field)) for scores in splits)
    yield "binary cross entropy, nats", *(f"{scores.loss:.3f}" for scores in splits)


def _data(data: Sequence[Manifest]) -> Iterator[str]:
    version, *shelves = data
    films = ", ".join(f"{count} {split}" for split, count in version.rows.items())
    yield f"Cache version `{version.id}`: {films} films. A shelf's name stands for its settings, parents and weights:"
    yield ""
    yield from _table(
        ("shelf", "from", "settings", "models"),
        (
            (
                f"`{shelf.id}`",
                ", ".join(f"`{parent}`" for parent in shelf.parents),
                f"`{json.dumps(without_paths(shelf.spec), ensure_ascii=False)}`",
                ", ".join(f"{name} ({revision})" for name, revision in without_paths(shelf.models).items()),
            )
            for shelf in shelves
        ),
    )


def _limits(result: RunResult, data: Sequence[Manifest]) -> Iterator[str]:
    films = data[0].rows.get("test", 0)
    yield f"- The scores are of one seed on {films} test films; another seed or other films give others."
    missing = [genre for genre, value in result.test.ap_by_genre.items() if value is None]
    if missing:
        yield f"- No test film has {', '.join(missing)}: nothing is known of {'it' if len(missing) == 1 else 'them'}."
    yield "- Probabilities are not calibrated; the threshold of 0.5 behind F1 was not tuned."
    if result.model == "resnet":
        yield "- A poster alone says little of many films."
    else:
        yield "- Plots are read in English. A plot longer than the model reads loses its end."
    if result.model == "mmbt":
        yield "- It was trained on films with both plot and poster; with one of them missing expect less."
    spec = data[1].spec if len(data) > 1 else {}
    if spec.get("source", {}).get("kind") == "bundled":
        yield "- It was trained on the sample that comes with mmuda, 200 films with drawn posters: for trying things out."
    yield "- The pretrained encoders have licences of their own; so have the films that it was trained on."


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield f"|{' --- |' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(entry.replace('|', chr(92) + '|') for entry in row)} |"
