"""A version as plain files in Moviescope's layout, which `MoviescopeSource` reads back.

Layout::

    <folder>/
        train.jsonl, dev.jsonl, test.jsonl   a line a film: id, title, label, synopsis; training films also
                                             synopsis_back_translated and kept
        posters/<id>.jpg                     the source's own bytes
        posters_augmented/<id>.jpg           training films, 256x256
        unlabelled.jsonl                     where the version has a pool: the same without label
        README.md, provenance.json

Of several views the second is in the field ``synopsis_back_translated_2`` and the folder ``posters_augmented_2``, and so on.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets_cache.export import licence, provenance
from datasets_cache.export.aside import whole_folder
from datasets_cache.export.parquet import Extent
from datasets_cache.export.provenance import Provenance
from datasets_cache.export.rows import Part, WholeFilm, parts, suffix_of, whole_films
from datasets_cache.files import write_text
from datasets_cache.genres import MOVIESCOPE_GENRES
from datasets_cache.progress import Track, untracked
from datasets_cache.version import Version

FILES = {"train": "train.jsonl", "validation": "dev.jsonl", "test": "test.jsonl"}
POSTERS, AUGMENTED_POSTERS, AUGMENTED_PLOT = "posters", "posters_augmented", "synopsis_back_translated"
UNLABELLED = "unlabelled.jsonl"


def export(version: Version, to: Path, *, stated_licence: str | None = None, track: Track = untracked) -> Provenance:
    """Write a version to a new folder in Moviescope's layout; the folder appears when it is whole.

    Args:
        version: a cache version.
        to: new or empty.
        stated_licence: under which whoever exports may pass the films on; see `licence.terms`.
        track: progress.
    Raises:
        ValueError: `to` holds something, cannot be written, or a shelf is damaged.
    """
    with whole_folder(to) as folder:
        (folder / POSTERS).mkdir()
        extents = tuple(_write(part, folder, track) for part in parts(version))
        about = provenance.describe(version, layout="folders", extents=extents)
        write_text(folder / provenance.FILE_NAME, about.model_dump_json(indent=2) + "\n")
        write_text(folder / "README.md", _readme(version, stated_licence))
    return about


def unread_genres(version: Version) -> tuple[str, ...]:
    """Genres of a version that `MoviescopeSource` does not know: it leaves them out, and skips films that have no others."""
    known = {genre.casefold() for genre in MOVIESCOPE_GENRES}
    return tuple(genre for genre in version.genres if genre.casefold() not in known)


def _write(part: Part, folder: Path, track: Track) -> Extent:
    name = UNLABELLED if part.config == "unlabelled" else FILES[part.split]
    size = films = 0
    with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
        for whole in track(whole_films(part), total=len(part.films), title=f"Writing {name}"):
            line = json.dumps(_as_row(whole, labelled=part.config == "default"), ensure_ascii=False) + "\n"
            file.write(line)
            size += len(line.encode()) + sum(_write_poster(folder, *poster) for poster in _posters(whole))
            films += 1
    return Extent(config=part.config, split=part.split, films=films, num_bytes=size, file_bytes=size, pieces=1)


def _as_row(whole: WholeFilm, *, labelled: bool) -> dict[str, Any]:
    film = whole.film
    row: dict[str, Any] = {"id": film["id"], "title": film["title"]}
    if labelled:
        row["label"] = film["genres"]
    row["synopsis"] = film["plot"]
    row |= {_numbered(AUGMENTED_PLOT, number): view["plot"] for number, view in enumerate(whole.texts, start=1)}
    if whole.texts or whole.images:
        row["kept"] = sorted({*(f"sentence: {why}" for view in whole.texts for why in view["kept"]), *_kept_posters(whole)})
    return row


def _kept_posters(whole: WholeFilm) -> Iterator[str]:
    return (f"poster: {view['kept']}" for view in whole.images if view["kept"])


def _posters(whole: WholeFilm) -> Iterator[tuple[str, str, bytes]]:
    """Folder, film and bytes of each picture of a film."""
    film = whole.film["id"]
    yield POSTERS, film, whole.film["poster"]
    for number, view in enumerate(whole.images, start=1):
        yield _numbered(AUGMENTED_POSTERS, number), film, view["poster_256"]


def _write_poster(folder: Path, beside: str, film: str, data: bytes) -> int:
    (folder / beside).mkdir(exist_ok=True)
    # the layout has .jpg; who opens one that is a WebP, GIF or BMP looks at its bytes anyhow
    (folder / beside / f"{film}{'.png' if suffix_of(data) == '.png' else '.jpg'}").write_bytes(data)
    return len(data)


def _numbered(name: str, view: int) -> str:
    return name if view == 1 else f"{name}_{view}"


def command(version: Version, root: Path | str) -> str:
    """The command that reads the exported folder at `root` back."""
    given = [f"--source.augmented_plot_field {AUGMENTED_PLOT}"] if version.text else []
    given += [f"--source.augmented_poster_folder {AUGMENTED_POSTERS}"] if version.image else []
    return " ".join([f"mmuda augment moviescope --source.root {shlex.quote(str(root))} --sample 1.0", *given])


def _readme(version: Version, stated_licence: str | None) -> str:
    return f"""# {version.id}

Films, one a line in `train.jsonl`, `dev.jsonl`, `test.jsonl`; posters by id in folders. Written by mmuda from the cache version
`{version.id}`; `provenance.json` says how it was made. What could not be augmented is the original, and `kept` says why.

## Licence

{licence.terms(version, stated_licence).text}

## Read it back

```sh
{command(version, "THIS_FOLDER")}
```
"""
