"""How often a data set goes through a video: looking and decoding cost what training waits for."""

from collections import Counter

import numpy as np
import pytest

from stgr.datasets import GroundingYouTube, HowTo100M
from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip
from stgr.io import video_reader, write_video
from stgr.io.readers import pyav_reader
from stgr.io.timeline_cache import known_timelines

SECONDS = 8


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'videos').mkdir()
    frames = np.random.default_rng(0).integers(0, 255, (SECONDS * 5, 48, 64, 3), dtype=np.uint8)
    for name in 'vw':
        write_video(tmp_path / 'videos' / f'{name}.mp4', frames, 5)
    return tmp_path


@pytest.fixture
def passes(monkeypatch):
    """Counts looks through a file and decoding passes, by kind and name of the file."""
    count = Counter()

    def counting(kind, wrapped):
        def call(path, *arguments):
            count[kind, path[-5:]] += 1
            return wrapped(path, *arguments)

        return call

    known_timelines.clear()
    for module, name, kind in (
        (video_reader, 'scan_video', 'look'),
        (pyav_reader, '_decode_planned', 'decode'),
    ):
        monkeypatch.setattr(module, name, counting(kind, getattr(module, name)))
    return count


def test_clips_of_a_video_look_through_it_once(root, passes, write_json):
    times = {'start': [0, 2, 4], 'end': [2, 4, 6], 'text': ['one', 'two', 'three']}
    write_json('captions.json', {'v': times, 'w': times})
    data = HowTo100M(
        str(root),
        'captions.json',
        pipeline=[SampleClip(candidates=4, fps=2), LoadVideoFrames(size=(32, 32)), PackClip()],
    )

    items = [data[index] for index in (0, 3, 1, 4, 2, 5)]

    assert all(item['inputs']['frames'].shape == (4, 3, 32, 32) for item in items)
    assert passes == {
        ('look', 'v.mp4'): 1, ('look', 'w.mp4'): 1,
        ('decode', 'v.mp4'): 3, ('decode', 'w.mp4'): 3,
    }  # fmt: skip


def test_evaluation_decodes_a_video_once_for_all_its_segments(root, passes, write_json):
    boxes = [{'second': k, 'box': [1, 2, 30, 40], 'step_name': f'step {k}'} for k in range(6)]
    segments = [{'segment': [k, k + 1], 'id': k, 'sentence': f'step {k}'} for k in range(6)]
    write_json('box_anno.json', {'v': boxes, 'w': boxes})
    write_json('id2wh_new.json', {'v': [64, 48], 'w': [64, 48]})
    write_json('seg.json', {'v': segments, 'w': segments})
    data = GroundingYouTube(str(root), pipeline=[LoadVideoFrames(size=(32, 32)), PackClip()])

    items = list(data)

    assert [len(item['inputs']['frames']) for item in items] == [SECONDS, SECONDS]
    assert passes == {(kind, name): 1 for kind in ('look', 'decode') for name in ('v.mp4', 'w.mp4')}
