"""The commands `mmuda predict` and `mmuda evaluate`: what a finished run says of a film, and of another version's films."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from datasets_cache import version as versions
from datasets_cache.schema import Split
from datasets_cache.store import Cache
from flows.terminal import console, print_json, step, tracker

if TYPE_CHECKING:
    from train.predict import Evaluation

BAR = 24


def find_run(wanted: str, runs: Path) -> Path:
    """Directory of a run.

    Args:
        wanted: a path, or the name of a directory below `runs` or the unique beginning of one.
        runs: folder that holds a directory for each run.

    Raises:
        ValueError: none or several fit; the message lists what there is.
    """
    for folder in (Path(wanted).expanduser(), runs / wanted):
        if folder.is_dir():
            return folder
    there = sorted(path.name for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else []
    fitting = [name for name in there if wanted and name.startswith(wanted)]
    if len(fitting) == 1:
        return runs / fitting[0]
    fit = f"several begin like that: {fitting}" if fitting else f"there is {there or 'none yet; `mmuda train` makes them'}"
    msg = f"{wanted}: no such folder, and no single run of that name below {runs}: {fit}."
    raise ValueError(msg)


def predict(run: Path, *, plot: str | None, poster: Path | None, as_json: bool) -> None:
    """Print the genres of one film.

    Raises:
        ValueError: see `train.predict.predict`.
    """
    with step("Loading"):
        from train.predict import predict as ask

        found = ask(run, plot=plot, poster=poster)
    if as_json:
        print_json([{"genre": genre, "probability": probability} for genre, probability in found])
        return
    table = _table("genre", "probability", "")
    for genre, probability in found:
        table.add_row(genre, f"{probability:.3f}", "█" * round(BAR * probability))
    console().print(table)


def evaluate(run: Path, *, version: str, split: Split, device: str, as_json: bool) -> None:
    """Print the scores of a run on a split of a cache version.

    Raises:
        ValueError: the version is unknown, or see `train.predict.evaluate_run`.
    """
    cache = Cache()
    opened = versions.open_version(cache, versions.resolve(cache, version))
    with step("Loading"):
        from train.predict import evaluate_run

        found = evaluate_run(run, opened, split=split, device=device, track=tracker(lines=not as_json))
    if as_json:
        print_json(json.loads(found.model_dump_json()))
        return
    _print_scores(run, found)


def _print_scores(run: Path, found: "Evaluation") -> None:
    screen, scores = console(), found.scores
    title = f"{run.name} on {found.films} films, {found.split} of {found.version}"
    table = _table("metric", "value", title=title)
    shares = {
        "AP micro": scores.ap_micro,
        "AP macro": scores.ap_macro,
        "F1 micro": scores.f1_micro,
        "F1 macro": scores.f1_macro,
    }
    for name, value in shares.items():
        table.add_row(name, f"{value:.1%}")
    table.add_row("loss", f"{scores.loss:.4f}")
    screen.print(table)
    genres = _table("genre", "AP", "")
    for genre, value in sorted(scores.ap_by_genre.items(), key=lambda pair: -(pair[1] or 0)):
        shown = ("no film has it", "") if value is None else (f"{value:.1%}", "█" * round(BAR * value))
        genres.add_row(genre, *shown)
    screen.print(genres)
    _say_left_out("Known to the model alone", found.genres_of_model)
    _say_left_out("In the version alone", found.genres_of_version)
    if found.truncated:
        screen.print(f"Plots that lost their end at the token limit: {found.truncated}")


def _say_left_out(where: str, genres: tuple[str, ...]) -> None:
    if genres:
        console().print(f"{where}, and left out: {', '.join(genres)}")


def _table(*headings: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("probability", "AP", "value") else "left")
    return table
