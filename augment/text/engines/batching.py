"""Batches of sentences of like length, so that little is spent on padding."""

from collections.abc import Sequence


def by_token_budget(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions of `lengths` in batches, the longest first, so that memory runs out at once or never.

    Args:
        lengths: tokens of each sentence.
        budget: tokens of a batch at most, padding included; a sentence that is longer has a batch of its own.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        longest = lengths[batches[-1][0]] if batches else 0
        if batches and (len(batches[-1]) + 1) * longest <= budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    assert sum(map(len, batches)) == len(lengths), "a sentence was lost in batching"
    return batches


def length_limit(source_tokens: int, positions: int) -> int:
    """Tokens that a translation may have: more than that is a loop, not a sentence."""
    return min(2 * source_tokens + 16, positions - 2)
