"""Evidence is the best run of frames; background takes off what a query has everywhere."""

import numpy as np
import pytest
import torch

from stgr.calibration import BackgroundBank, choose_background, strongest_window
from stgr.calibration.background_bank import normalise

SCORES = np.asarray([[0.1, 0.9, 0.1, 0.5, 0.7, 0.6], [0.2, 0.2, 0.2, 0.2, 0.2, 0.2]], np.float32)


@pytest.mark.parametrize(
    ('frames', 'expected'),
    [
        (1, [0.9, 0.2]),  # the highest frame
        (3, [0.6, 0.2]),  # 0.5, 0.7, 0.6
        (6, [2.9 / 6, 0.2]),  # all of them
        (9, [2.9 / 6, 0.2]),  # the video is shorter
    ],
)
def test_evidence_is_the_best_mean_of_a_run(frames, expected):
    assert strongest_window(SCORES, frames) == pytest.approx(expected)


def test_video_without_frames_speaks_against_everything():
    assert strongest_window(np.zeros((2, 0)), 3).tolist() == [-1, -1]


def test_window_without_frames_is_refused():
    with pytest.raises(ValueError, match='at least one frame'):
        strongest_window(SCORES, 0)


def test_evidence_is_counted_in_deviations_of_the_query_on_background():
    background = np.asarray([[0.0, 0.2], [0.4, 0.6]])  # means 0.1 and 0.5, deviations 0.1

    assert normalise(np.asarray([0.5, 0.5]), background) == pytest.approx([4, 0])


def test_query_that_is_similar_to_everything_gains_nothing_by_it():
    generator = np.random.default_rng(0)
    background, evidence = generator.normal(size=(3, 20)), generator.normal(size=3)

    moved = normalise(evidence + 0.3, background + 0.3)

    assert moved == pytest.approx(normalise(evidence, background))
    assert normalise(5 * evidence, 5 * background) == pytest.approx(moved)


def test_query_without_any_spread_does_not_divide_by_zero():
    assert np.isfinite(normalise(np.ones(1), np.ones((1, 2)))).all()


def test_bank_takes_as_many_frames_of_each_video_evenly_spread():
    long, short, none = np.ones(10, bool), np.zeros(6, bool), np.zeros(4, bool)
    long[:2] = False  # 2..9 are background: the middles of two halves are 4 and 8
    short[3] = True

    found = choose_background([long, short, none], 6)

    assert [rows.tolist() for rows in found] == [[4, 8], [3], []]


def test_bank_without_background_is_refused():
    with pytest.raises(ValueError, match='no frame'):
        choose_background([np.zeros(3, bool)], 4)


def test_video_is_not_compared_with_its_own_background():
    bank = BackgroundBank(torch.zeros(3, 2), None, (1, 1), ('a', 'b', 'a'))

    assert bank.without('a').tolist() == [False, True, False]
