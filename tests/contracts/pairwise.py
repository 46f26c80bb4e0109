"""Combinations of options that cover every pair of values."""

from itertools import combinations


def covering_pairs(combinations_allowed):
    """Return combinations of one value per axis such that every two values meet somewhere.

    Greedy: the next combination is the one of all that covers most pairs not covered yet, the first
    of equals, so the list is always the same.

    Args:
        combinations_allowed: All combinations to choose from, tuples of one value per axis.
    """
    everything = list(combinations_allowed)
    open_pairs = {pair for combination in everything for pair in _pairs(combination)}
    chosen = []
    while open_pairs:
        best = max(everything, key=lambda c: sum(pair in open_pairs for pair in _pairs(c)))
        chosen.append(best)
        open_pairs.difference_update(_pairs(best))
    return chosen


def _pairs(combination):
    return combinations(enumerate(combination), 2)
