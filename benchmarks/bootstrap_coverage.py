"""How often the 95 % interval of a comparison holds 0 when both systems are equally good, by the number of test films.

    python benchmarks/bootstrap_coverage.py      the table of docs/comparison.md, some minutes

Made-up scores of 13 genres: both systems know the labels equally well and share half of their noise.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from train.significance import paired_bootstrap

FREQUENCIES = (0.5, 0.35, 0.3, 0.25, 0.2, 0.2, 0.15, 0.15, 0.12, 0.1, 0.1, 0.08, 0.06)
"""Share of films that have each genre."""
SKILL, SHARED, OWN = 1.5, 0.7, 0.7
"""What a label adds to a score, and the deviations of the noise that both systems have and that each has alone."""


def labels(films: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Labels of made-up films, at least one among them."""
    while True:
        drawn = rng.random((films, len(FREQUENCIES))) < FREQUENCIES
        if drawn.any():
            return drawn


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[4, 6, 10, 15, 20, 25, 30, 40, 60, 120])
    parser.add_argument("--pairs", type=int, default=400, help="pairs of systems for each number of films")
    parser.add_argument("--resamples", type=int, default=400)
    given = parser.parse_args()
    rng = np.random.default_rng(7)
    print(f"{'films':>5} {'holds 0':>8} {'median width':>13}")
    for films in given.films:
        found = []
        for _ in range(given.pairs):
            truth = labels(films, rng)
            shared = rng.normal(size=truth.shape)
            one, two = (SKILL * truth + SHARED * shared + OWN * rng.normal(size=truth.shape) for _ in range(2))
            found.append(paired_bootstrap([one], [two], truth, resamples=given.resamples, rng=rng).micro)
        held = np.mean([one.low <= 0 <= one.high for one in found])
        width = np.median([one.high - one.low for one in found])
        print(f"{films:>5} {100 * held:>7.1f}% {100 * width:>6.1f} points", flush=True)


if __name__ == "__main__":
    main()
