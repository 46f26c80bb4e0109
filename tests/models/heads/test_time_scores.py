"""Scores over time: smoothed, and in a pool shared; a query alone is never pushed up."""

import pytest
import torch

from stgr.models.heads import SinkhornTimeScores, SmoothedTimeScores
from stgr.ops.smoothing import smooth_over_time

TIMES = torch.arange(12.0)


def test_smoothing_is_that_of_the_function():
    similarity = torch.randn(2, 12)

    scores = SmoothedTimeScores(1.5)(similarity, TIMES, exclusive=True)

    assert scores.equal(smooth_over_time(similarity, TIMES, 1.5))


def test_a_pool_gives_frames_to_a_query_that_another_one_hides():
    # The first query is 0.3 more like everything; the second's own frames are the last six.
    similarity = torch.zeros(2, 12)
    similarity[0] = 0.3
    similarity[1, 6:] = 0.25
    transport = SinkhornTimeScores(background_share=0.01, strength=1.0, epsilon=0.02)

    scores = transport(similarity, TIMES, exclusive=True)

    assert similarity.argmax(dim=0).tolist() == [0] * 12
    assert scores.argmax(dim=0).tolist() == [0] * 6 + [1] * 6


@pytest.mark.parametrize(('exclusive', 'strength'), [(False, 1.0), (True, 0.0)])
def test_a_query_alone_and_wishes_without_strength_change_nothing(exclusive, strength):
    similarity = torch.randn(3, 12)

    scores = SinkhornTimeScores(strength=strength)(similarity, TIMES, exclusive=exclusive)

    torch.testing.assert_close(scores, similarity)


def test_background_takes_its_share():
    similarity = torch.randn(3, 2000) * 0.1
    transport = SinkhornTimeScores(background_share=0.7, strength=1.0, epsilon=0.01, iterations=300)

    scores = transport(similarity, torch.arange(2000.0), exclusive=True)

    gain = torch.cat([scores, torch.zeros(1, 2000)]) / 0.01
    shares = gain.softmax(dim=0).mean(dim=1)
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.1, 0.1, 0.7]), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    'wrong', [{'background_share': 1.0}, {'epsilon': 0.0}, {'strength': -0.1}, {'sigma_sec': -1.0}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match='must be'):
        SinkhornTimeScores(**wrong)
