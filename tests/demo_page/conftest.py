import numpy as np
import pytest

from stgr.io import write_video

FPS = 10
SECONDS_EACH = 3
STEPS = ('slice carrot', 'crack egg', 'grate cheese')


@pytest.fixture(scope='session')
def kitchen_folder(tmp_path_factory):
    """A folder with ``kitchen.mp4``: nine seconds of TinyKitchen, an action in each three."""
    from stgr.datasets.tiny_kitchen.layout import random_shot
    from stgr.datasets.tiny_kitchen.scene import render
    from stgr.datasets.tiny_kitchen.vocabulary import STEPS as KNOWN

    known = {f'{step.verb.name} {step.noun}': step for step in KNOWN}
    rng = np.random.default_rng(3)
    shots = [random_shot(rng, (320, 240), step=known[name])[0] for name in STEPS]
    frames = [
        np.ascontiguousarray(render(shot, i / FPS))
        for shot in shots
        for i in range(SECONDS_EACH * FPS)
    ]
    folder = tmp_path_factory.mktemp('videos') / 'my_videos'
    write_video(folder / 'kitchen.mp4', frames, FPS)
    return folder


@pytest.fixture(scope='session')
def kitchen(kitchen_folder):
    return kitchen_folder / 'kitchen.mp4'


@pytest.fixture(scope='session')
def grounder():
    from stgr import Grounder

    return Grounder()
