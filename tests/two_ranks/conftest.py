"""The results of two processes, which are started once for all tests."""

import pytest
import torch
from two_ranks.ranks import ALONE, Ranks, cases, run_two


@pytest.fixture(scope='session')
def alone(tmp_path_factory, tiny_clip_dir):
    """Return a function that runs a case in this process."""
    folder = tmp_path_factory.mktemp('two_ranks')
    (folder / ALONE).mkdir()
    ranks = Ranks(rank=0, world=1, folder=folder / ALONE, tiny_clip=tiny_clip_dir)

    def run(name):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return cases()[name](ranks)

    run.folder = folder
    return run


@pytest.fixture(scope='session')
def two_ranks(alone, tiny_clip_dir):
    """Return a function that tells what both ranks found in a case."""
    for kind in ('sharded_runs', 'resumed_runs'):
        if f'{kind}: uninterrupted' in cases():  # not where torch cannot shard
            alone(f'{kind}: uninterrupted')  # two ranks go on from its first epoch, or in it
    results = run_two(alone.folder, tiny_clip_dir)

    def found(name):
        errors = [value for found in results for value in found.values() if isinstance(value, str)]
        assert not errors, errors[0]
        return [found[name] for found in results]

    return found
