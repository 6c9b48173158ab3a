"""The card of an exported version: ``README.md`` with the header that the Hub and `datasets` read."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from datasets import DatasetInfo, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard, DatasetCardData

from datasets_cache.export.licence import Terms, source_kind
from datasets_cache.export.parquet import Extent, folder_of
from datasets_cache.export.provenance import Provenance
from datasets_cache.export.rows import features, parts
from datasets_cache.version import Version

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_SOURCES = {
    "mmimdb": "MM-IMDb (Arevalo et al., arXiv:1702.01992)",
    "moviescope": "Moviescope (Cascante-Bonilla et al., arXiv:1908.03180), or films in its form",
    "bundled": "the sample that comes with mmuda",
    "table": "its author's own films",
}
_COLUMNS = (
    ("id", "the film, the same as in the source"),
    ("title", "its title"),
    ("plot", "the plot, cleaned: mojibake and markup mended"),
    ("genres", "its genres, class labels; empty in `unlabelled`"),
    ("poster", "the poster, the very bytes of the source"),
    ("poster_256", "the copy that models read: 256×256, RGB, JPEG of quality 95"),
    (
        "augmented_plots",
        "back-translations of the plot, one a view; empty in `validation` and `test`, which are never augmented",
    ),
    ("augmented_posters", "augmented copies of `poster_256`, one a view; likewise"),
    (
        "plot_views",
        "for each augmented plot: number of the view, sentences, reasons of sentences kept as the original, second decodings,"
        " lost numbers and names, chrF against the original (100: unchanged)",
    ),
    (
        "poster_views",
        "for each augmented poster: number of the view, operations with their parameter, reason if kept as it was",
    ),
)


def make(version: Version, provenance: Provenance, terms: Terms) -> DatasetCard:
    """The card of a version that was written as Parquet."""
    return DatasetCard(
        f"---\n{_header(version, provenance.extents, terms).to_yaml()}\n---\n\n{_body(version, provenance, terms)}\n"
    )


def _header(version: Version, extents: Sequence[Extent], terms: Terms) -> DatasetCardData:
    by_config: dict[str, list[Extent]] = {}
    for extent in extents:
        by_config.setdefault(extent.config, []).append(extent)
    films = sum(extent.films for extent in extents)
    data = DatasetCardData(
        language=["en"],
        pretty_name=version.id,
        size_categories=[next((name for limit, name in _SIZES if films < limit), "n>1M")],
        task_categories=["text-classification", "image-classification"],
        task_ids=["multi-label-classification"],
        tags=["mmuda", "film-genres", "multimodal", "data-augmentation", "back-translation", "randaugment"],
        configs=[_files(config, found) for config, found in by_config.items()],
    )
    for name, value in terms.metadata.items():
        data[name] = value
    infos = {config: _info(config, found, version.genres) for config, found in by_config.items()}
    DatasetInfosDict(infos).to_dataset_card_data(data)
    return data


def _files(config: str, extents: Iterable[Extent]) -> dict[str, Any]:
    files = [{"split": extent.split, "path": f"{folder_of(config)}/{extent.split}-*"} for extent in extents]
    return {"config_name": config, "data_files": files} | ({"default": True} if config == "default" else {})


def _info(config: str, extents: Sequence[Extent], genres: Sequence[str]) -> DatasetInfo:
    splits = SplitDict()
    for extent in extents:
        splits.add(SplitInfo(name=extent.split, num_bytes=extent.num_bytes, num_examples=extent.films))
    return DatasetInfo(
        config_name=config,
        features=features(genres),
        splits=splits,
        download_size=sum(extent.file_bytes for extent in extents),
        dataset_size=sum(extent.num_bytes for extent in extents),
    )


def _body(version: Version, provenance: Provenance, terms: Terms) -> str:
    source = _SOURCES.get(source_kind(version) or "", "not recorded")
    share = version.sample.manifest.spec.get("share")
    part = "all films" if share in (None, 1.0) else f"{100 * share:g} % of the films of each split, chosen by a hash of the id"
    lines = [
        f"# {version.id}",
        "",
        f"Films with plot, poster and genres{_variants(version)} Written by mmuda.",
        "",
        f"Source: {source}; {part}.",
        "",
        "## Licence",
        "",
        terms.text,
        "",
        "## Load it",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        'films = load_dataset("PATH_OR_REPOSITORY")  # this folder, or its name on the Hub',
        'film = films["train"][0]',
        'names = films["train"].features["genres"].feature.int2str(film["genres"])',
        "```",
        "",
        *(['The unlabelled films: `load_dataset(…, "unlabelled")`.', ""] if version.pool else []),
        "## Columns",
        "",
        *_table(("column", "what it holds"), ((f"`{name}`", text) for name, text in _COLUMNS)),
        "",
        "## Films",
        "",
        *_films(version),
        "",
        "## How it was made",
        "",
        f"Cache version `{version.id}`, published {version.manifest.created:%Y-%m-%d}. A shelf is named by its settings, its"
        " parents and the weights that took part: equal names are equal content. `provenance.json` has the same, complete.",
        "",
    ]
    for shelf in provenance.shelves:
        lines += [*_shelf(shelf), ""]
    return "\n".join([*lines, "## Limits", "", *_limits(version)])


def _variants(version: Version) -> str:
    shelves = ((version.text, "plots", "translated to another language and back"), (version.image, "posters", "by RandAugment"))
    made = [
        f"{what} {'as they came with the source' if shelf.manifest.spec.get('engine') == 'given' else how}"
        for shelf, what, how in shelves
        if shelf
    ]
    if not made:
        return "; nothing is augmented."
    return (
        f", and, for training, augmented {' and augmented '.join(made)}. Made for unsupervised data augmentation (Xie et al.,"
        " arXiv:1904.12848): a model is to give a film and its augmented variants the same genres."
    )


def _films(version: Version) -> Iterator[str]:
    found = parts(version)
    names = [part.split if part.config == "default" else part.config for part in found]
    yield from _table(("", *names), [("films", *(str(len(part.films)) for part in found))])
    yield ""
    counts = [
        Counter(genre for genres in part.films["genres"] for genre in genres) for part in found if part.config == "default"
    ]
    labelled = [name for part, name in zip(found, names, strict=True) if part.config == "default"]
    yield from _table(("genre", *labelled), ((genre, *(str(count[genre]) for count in counts)) for genre in version.genres))


def _shelf(shelf: Mapping[str, Any]) -> Iterator[str]:
    parents = ", ".join(f"`{parent}`" for parent in shelf["parents"])
    yield f"### `{shelf['id']}`{f' from {parents}' if parents else ''}"
    yield ""
    happened = [f"{count} {what}" for what, count in shelf["counts"].items() if count]
    measured = [f"{name} {value:g}" for name, value in shelf["quality"].items() if isinstance(value, int | float)]
    pairs = shelf["quality"].get("near_duplicates", {}).get("counts", {})
    rows = [
        ("settings", f"`{json.dumps(shelf['spec'], ensure_ascii=False)}`"),
        ("what happened", ", ".join(happened) or "nothing to report"),
        ("measured", ", ".join(measured)),
        ("near-duplicates of evaluation films", ", ".join(f"{count} {what}" for what, count in pairs.items())),
        ("models", ", ".join(f"{name} ({revision})" for name, revision in shelf["models"].items())),
        ("libraries", ", ".join(f"{name} {number}" for name, number in shelf["libraries"].items())),
    ]
    yield from _table(("", ""), (row for row in rows if row[1]))


def _limits(version: Version) -> Iterator[str]:
    if version.text or version.image:
        yield "- Nobody has checked that a variant still tells the film and its genres; it may say what the original does not."
        yield "- What could not be augmented is kept as the original and says why (`plot_views`, `poster_views`)."
    if version.pool:
        yield "- The unlabelled films had genres in the source; they were thrown away when the films were taken."
    if source_kind(version) == "bundled":
        yield "- 200 films with drawn posters try a pipeline; they rank no methods."


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield f"|{' --- |' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(entry.replace('|', chr(92) + '|').replace(chr(10), ' ') for entry in row)} |"
