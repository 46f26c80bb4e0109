import copy
import pickle

import numpy as np
import pytest
import torch

from stgr.structures.grounding_sample import GroundingSample


def clip():
    return GroundingSample(
        video_id='abc',
        narration='crack an egg',
        start_sec=1.5,
        frame_times_sec=torch.arange(3.0),
        frame_mask=torch.tensor([True, True, False]),
    )


@pytest.mark.parametrize(
    'misuse',
    [
        lambda sample: setattr(sample, 'naration', 'x'),
        lambda sample: sample.naration,
        lambda sample: sample.get('naration'),
        lambda sample: sample.set_data({'naration': 'x'}),
        lambda sample: sample.set_metainfo({'naration': 'x'}),
        lambda sample: sample.new(naration='x'),
    ],
)
def test_a_misspelt_field_is_refused_however_it_is_used(misuse):
    with pytest.raises(AttributeError, match=r"'naration'.*did you mean 'narration'"):
        misuse(clip())


def test_a_field_that_is_not_set_is_told_from_one_that_does_not_exist():
    sample = clip()

    assert sample.get('pool') is None
    assert 'pool' not in sample
    with pytest.raises(AttributeError, match='not set'):
        _ = sample.pool


@pytest.mark.parametrize(
    ('field', 'value', 'expected'),
    [
        ('video_id', '', 'a string that is not empty'),
        ('narration', None, 'a string'),
        ('start_sec', float('nan'), 'finite'),
        ('pool', ['a', 'a'], 'different strings'),
        ('pool', 'ab', 'different strings'),
        ('frame_size', (640, 0), 'whole numbers > 0'),
        ('frame_mask', torch.ones(3), 'a bool array'),
        ('gt_labels', torch.zeros(3), 'a int array'),
        ('gt_boxes_px', torch.zeros(3, 5), r'a float array \(F, 4\)'),
        ('heatmaps', torch.zeros(3, 7), r'a float array \(F, h, w\)'),
        ('frame_times_sec', [1.0, 2.0, 3.0], 'a float array'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(field, value, expected):
    with pytest.raises(ValueError, match=rf'{field} must be .*{expected}'):
        setattr(clip(), field, value)


def test_arrays_must_cover_the_same_frames():
    with pytest.raises(ValueError, match='gt_labels covers 4 frames'):
        clip().gt_labels = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match='similarity covers 2 frames'):
        clip().similarity = torch.zeros(3, 2)
    clip().similarity = torch.zeros(2, 3)


def test_facts_stay_and_arrays_move_with_the_sample():
    sample = clip()

    assert set(sample.metainfo) == {'video_id', 'narration', 'start_sec'}
    assert set(sample.keys()) == {'frame_times_sec', 'frame_mask'}
    moved = sample.to('meta')
    assert moved.frame_mask.device.type == 'meta'
    assert moved.narration == 'crack an egg'
    assert isinstance(sample.numpy().frame_mask, np.ndarray)


@pytest.mark.parametrize(
    'copied',
    [
        copy.deepcopy,
        lambda s: pickle.loads(pickle.dumps(s)),
        lambda s: s.clone(),
        lambda s: s.new(),
    ],
)
def test_copies_hold_the_same_and_stay_closed(copied):
    sample = copied(clip())

    assert sample.start_sec == 1.5
    torch.testing.assert_close(sample.frame_times_sec, torch.arange(3.0))
    with pytest.raises(AttributeError, match='no field'):
        sample.frame_maks = sample.frame_mask
