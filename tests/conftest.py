"""What several rooms' tests share."""

from pathlib import Path

import pytest

REAL_FILMS = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_films() -> Path:
    """Folder of real films beside the checkout; they have no licence, so they are read there and never copied in here."""
    if not REAL_FILMS.is_dir():
        pytest.skip(f"real films are not here ({REAL_FILMS}); they have no licence to ship")
    return REAL_FILMS
