"""The dining room: models, the UDA objective and the protocol that trains them on a cache version.

What a library's user calls: `models.build` (a model), `losses.supervised_loss` and `consistency.consistency_loss`,
`objective.step_losses` (both terms of a batch), `data.open_data` (batches of a version), `run.run_cell` (a whole run),
`predict.predict`, `metrics.scores`. ``docs/reference/train.md`` has the whole list.
"""
