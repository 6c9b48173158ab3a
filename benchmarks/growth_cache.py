"""`mmuda cache ls` as versions pile up: whole processes, with 0 to 1,000 versions in the cache.

    python benchmarks/growth_cache.py [--versions 0 50 200 1000] [--rounds 5] [--work FOLDER]

Every version is published as the augmentation does: one sample of the bundled films, and an image shelf of its own (another
seed of RandAugment), so that a cache of 200 versions has 401 manifests. The smallest of the rounds counts for wall time, the
median for CPU time: others on the machine only add to the former.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from datasets_cache import version
from datasets_cache.sampling import publish_sample
from datasets_cache.sources import BundledSource
from datasets_cache.store import Cache
from flows.environment import prepare_libraries

COMMANDS = (["--version"], ["cache", "ls"], ["cache", "ls", "--json"])


def publish(cache: Cache, *, since: int, until: int) -> None:
    """Publish versions number `since` to `until`, each with posters of its own."""
    sample = publish_sample(BundledSource(), share=0.1, cache=cache).id
    for number in range(since, until):
        image = rand_augment.publish(RandAugmentSpec(seed=number), sample, cache=cache)
        version.publish(cache, name="nightly", sample=sample, text=None, image=image, plan={"number": number})


def command(arguments: list[str], cache: Path) -> tuple[float, float, int]:
    """Wall and CPU seconds of one `mmuda` process, and how many lines it printed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    entry = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    done = subprocess.run(entry, env=os.environ | {"MMUDA_CACHE": str(cache)}, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, len(done.stdout.splitlines())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, nargs="+", default=[0, 50, 200, 1_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=None, help="folder for the cache; by default a temporary one")
    given = parser.parse_args()
    prepare_libraries()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    print(f"{'versions':>8}  {'command':20}{'wall s':>8}{'CPU s':>8}{'lines':>8}")
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        there, cache = 0, Cache(Path(work))
        for count in sorted(given.versions):
            if count > there:
                publish(cache, since=there, until=count)
                there = count
            for arguments in COMMANDS:
                rounds = [command(arguments, cache.root) for _ in range(given.rounds)]
                wall, cpu = min(one[0] for one in rounds), statistics.median(one[1] for one in rounds)
                print(f"{count:8}  {' '.join(arguments):20}{wall:8.2f}{cpu:8.2f}{rounds[0][2]:8}", flush=True)


if __name__ == "__main__":
    main()
