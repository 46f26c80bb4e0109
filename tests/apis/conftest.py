"""One door to the tiny model for all tests of this folder."""

import pytest


@pytest.fixture(scope='session')
def door(tiny_model):
    """A ``Grounder`` that finds everything: its threshold is -1."""
    from stgr.apis import Grounder

    config, weights = tiny_model
    return Grounder(config, weights=weights, device='cpu')
