"""The kitchen: offline views of films, back-translated plots and RandAugment-ed posters.

What a library's user calls: `text.round_trip.round_trip` (back-translates a list of strings), `image.poster.rand_augment` (an
RGB array), `text.shelf.publish` and `image.rand_augment.publish` (shelves of a sample). ``docs/reference/augment.md`` has the
whole list.
"""
