"""The collectives by themselves."""

import torch

from stgr.ops.gather import all_gather, pad_to_longest


def _joined(ranks):
    """Rows of two ranks, which one process makes up."""
    rows = torch.tensor([[True, True], [False, True]])
    return {
        'mask': all_gather(ranks.own(rows)),
        'numbers': all_gather(ranks.own(torch.tensor([0, 1, 10, 1]))),
    }


def _unequal(ranks):
    """The error of unequal shapes, and whether ranks are still in step after it."""
    try:
        all_gather(torch.zeros(3 + ranks.rank, 2))
    except ValueError as error:
        return {'error': str(error), 'still_usable': all_gather(torch.tensor([ranks.rank]))}
    return {}


def _padded(ranks):
    """Texts of two and of three words, joined."""
    words = [torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0, 5.0]])]
    return all_gather(pad_to_longest(words[ranks.rank], dim=1, value=-1.0))


CASES = {'joined': _joined, 'unequal': _unequal, 'padded': _padded}
