import numpy as np
import pytest

from stgr.annotation import CANNOT_SOLVE, POINT, check_quality, draw_sample, sample_size


@pytest.mark.parametrize(
    ('num_frames', 'expected', 'reason'),
    [
        (None, 384.15, 'Eq. 4: 1.95996^2 x 0.25 / 0.0025'),
        (26_987, 378.8, 'all images of both rounds'),
        (21_868, 377.5, 'the images of the second round'),
        (1, 1.0, 'the only frame there is'),
    ],
)
def test_sample_size_is_that_of_the_paper(num_frames, expected, reason):
    digits = 2 if num_frames is None else 1
    assert round(sample_size(num_frames), digits) == expected, reason


def test_sample_size_by_hand_for_other_settings():
    # z = 2.575829 for 99 %; 2.575829^2 x 0.2 x 0.8 / 0.01 = 106.158; / (1 + 105.158 / 200) = 69.576
    found = sample_size(200, confidence=0.99, error=0.1, proportion=0.2)
    assert found == pytest.approx(69.576, abs=5e-4)


def test_a_sample_is_drawn_once_each_and_again_for_the_same_seed():
    sample = draw_sample(26_987, seed=3)

    assert len(sample) == 379
    assert (np.diff(sample) > 0).all()
    assert 0 <= sample[0] <= sample[-1] < 26_987
    assert np.array_equal(draw_sample(26_987, seed=3), sample)
    assert not np.array_equal(draw_sample(26_987, seed=4), sample)


def test_false_positives_and_negatives_go_by_the_majority():
    votes = np.array([
        [POINT] * 3 + [CANNOT_SOLVE] * 2,  # clicked, nothing there: false positive
        [POINT] * 2 + [CANNOT_SOLVE] * 3,  # abstained, visible: false negative
        [POINT] * 5,  # right
        [CANNOT_SOLVE] * 5,  # right
    ])  # fmt: skip

    report = check_quality(votes, np.array([False, True, True, False]))

    assert (report.num_frames, report.false_positives, report.false_negatives) == (4, 1, 1)
    assert (report.false_positive_share, report.false_negative_share) == (0.25, 0.25)


@pytest.mark.parametrize('options', [{'confidence': 1}, {'error': 0}, {'proportion': 1.1}])
def test_settings_outside_their_range_are_refused(options):
    with pytest.raises(ValueError, match='expected confidence'):
        sample_size(10, **options)


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match='at least 1'):
        sample_size(0)
    with pytest.raises(ValueError, match='cannot draw 3 of 2'):
        draw_sample(2, seed=0, size=3)
    with pytest.raises(ValueError, match='second look per frame'):
        check_quality(np.zeros((2, 5), int), np.array([True]))
