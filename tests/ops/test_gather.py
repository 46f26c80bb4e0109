"""One process alone; two are in ``tests/two_ranks``."""

import torch

from stgr.ops.gather import all_gather, pad_to_longest, sharded_like, whole


def test_a_single_process_gets_its_own_values_back():
    values = torch.ones(2, 3, requires_grad=True)

    assert all_gather(values) is values
    assert pad_to_longest(values, dim=1) is values


def test_a_tensor_that_lies_in_no_shards_is_returned_as_it_is():
    values = torch.ones(2, 3)

    assert whole(values) is values
    assert sharded_like(values, torch.zeros(2, 3)) is values
