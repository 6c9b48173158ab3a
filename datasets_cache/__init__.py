"""The larder: films and their augmented views at rest, and the contract between augmenting and training.

What a library's user calls: `version.open_version` (a cache version; `dataset_dict` gives its films as a
``datasets.DatasetDict``), `store.Cache`, `sampling.publish_sample`, `fingerprint.fingerprint`, `genres.multi_hot`.
``docs/reference/datasets_cache.md`` has the whole list.
"""
