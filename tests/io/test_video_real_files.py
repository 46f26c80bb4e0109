"""Real footage, where ``STGR_DATA_ROOT`` names a folder with ``videos/``."""

import os
from pathlib import Path

import numpy as np
import pytest

from stgr.io import open_video, sample_times
from stgr.io.pyav_tools import decode_each, open_stream, to_rgb

FOLDER = Path(os.environ.get('STGR_DATA_ROOT', 'not-set')) / 'videos'
FILES = sorted(FOLDER.glob('*.*'))


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_one_frame_per_second_is_that_of_a_full_decode(path):
    with open_stream(str(path)) as (container, stream):
        frames = list(decode_each(container, stream))
        begins_sec = np.array([float(frame.pts * stream.time_base) for frame in frames])

    with open_video(path) as video:
        facts = video.facts()
        times_sec = sample_times(0, facts.duration_sec, 1)
        found = video.read_at(times_sec)

    for time_sec, frame in zip(times_sec, found, strict=True):
        shown = max(int((begins_sec <= time_sec).sum()) - 1, 0)
        np.testing.assert_array_equal(frame, to_rgb(frames[shown]))
    assert bool(facts.warnings) == ('corrupt' in path.name)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_decord_gives_the_same_frames(path):
    pytest.importorskip('decord')
    if 'corrupt' in path.name:
        pytest.skip('decord stops at damage')

    with open_video(path) as video, open_video(path, 'decord') as other:
        times_sec = sample_times(0, video.facts().duration_sec, 1)
        np.testing.assert_array_equal(video.read_at(times_sec), other.read_at(times_sec))
