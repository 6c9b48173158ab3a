"""Real films, from the raw folder to the batches that training reads."""

from pathlib import Path

import pytest

from augment.image import rand_augment
from augment.image.spec import RandAugmentSpec
from augment.text import shelf as text_shelf
from augment.text.spec import BackTranslationSpec
from datasets_cache import version as versions
from datasets_cache.genres import MMIMDB_GENRES, MOVIESCOPE_GENRES
from datasets_cache.sampling import publish_sample
from datasets_cache.sources import MmimdbSource, MoviescopeSource
from datasets_cache.store import Cache
from train.config import MODELS, ImageEncoderConfig, RunConfig, TextEncoderConfig, UdaConfig
from train.data import open_data


@pytest.mark.parametrize("kind", ["mmimdb", "moviescope"])
def test_real_films_go_all_the_way_to_batches(kind: str, real_films: Path, tmp_path: Path):
    cache = Cache(tmp_path)
    root = real_films / f"{kind}-mini"
    source = MmimdbSource(root=root) if kind == "mmimdb" else MoviescopeSource(root=root)
    sample = publish_sample(source, share=0.05, cache=cache)
    text = text_shelf.publish(BackTranslationSpec(engine="bergamot", pivot="pt"), sample.id, cache=cache)
    image = rand_augment.publish(RandAugmentSpec(), sample.id, cache=cache)
    made = versions.publish(cache, name=kind, sample=sample.id, text=text, image=image)

    version = versions.open_version(cache, made.id)
    views = version.text_views()
    assert views is not None
    originals = dict(zip(version.films("train")["id"], version.films("train")["plot"], strict=True))
    changed = [row["plot"] != originals[row["id"]] for row in views]
    assert sum(changed) >= 0.8 * len(changed)  # real sentences hardly ever come back as they went
    assert version.genres == (MMIMDB_GENRES if kind == "mmimdb" else MOVIESCOPE_GENRES)
    for model in MODELS:
        config = RunConfig(
            version=made.id,
            model=model,
            uda=UdaConfig(),
            text=TextEncoderConfig(name="embedded", max_tokens=512),
            image=ImageEncoderConfig(name="embedded"),
        )
        data = open_data(version, config)
        batches = list(data.train(1))
        assert sorted(film for batch in batches for film in batch.ids) == sorted(originals)
        assert all(batch.augmented is not None for batch in batches)
        assert all(batch.augmented is None for split in ("validation", "test") for batch in data.evaluation(split))
