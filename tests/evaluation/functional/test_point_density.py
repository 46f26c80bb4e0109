import numpy as np
import pytest

from stgr.evaluation.functional import BoxPlaces, HeatPlaces, point_density, score_pointing
from stgr.evaluation.functional.frame_facts import reduce_record


def test_points_and_boxes_by_hand(make_record):
    # a 100 x 100 frame: hits at (15, 15), misses at (90, 90); the box is 10..20 on both axes
    record = make_record('aab-', 'aab-', hit=[1, 0, 1, 1])
    found = point_density([record], grid=(10, 10))
    assert found.num_points == 3
    assert found.points[1, 1] == pytest.approx(2 / 3)
    assert found.points[9, 9] == pytest.approx(1 / 3)
    assert found.boxes[1, 1] == 1
    assert found.boxes.sum() == 1  # only the cell whose centre, (15, 15), lies in the boxes


def test_a_constant_point_scores_what_the_map_of_boxes_says(make_record):
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 60, (30, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(5, 40, (30, 2))], axis=1)
    centre = BoxPlaces(np.tile([50.0, 50.0], (30, 1)), np.tile([40.0, 40, 60, 60], (30, 1)))
    record = make_record('a' * 30, 'a' * 30, gt_boxes_px=boxes, query_places=centre)
    share = point_density([record], grid=(5, 5)).boxes[2, 2]  # its centre is (50, 50)
    assert share == pytest.approx(score_pointing([reduce_record(record)])['pointing_acc'])
    assert 0 < share < 1


def test_frames_of_other_sizes_and_border_points_share_the_grid(make_record):
    points = np.array([[0.0, 0.0], [200.0, 10.0]])
    boxes = np.array([[0, 0, 100, 50], [150.0, 0, 150, 50]])  # left half; empty: holds nothing
    record = make_record(
        'aa',
        'aa',
        frame_size=(200, 50),
        gt_boxes_px=boxes,
        query_places=BoxPlaces(points, np.zeros((2, 4))),
    )
    found = point_density([record], grid=(2, 2))
    assert found.points.tolist() == [[0.5, 0.5], [0, 0]]
    assert found.boxes.tolist() == [[0.5, 0], [0.5, 0]]


def test_without_places_of_true_labels_those_of_right_labels_are_taken(make_record):
    maps = np.zeros((2, 4, 4))
    maps[:, 3, 3] = 1
    record = make_record('aa', 'ab', query_places=None, pred_places=HeatPlaces(maps))
    found = point_density([record], grid=(4, 4))
    assert (found.num_points, found.points[3, 3]) == (1, 1)


def test_nothing_to_count_is_all_zero(make_record):
    silent = make_record('a-', 'a-', query_places=None, pred_places=None)
    for records in ([], [silent], [make_record('--', 'aa')]):
        found = point_density(records, grid=(2, 3))
        assert (found.num_points, found.points.sum(), found.boxes.sum()) == (0, 0, 0)
