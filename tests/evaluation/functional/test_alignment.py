import alignment_oracle
import numpy as np
import pytest

from stgr.evaluation.functional import (
    LengthPrior,
    align_transcript,
    append_background,
    fit_length,
    score_timelines,
    spread_transcript,
    transcript_of,
)
from stgr.evaluation.functional.compat import align_as_released


def test_the_boundary_lies_where_the_sum_is_largest_by_hand():
    scores = np.array([[0, -9], [-1, -2], [-2, -1], [-9, 0]], float)
    assert align_transcript(scores).tolist() == [0, 0, 1, 1]
    scores[1] = [-5, -2]
    assert align_transcript(scores).tolist() == [0, 1, 1, 1]


def test_every_entry_gets_at_least_one_block():
    scores = np.zeros((5, 3))
    scores[:, 1] = -100.0  # the middle entry never fits, but has to be somewhere
    assert np.bincount(align_transcript(scores)).tolist() == [1, 1, 3]
    assert np.bincount(align_transcript(scores, block=2)).tolist() == [2, 2, 1]


def test_equal_alignments_begin_the_last_entries_as_early_as_possible():
    assert align_transcript(np.zeros((6, 3))).tolist() == [0, 1, 2, 2, 2, 2]
    assert align_transcript(np.zeros((5, 2)), block=2).tolist() == [0, 0, 1, 1, 1]


def test_boundaries_lie_on_blocks_and_the_short_last_block_counts():
    scores = np.zeros((7, 2))
    scores[:5, 0], scores[5:, 1] = 1, 1  # without blocks the boundary is 5
    assert align_transcript(scores).tolist() == [0] * 5 + [1] * 2
    assert align_transcript(scores, block=3).tolist() == [0] * 6 + [1]  # 6 right against 5
    scores[6, 1] = 9
    scores[6, 0] = -9
    assert align_transcript(scores, block=3).tolist() == [0] * 6 + [1]


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize(
    ('settings', 'digits'),
    [
        ({}, 9),
        ({}, 0),  # whole numbers: many exact ties
        ({'block': 3}, 0),
        ({'max_length': 9}, 9),
        ({'max_length': 9}, 0),
        ({'block': 4, 'max_length': 11}, 0),
        ({'mean_length': 5.5}, 9),
        ({'block': 2, 'mean_length': 8.0, 'max_length': 12}, 9),
    ],
    ids=str,
)
def test_alignment_equals_a_dictionary_of_hypotheses(seed, settings, digits):
    generator = np.random.default_rng(seed)
    num_frames, num_entries = int(generator.integers(20, 31)), int(generator.integers(4, 6))
    scores = generator.normal(size=(num_frames, num_entries)).round(digits)
    wanted = alignment_oracle.align(scores, **settings)
    prior = LengthPrior(settings.get('max_length'), settings.get('mean_length'))
    got = align_transcript(scores, block=settings.get('block', 1), prior=prior)
    assert got.tolist() == wanted


def test_a_longest_length_moves_the_boundary_by_hand():
    scores = np.zeros((6, 2))
    scores[:, 0] = 1  # the first entry wants everything
    assert align_transcript(scores).tolist() == [0] * 5 + [1]
    assert align_transcript(scores, prior=LengthPrior(4)).tolist() == [0] * 4 + [1] * 2
    for prior, block in ((LengthPrior(2), 1), (LengthPrior(1), 2), (LengthPrior(1, 5.0), 2)):
        with pytest.raises(ValueError, match='raise max_length'):
            align_transcript(scores, block=block, prior=prior)


def test_the_poisson_prior_of_the_released_model_overrules_evidence():
    scores = np.zeros((300, 2))
    scores[:30, 0], scores[30:, 1] = 1, 1
    assert np.bincount(align_transcript(scores)).tolist() == [30, 270]
    # log p falls by 27.1 from 150 to 80 frames, more than the frames between are worth in sum
    strong = align_transcript(scores, prior=LengthPrior(mean_length=150.0))
    assert np.bincount(strong)[0] > 60


def test_a_poisson_score_is_its_log_probability():
    got = LengthPrior(mean_length=2.0).scores(np.array([1, 2, 3]))
    np.testing.assert_allclose(np.exp(got), np.exp(-2) * np.array([2, 2, 8 / 6]))


def test_a_constant_of_each_frame_changes_nothing():
    generator = np.random.default_rng(3)
    scores = generator.normal(size=(50, 6))
    moved = scores + generator.normal(size=(50, 1)) * 10
    np.testing.assert_array_equal(align_transcript(scores), align_transcript(moved))


@pytest.mark.parametrize(
    ('scores', 'settings', 'message'),
    [
        (np.zeros((2, 3)), {}, '3 entries need'),
        (np.zeros((9, 3)), {'block': 5}, 'lower block'),
        (np.zeros((0, 3)), {}, r'T, K >= 1'),
        (np.full((3, 1), -np.inf), {}, 'above 0'),
        (np.zeros((3, 1)), {'block': 0}, '>= 1'),
    ],
)
def test_impossible_alignments_say_why(scores, settings, message):
    with pytest.raises(ValueError, match=message):
        align_transcript(scores, **settings)


def test_lengths_must_be_positive():
    with pytest.raises(ValueError, match='max_length'):
        LengthPrior(0)
    with pytest.raises(ValueError, match='mean_length'):
        LengthPrior(mean_length=float('nan'))


@pytest.mark.parametrize('seed', range(10))
@pytest.mark.parametrize('block', [1, 3, 4])
@pytest.mark.parametrize('mean_length', [None, 7.0])
@pytest.mark.parametrize('variant', ['mining', 'webvision'])
def test_the_released_decoder_is_reproduced(seed, block, mean_length, variant):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(int(generator.integers(20, 40)), 5))
    settings = {'block': block, 'mean_length': mean_length, 'variant': variant}
    got = align_as_released(scores, **settings)
    assert got.tolist() == alignment_oracle.align_as_released(scores, **settings)


def test_the_released_decoder_shifts_by_one_frame_or_one_block():
    scores = np.full((40, 2), -9.0)
    scores[:20, 0], scores[20:, 1] = 0, 0
    one = align_as_released(scores, block=1, mean_length=None)
    assert np.bincount(one).tolist() == [19, 21]  # one frame early
    late = align_as_released(scores, block=10, mean_length=None, variant='webvision')
    assert np.bincount(late).tolist() == [30, 10]  # frame 20 ends the second block: one block late


def test_the_released_limits_are_errors():
    with pytest.raises(ValueError, match='T >= block'):
        align_as_released(np.zeros((10, 1)), block=20)
    with pytest.raises(ValueError, match='5000'):
        align_as_released(np.zeros((5000, 2)))
    with pytest.raises(ValueError, match='webvision'):
        align_as_released(np.zeros((40, 2)), variant='web')


def test_background_has_a_constant_score_or_the_mean_of_the_others():
    scores = np.array([[0.2, 0.8], [0.4, 0.0]])
    assert append_background(scores)[:, 2].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(append_background(scores, None)[:, 2], [0.5, 0.2])


def test_a_transcript_is_the_order_of_runs_and_spreads_evenly():
    assert transcript_of(np.array([-1, -1, 0, 0, -1, 0])).tolist() == [-1, 0, -1, 0]
    assert transcript_of(np.zeros(0, int)).tolist() == []
    assert spread_transcript(np.array([7, 8]), 5).tolist() == [7, 7, 8, 8, 8]


def test_predictions_are_cut_or_padded_with_their_last_label():
    assert fit_length(np.array([1, 2, 3]), 2).tolist() == [1, 2]
    assert fit_length(np.array([1, 2]), 4).tolist() == [1, 2, 2, 2]
    with pytest.raises(ValueError, match='padded'):
        fit_length(np.zeros(0, int), 3)


def test_timelines_of_other_lengths_are_scored_by_hand():
    # background: G 2, P 1, both 1; class 0: G 2, P 3 (one by padding), both 2
    got = score_timelines([(np.array([-1, -1, 0, 0]), np.array([-1, 0, 0]))])
    assert got['iou'] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert got['iod'] == pytest.approx((1 + 2 / 3) / 2)
    assert got['mof'] == 3 / 4
    got = score_timelines([(np.array([-1, 0]), np.array([-1, 1]))], include_background=False)
    assert (got['iou'], got['iod'], got['mof']) == (0, 0, 0.5)
