"""Why a query was not found, in words that follow from settings and scores."""

import numpy as np
import pytest

from stgr.structures import GroundingResult, ModelFacts, QueryResult, Span, Tube, VideoFacts

SETTINGS = {'mode': 'queries', 'threshold': 0.5, 'min_duration_sec': 3.0, 'min_score': None}


def result(query, **settings):
    video = VideoFacts('v.mp4', 64, 48, 2.0, 1.0, False, 'pyav')
    return GroundingResult(
        video, ModelFacts('m', 'a' * 64, None), np.arange(2.0), (query,), SETTINGS | settings
    )


def missed(score, probability=None):
    return QueryResult('crack egg', False, score, np.array([0, score]), probability=probability)


@pytest.mark.parametrize(
    ('score', 'settings', 'why'),
    [
        (0.4, {}, 'below the threshold of 0.50'),
        (0.6, {}, 'above the threshold of 0.50 only for less than 3 s on end'),
        (0.5, {}, 'above the threshold of 0.50 only for less than 3 s on end'),
        (
            0.6,
            {'mode': 'actions'},
            'above the threshold of 0.50 only where others of the pool are higher or for less than '
            '3 s on end',
        ),
        (0.6, {'mode': 'actions', 'min_duration_sec': 0.0},
         'above the threshold of 0.50 only where others of the pool are higher'),
        (0.6, {'min_duration_sec': 0.0}, ''),
        (0.6, {'min_score': 0.7}, 'less probable than 0.7'),
        (0.6, {'min_score': 0.2}, 'above the threshold of 0.50 only for less than 3 s on end'),
        (0.4, {'threshold': None}, ''),
    ],
)  # fmt: skip
def test_reason_is_the_first_that_holds(score, settings, why):
    query = missed(score, probability=0.3)

    assert result(query, **settings).why_not(query) == why


def test_what_was_found_needs_no_reason():
    tube = Tube(
        Span(0, 1, 0.6), np.array([0.0]), np.zeros((1, 4)), np.zeros((1, 2)), np.zeros(1, bool)
    )
    query = QueryResult('crack egg', True, 0.6, np.array([0.6, 0]), (Span(0, 1, 0.6),), (tube,))

    assert result(query).why_not(query) == ''
