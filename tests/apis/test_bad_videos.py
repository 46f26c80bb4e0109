"""Videos that hang or kill their decoder cost only themselves: in a store, answers and training."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stgr.apis.feature_extraction import fill_store
from stgr.apis.ground_videos import GroundingJob, ground_videos
from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadVideoFrames
from stgr.io.feature_store import FeatureStore
from stgr.io.isolation import decoding_process

sys.path.insert(0, str(Path(__file__).parents[1] / 'io'))  # the decoding process looks there too
import toy_readers

NAMES = ('a_good', 'b_hangs', 'c_crashes', 'd_good')


@pytest.fixture(scope='module', autouse=True)
def _toys():
    toy_readers.register()
    yield
    toy_readers.forget()
    decoding_process._stop_idle()


@pytest.fixture
def videos(tiny_video, tmp_path):
    folder = tmp_path / 'videos'
    folder.mkdir()
    for name in NAMES:
        shutil.copy(tiny_video, folder / f'{name}.mp4')
    return folder


def test_extraction_names_them_and_encodes_the_others(door, videos, tmp_path):
    files = [(name, videos / f'{name}.mp4') for name in NAMES]
    store = FeatureStore(tmp_path / 'store')

    report = fill_store(door.inferencer.model, files, store, rate_fps=2, reader='isolated_picky')

    assert report.encoded == 2
    hangs, crashes = report.failures
    assert 'b_hangs.mp4: the decoder gave nothing for 1.5 s' in hangs
    assert 'c_crashes.mp4: the decoder died (SIGKILL' in crashes
    assert [store.has(name) for name in NAMES] == [True, False, False, True]


def test_grounding_names_them_and_answers_the_others(tiny_model, videos, tmp_path, monkeypatch):
    config, weights = tiny_model
    monkeypatch.setattr('stgr.apis.grounder.Grounder.save', staticmethod(lambda *_, **__: None))
    job = GroundingJob(
        queries=('flip it over',),
        model=str(config),
        weights=weights,
        device='cpu',
        reader='isolated_picky',
    )
    said = []

    with pytest.raises(ValueError, match='2 of 4 videos could not be answered'):
        ground_videos(job, [videos], tmp_path / 'out', say=said.append)

    assert sum('the decoder gave nothing' in line for line in said) == 1
    assert sum('the decoder died' in line for line in said) == 1
    assert sum('similarity' in line for line in said) == 2


def test_training_takes_other_clips(videos, tmp_path):
    captions = {name: {'start': [0.0], 'end': [2.0], 'text': [f'this is {name}']} for name in NAMES}
    (tmp_path / 'captions.json').write_text(json.dumps(captions))
    dataset = HowTo100M(
        str(tmp_path),
        'captions.json',
        max_missing=0.5,
        reader='isolated_picky',
        pipeline=[add_times, LoadVideoFrames('isolated_picky', size=(8, 8))],
    )
    # The worker is a process that may have no children of multiprocessing, and is forked.
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=1, multiprocessing_context='fork'
    )

    with pytest.warns(UserWarning, match='b_hangs.mp4: the decoder gave nothing'):
        dataset[1]  # here, for its warnings: those of a worker are its own
    clips = list(loader)

    assert len(clips) == 4
    assert {clip['video_id'] for clip in clips} == {'a_good', 'd_good'}
    assert all(clip['frames'].shape == (3, 8, 8, 3) for clip in clips)


def add_times(item):
    return item | {'frame_times_sec': np.array([0.1, 0.5, 1.0])}
