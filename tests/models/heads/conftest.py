"""The plain pairwise form of the local head, shared by the tests of this folder."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def oracle():
    """Return the module of the plain pairwise form (tests cannot import each other)."""
    path = Path(__file__).with_name('pairwise_oracle.py')
    spec = importlib.util.spec_from_file_location('pairwise_oracle', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
