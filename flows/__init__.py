"""The hallway: recipes, Prefect flows and the command line. The only package that imports prefect.

What a library's user calls: `recipes.demo`, `recipes.mmimdb` and `recipes.moviescope` (complete configurations),
`augmentation.augmentation` and `training.training` (the flows), `options.read_toml`. ``docs/reference/flows.md`` has the whole
list.
"""
