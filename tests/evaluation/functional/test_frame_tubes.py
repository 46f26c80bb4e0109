import numpy as np
import pytest

from stgr.evaluation.functional import instances_from_segments, tube_overlap
from stgr.evaluation.functional.frame_facts import label_runs
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.evaluation.functional.tubes import predicted_tubes, true_tubes

LABELS = np.array([0, 0, -1, 0, 1, 1, 0, 0, -1, -1])


def _frames(tubes):
    frames = [np.flatnonzero(tubes.of_frame == number) for number in range(len(tubes.labels))]
    return [(label, one.tolist()) for label, one in zip(tubes.labels, frames, strict=True)]


def test_a_class_tube_is_every_frame_of_the_label():
    assert _frames(predicted_tubes(LABELS)) == [(0, [0, 1, 3, 6, 7]), (1, [4, 5])]


@pytest.mark.parametrize(
    ('gap', 'wanted'),
    [
        (0, [[0, 1], [3], [6, 7]]),
        (1, [[0, 1, 3], [6, 7]]),  # one background frame between
        (2, [[0, 1, 3, 6, 7]]),  # two frames of another label between
    ],
)
def test_runs_join_over_a_gap_of_at_most_n_frames(gap, wanted):
    tubes = predicted_tubes(LABELS, kind='instance', gap=gap)
    assert [frames for label, frames in _frames(tubes) if label == 0] == wanted


def test_without_instances_the_runs_of_a_label_are_the_truth():
    tubes = true_tubes(LABELS, label_runs(LABELS), kind='instance')
    assert _frames(tubes) == [(0, [0, 1]), (0, [3]), (1, [4, 5]), (0, [6, 7])]


def test_a_shared_second_goes_to_the_first_segment_of_its_label():
    labels, times = np.array([0, 0, 1, 1, -1]), np.arange(5.0)
    segments = [(0, 2, 0), (2, 3, 1), (3, 4, 1), (1, 1, 0), (0, 4, -1)]
    # second 2 is labelled 1, so the first segment does not own it; second 3 is shared
    assert instances_from_segments(labels, times, segments).tolist() == [0, 0, 1, 1, -1]


def test_background_only_and_empty_videos_have_no_tubes():
    for labels in (np.full(3, -1), np.zeros(0, np.int64)):
        assert _frames(predicted_tubes(labels)) == []
        assert _frames(true_tubes(labels, label_runs(labels), kind='instance')) == []


@pytest.fixture
def places():
    # frame 0: 4 of 10 and 6; frame 1: equal; frame 2: prediction only; frame 3: truth only
    place, box = np.array([10.0, 8, 5, 0]), np.array([6.0, 8, 0, 7])
    return PlaceFacts(np.ones(4, bool), place, box, np.array([4.0, 8, 0, 0]), place)


def test_overlaps_by_hand(places):
    predicted, truth = np.array([0, 1, 2]), np.array([0, 1, 3])
    volume = tube_overlap(predicted, truth, places)
    assert volume == pytest.approx((4 + 8) / ((12 + 8) + 5 + 7))
    mean_union = tube_overlap(predicted, truth, places, overlap='mean_union')
    assert mean_union == pytest.approx((4 / 12 + 1) / 4)
    product = tube_overlap(predicted, truth, places, overlap='tiou_siou')
    assert product == pytest.approx((2 / 4) * (4 / 12 + 1) / 2)


def test_tubes_without_common_frame_or_area_do_not_overlap(places):
    assert tube_overlap(np.array([2]), np.array([3]), places) == 0
    nothing = PlaceFacts(np.zeros(1, bool), *(np.zeros(1) for _ in range(4)))
    assert tube_overlap(np.array([0]), np.array([0]), nothing) == 0


def test_unknown_names_are_errors(places):
    with pytest.raises(ValueError, match='instance'):
        predicted_tubes(LABELS, kind='run')
    with pytest.raises(ValueError, match='mean_union'):
        tube_overlap(np.array([0]), np.array([0]), places, overlap='giou')
    with pytest.raises(ValueError, match='gap'):
        predicted_tubes(LABELS, kind='instance', gap=-1)
