"""How far apart a trained model finds a film and its augmented view, beside what dropout alone does to its predictions.

The consistency term can only teach what the two views differ in. For each finished run given, on its training films, in nats a
film (joint Bernoulli KL, the default term):

- views: original || augmented, in evaluation mode;
- dropout: the original || itself, two passes with dropout;
- both: original || augmented with dropout, which is what the term of a same-pass teacher is.

Where `dropout` is most of `both`, the term mostly asks a model to be sure of itself under dropout.

Run: python benchmarks/view_distance.py RUN [RUN ...]. Reads the cache that the runs were trained on (MMUDA_CACHE).
"""

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from datasets_cache.store import Cache
from datasets_cache.version import open_version
from flows.environment import prepare_libraries
from train import export
from train.config import UdaConfig
from train.consistency import consistency_loss
from train.data import RunData, open_data
from train.finished import MODEL, read_result
from train.variants import variants


def main() -> None:
    """Measure and print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="finished run directories on one cache version")
    folders = parser.parse_args().runs
    prepare_libraries()
    table = Table("run", "views", "dropout", "both", "dropout / both")
    for variant in variants([read_result(folder) for folder in folders]):
        for result in variant.results:
            model, config, _ = export.load(result.path / MODEL)
            seen = config.model_copy(update={"uda": config.uda or UdaConfig()})
            data = open_data(open_version(Cache(), config.version), seen)
            views, dropout, both = distances(model, data)
            cells = (f"{views:.4f}", f"{dropout:.4f}", f"{both:.4f}", f"{dropout / both:.0%}")
            table.add_row(f"{variant.title} seed {result.seed}", *cells)
    Console(width=120).print(table)


@torch.no_grad()
def distances(model: nn.Module, data: RunData) -> tuple[float, float, float]:
    """Nats a film between the views, between two passes with dropout, and between the views with dropout."""
    torch.manual_seed(0)
    sums, films = torch.zeros(3), 0
    for batch in data.train(1):
        assert batch.augmented is not None
        model.eval()
        original, augmented = model(batch.original), model(batch.augmented)
        model.train()
        first, second, other = model(batch.original), model(batch.original), model(batch.augmented)
        pairs = ((original, augmented), (first, second), (first, other))
        sums += torch.stack([consistency_loss(*pair, reduction="batch-sum") for pair in pairs])
        films += len(batch.ids)
    views, dropout, both = (sums / films).tolist()
    return views, dropout, both


if __name__ == "__main__":
    main()
