import numpy as np
import pytest
import torch

from stgr.datasets.transforms import PackClip


def training_clip():
    return {
        'video_id': 'vid',
        'video_path': None,
        'start_sec': 1.0,
        'end_sec': 2.0,
        'narration': 'crack an egg',
        'duration_sec': None,
        'rng': np.random.default_rng(0),
        'frame_times_sec': np.array([1.0, 1.5]),
        'frame_mask': np.array([True, False]),
    }


def test_frames_get_their_channels_first_and_keep_their_pixels():
    frames = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)

    packed = PackClip()({**training_clip(), 'frames': frames})

    assert set(packed) == {'inputs', 'data_samples'}
    assert set(packed['inputs']) == {'frames'}
    got = packed['inputs']['frames']
    assert (got.dtype, got.shape) == (torch.uint8, (2, 3, 3, 4))
    assert all(got[u, c, y, x] == frames[u, y, x, c] for u, y, x, c in np.ndindex(2, 3, 4, 3))


def test_features_are_handed_over_as_they_are():
    features = {
        'frame_features': torch.ones(2, 5).half(),
        'patch_features': torch.ones(2, 6, 5).half(),
        'grid': (2, 3),
    }

    packed = PackClip()({**training_clip(), **features})

    assert set(packed['inputs']) == {'frame_features', 'patch_features'}
    assert packed['inputs']['patch_features'].dtype == torch.float16
    assert packed['data_samples'].grid == (2, 3)


def test_the_sample_holds_what_is_known_and_nothing_else():
    sample = PackClip()({**training_clip(), 'frames': np.zeros((2, 1, 1, 3), np.uint8)})[
        'data_samples'
    ]

    assert sample.metainfo == {
        'video_id': 'vid', 'narration': 'crack an egg', 'start_sec': 1.0, 'end_sec': 2.0,
    }  # fmt: skip
    assert sample.frame_mask.tolist() == [True, False]
    assert sample.frame_times_sec.dtype == torch.float64


def test_a_video_of_evaluation_brings_its_truth():
    video = {
        'video_id': 'vid',
        'frame_times_sec': np.arange(2.0),
        'pool': ['stir'],
        'labels': [None, 'stir'],
        'gt_labels': np.array([-1, 0]),
        'boxes_px': np.zeros((2, 4), np.float32),
        'frame_size': (640, 480),
        'frame_features': torch.ones(2, 5),
    }

    sample = PackClip()(video)['data_samples']

    assert sample.gt_labels.tolist() == [-1, 0]
    assert sample.gt_boxes_px.shape == (2, 4)
    assert sample.frame_mask.tolist() == [True, True]
    assert (sample.pool, sample.frame_size) == (['stir'], (640, 480))


def test_a_clip_without_frames_and_features_is_refused():
    with pytest.raises(KeyError, match=r"PackClip needs the key 'frames'.*or frame_features"):
        PackClip()(training_clip())
