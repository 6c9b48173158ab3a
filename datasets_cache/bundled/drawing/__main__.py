"""Draw the posters of the bundled films: python -m datasets_cache.bundled.drawing."""

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from datasets_cache.bundled.drawing.check import faults, pairs_by_likeness
from datasets_cache.bundled.drawing.lettering import FontsMissingError
from datasets_cache.bundled.drawing.poster import Design, Film, draw_poster, encode
from datasets_cache.bundled.drawing.sheets import motif_sheet, poster_sheets


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def read_films(data: Path) -> list[tuple[Film, Design]]:
    """The films of a folder with their designs."""
    designs = {
        row["id"]: Design(row["motif"], row["motif2"], row["palette"], row["composition"], row["lettering"])
        for row in _rows(data / "designs.jsonl")
    }
    films: list[tuple[Film, Design]] = []
    for row in _rows(data / "films.jsonl"):
        if row["id"] not in designs:
            message = f"designs.jsonl has no design for {row['id']}"
            raise ValueError(message)
        films.append((Film(row["id"], row["title"], row["year"], tuple(row["genres"])), designs[row["id"]]))
    return films


def _options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m datasets_cache.bundled.drawing", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parent.parent,
                        help="folder of films.jsonl, designs.jsonl and, when done, posters/ (default: the bundled films)")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="draw only this film; may be repeated")
    parser.add_argument("--sheets", type=Path, help="also write contact sheets into this folder")
    parser.add_argument("--motifs", type=Path, help="only write a sheet of all motifs to this PNG file")
    parser.add_argument("--pairs", type=int, default=5, help="how many of the most alike pairs to list")
    return parser.parse_args()


def _draw(options: argparse.Namespace) -> int:
    """Draw what was asked for; return the exit status."""
    if options.motifs:
        motif_sheet().save(options.motifs)
        return 0
    films = [(film, design) for film, design in read_films(options.data) if not options.only or film.id in options.only]
    folder: Path = options.data / "posters"
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for film, design in films:
        files[film.id] = encode(draw_poster(film, design))
        (folder / f"{film.id}.jpg").write_bytes(files[film.id])
    posters = {name: Image.open(io.BytesIO(data)) for name, data in files.items()}
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
        for i, sheet in enumerate(poster_sheets(list(posters.values()))):
            sheet.save(options.sheets / f"sheet{i + 1}.png")
    sizes = sorted(len(data) for data in files.values())
    if sizes:
        print(f"{len(sizes)} posters in {folder}, {sizes[0] / 1024:.1f} to {sizes[-1] / 1024:.1f} KB")
    for pair in pairs_by_likeness(posters)[: options.pairs]:
        print(f"most alike: {pair.first} and {pair.second}: {pair.bits} of 64 bits, colour {pair.colour:.1f}")
    found = faults(files)
    for fault in found:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if found else 0


def main() -> None:
    """Run the command line."""
    try:
        sys.exit(_draw(_options()))
    except (FontsMissingError, ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
