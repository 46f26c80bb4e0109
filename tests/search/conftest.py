"""A library of three short videos, and its index by the tiny model."""

import os
import shutil

import numpy as np
import pytest

from stgr.search import SearchIndex, build_index


@pytest.fixture(scope='session')
def other_video(tmp_path_factory):
    """Four seconds, 64 x 48 pixels at 10 frames per second: blue, then stripes."""
    from stgr.io import write_video

    frames = np.zeros((40, 48, 64, 3), np.uint8)
    frames[:20, ..., 2] = 255
    frames[20:, ::8] = 200
    path = tmp_path_factory.mktemp('other_video') / 'other.mp4'
    write_video(path, frames, 10)
    return path


@pytest.fixture
def library(tiny_video, other_video, tmp_path):
    """A folder with two videos, and a third in a folder of its own."""
    (tmp_path / 'library' / 'more').mkdir(parents=True)
    shutil.copy(tiny_video, tmp_path / 'library' / 'a.mp4')
    shutil.copy(other_video, tmp_path / 'library' / 'b.mp4')
    shutil.copy(tiny_video, tmp_path / 'library' / 'more' / 'a.mp4')
    for file in (tmp_path / 'library').rglob('*.mp4'):
        os.utime(file, ns=(10**18, 10**18))
    return tmp_path / 'library'


@pytest.fixture
def build(tiny_model, library, tmp_path):
    """Return a function that indexes the library with the tiny model at 2 frames per second."""
    config, weights = tiny_model

    def run(videos=library, **changes):
        settings = {'model': config, 'weights': weights, 'device': 'cpu', 'rate_fps': 2.0}
        return build_index(videos, tmp_path / 'index', **{**settings, **changes})

    return run


@pytest.fixture(scope='session')
def door(tiny_model):
    from stgr.apis import Grounder

    config, weights = tiny_model
    return Grounder(config, weights=weights, device='cpu')


@pytest.fixture
def index(build, door, tmp_path):
    """The library's index, open."""
    build()
    with SearchIndex.open(tmp_path / 'index', grounder=door) as opened:
        yield opened
