"""The dining room: models, the UDA objective and the protocol that trains them on a cache version."""
