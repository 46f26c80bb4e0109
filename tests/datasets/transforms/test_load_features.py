import numpy as np
import pytest

from stgr.datasets.transforms import LoadFeatures
from stgr.io.feature_files import write_features

FACTS = {'reader': 'pyav', 'rate_fps': 2, 'image_size': 8, 'grid': '1,2', 'backbone_sha256': 'ab'}


@pytest.fixture
def store(tmp_path):
    """Frames at 0, 0.5, ..., 4.5 s; the feature of a frame is its number."""
    numbers = np.arange(10.0)[:, None]
    write_features(
        tmp_path / 'vid.safetensors', times_sec=np.arange(10) / 2, frames=numbers,
        patches=np.stack([numbers, -numbers], axis=1), provenance=FACTS,
    )  # fmt: skip
    return str(tmp_path)


def load(store, times_sec, mask=None, **settings):
    clip = {'video_id': 'vid', 'frame_times_sec': np.array(times_sec, dtype=float)}
    if mask is not None:
        clip['frame_mask'] = np.array(mask)
    return LoadFeatures(store, **settings)(clip)


@pytest.mark.parametrize(
    ('times_sec', 'frames', 'reason'),
    [
        ([0, 0.5, 1], [0, 1, 2], 'the stored times'),
        ([0.1, 0.3, 0.4], [0, 1, 1], 'the nearest'),
        ([4.5, 4.9, 5.0], [9, 9, 9], 'the last frame is shown for a whole step'),
        ([2, 0.5, 2], [4, 1, 4], 'any order, with repeats'),
    ],
)
def test_each_candidate_gets_the_nearest_stored_frame(store, times_sec, frames, reason):
    clip = load(store, times_sec)

    assert clip['frame_features'][:, 0].tolist() == frames, reason
    assert clip['patch_features'][:, 1, 0].tolist() == [-n for n in frames], reason
    assert clip['grid'] == (1, 2)


def test_a_time_that_the_store_does_not_cover_is_an_error(store):
    with pytest.raises(ValueError, match=r'vid.safetensors: the frame at 5.200 s is 0.700 s'):
        load(store, [4.0, 5.2])


@pytest.fixture
def steps(tmp_path):
    """Steps of eight frames that begin at 1, 1.5, ..., 3.5 s, each numbered."""
    write_features(
        tmp_path / 'vid.safetensors', times_sec=1 + np.arange(6) / 2, patches=None,
        frames=np.arange(6.0)[:, None], provenance={**FACTS, 'frames_per_step': 8},
    )  # fmt: skip
    return str(tmp_path)


def test_each_candidate_gets_the_step_that_it_lies_in(steps):
    clip = load(steps, [1.0, 1.45, 1.5, 3.45, 3.9, 4.0], patches=False)

    assert clip['frame_features'][:, 0].tolist() == [0, 0, 1, 4, 5, 5]


@pytest.mark.parametrize('time_sec', [0.9, 4.1])
def test_a_time_outside_of_all_steps_is_an_error(steps, time_sec):
    with pytest.raises(
        ValueError, match=rf'the frame at {time_sec}00 s is 0\.\d00 s from the stored'
    ):
        load(steps, [2.0, time_sec], patches=False)


def test_padding_may_lie_anywhere(store):
    clip = load(store, [4.0, 60.0], mask=[True, False])

    assert clip['frame_features'][:, 0].tolist() == [8, 9]


def test_a_hole_in_the_store_is_found(tmp_path):
    write_features(
        tmp_path / 'vid.safetensors', times_sec=np.array([0, 0.5, 3]), frames=np.zeros((3, 1)),
        patches=None, provenance=FACTS,
    )  # fmt: skip

    with pytest.raises(ValueError, match=r'2.400 s is 0.600 s'):
        load(str(tmp_path), [0.5, 2.4], patches=False)


def test_patches_are_left_out_where_not_wanted(store):
    assert 'patch_features' not in load(store, [0.0], patches=False)


def test_features_of_another_backbone_are_refused(store):
    with pytest.raises(ValueError, match=r"stored 'ab', needed 'cd'"):
        load(store, [0.0], provenance={'backbone_sha256': 'cd'})


def test_features_that_were_not_extracted_are_named(store):
    with pytest.raises(FileNotFoundError, match=r'other.safetensors'):
        LoadFeatures(store)({'video_id': 'other', 'frame_times_sec': np.zeros(1)})
