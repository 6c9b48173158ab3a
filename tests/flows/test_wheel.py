"""What is installed is the four packages with their data, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_four_packages_the_bundled_films_and_nothing_else(tmp_path: Path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    info = next(name for name in names if ".dist-info/" in name).split("/")[0]
    assert {name.split("/")[0] for name in names} == {"flows", "augment", "train", "datasets_cache", info}
    data = {name for name in names if not name.endswith(".py") and not name.startswith(info)}
    posters = {name for name in data if name.startswith("datasets_cache/bundled/posters/")}
    assert len(posters) == 200
    assert data - posters == {
        "augment/text/engines/opus_mt_models.txt",
        "datasets_cache/bundled/LICENSE.md",
        "datasets_cache/bundled/designs.jsonl",
        "datasets_cache/bundled/films.jsonl",
        "train/report/templates/certainty.html",
        "train/report/templates/films.html",
        "train/report/templates/genres.html",
        "train/report/templates/macros.html",
        "train/report/templates/report.html",
        "train/report/templates/style.css",
    }
