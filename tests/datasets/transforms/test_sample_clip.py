import numpy as np
import pytest

from stgr.datasets.transforms import SampleClip


def sample(start_sec, end_sec, duration_sec, rng=None, **settings):
    clip = {'start_sec': start_sec, 'end_sec': end_sec, 'duration_sec': duration_sec}
    if rng is not None:
        clip['rng'] = rng
    return SampleClip(**{'candidates': 4, 'fps': 2.0, **settings})(clip)


# Windows of 4 candidates at 2 per second: 2 seconds.
@pytest.mark.parametrize(
    ('window', 'caption', 'duration_sec', 'times_sec', 'mask', 'reason'),
    [
        ('centred', (4, 8), 20, [5, 5.5, 6, 6.5], '1111', 'the middle of a long caption'),
        ('centred', (6, 6.5), 20, [5.25, 5.75, 6.25, 6.75], '1111', 'on both sides of a short one'),
        ('centred', (0, 1), 20, [0, 0, 0.5, 1], '0111', 'before the video: clamped and masked'),
        ('centred', (8, 9), 8.75, [7.5, 8, 8.5, 8.75], '1110', 'past the end: clamped and masked'),
        ('centred', (0, 1), 0.75, [0, 0, 0.5, 0.75], '0110', 'a video shorter than the window'),
        ('centred', (8, 9), 9.0, [7.5, 8, 8.5, 9], '1110', 'the end is not in the video'),
        ('centred', (10, 11), 10.0, [9.5, 10, 10, 10], '1000', 'late, but seen by one frame'),
        ('centred', (5, 6), None, [4.5, 5, 5.5, 6], '1111', 'a video of unknown length'),
        ('fixed', (4, 8), 20, [4, 4.5, 5, 5.5], '1111', 'from the start of the caption'),
        ('fixed', (4, 4.5), 20, [4, 4.5, 5, 5.5], '1111', 'beyond the end of a short caption'),
        ('inside', (4, 8), 20, [5, 5.5, 6, 6.5], '1111', 'without rng, the middle'),
        ('inside', (4, 4.5), 20, [4, 4.5, 5, 5.5], '1111', 'a short caption: from its start'),
    ],
)
def test_candidates_lie_where_the_rules_say(window, caption, duration_sec, times_sec, mask, reason):
    clip = sample(*caption, duration_sec, window=window)

    np.testing.assert_allclose(clip['frame_times_sec'], times_sec, atol=1e-12, err_msg=reason)
    assert clip['frame_mask'].tolist() == [digit == '1' for digit in mask], reason


@pytest.mark.parametrize('window', ['centred', 'inside', 'fixed'])
def test_a_clip_wholly_past_the_end_cannot_be_used(window):
    assert sample(30, 32, 20.0, window=window) is None


def test_inside_is_random_in_training_and_stays_in_the_caption():
    begins = [
        sample(4, 8, 20, np.random.default_rng(seed), window='inside')['frame_times_sec'][0]
        for seed in range(300)
    ]

    assert min(begins) >= 4
    assert max(begins) <= 6
    assert np.histogram(begins, bins=4, range=(4, 6))[0].min() > 45  # 75 expected


def test_the_default_is_the_paper_window_of_16_seconds():
    clip = SampleClip()({'start_sec': 100.0, 'end_sec': 104.0, 'duration_sec': 500.0})

    assert clip['frame_times_sec'].shape == (80,)
    assert clip['frame_times_sec'][[0, 79]].tolist() == [94.0, pytest.approx(109.8)]


def test_the_clip_given_is_left_as_it_was():
    clip = {'start_sec': 4.0, 'end_sec': 8.0, 'duration_sec': 20.0}

    SampleClip()(clip)

    assert list(clip) == ['start_sec', 'end_sec', 'duration_sec']


def test_a_missing_key_is_named_with_the_transform():
    with pytest.raises(KeyError, match=r"SampleClip needs the key 'end_sec'.*near ones: end_sce"):
        SampleClip()({'start_sec': 1.0, 'end_sce': 2.0})


def test_unknown_or_impossible_settings_are_refused():
    with pytest.raises(ValueError, match='did you mean centred'):
        SampleClip(window='centered')
    with pytest.raises(ValueError, match='candidates >= 1'):
        SampleClip(0)
    with pytest.raises(ValueError, match='fps > 0'):
        SampleClip(fps=0)
