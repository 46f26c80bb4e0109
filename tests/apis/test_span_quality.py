"""Spans counted by hand: right, answered, true, and those of what does not happen."""

import numpy as np
import pytest

from stgr.apis.calibration import judge_spans
from stgr.apis.calibration.questions import AskedVideo, JudgedSpan, Questions
from stgr.structures import Span


def video(name, happens, spans):
    judged = tuple(JudgedSpan(query, Span(0, 1, 0.5), right) for query, right in spans)
    found = np.zeros(len(happens), bool)
    answers = {'queries': judged, 'actions': judged[:1]}
    return AskedVideo(name, np.zeros((len(happens), 1)), found, np.asarray(happens), answers)


@pytest.fixture
def asked():
    """Query 0 happens twice in v0, query 1 once in v1; query 2 never happens."""
    videos = (
        video('v0', [True, False, False], [(0, True), (0, False), (1, False), (2, False)]),
        video('v1', [False, True, False], [(1, True), (0, False)]),
    )
    truth = {'v0': ['a', None, 'a', 'a'], 'v1': [None, 'b', 'b', None]}
    return Questions(('a', 'b', 'c'), videos, None, truth)


def test_spans_of_what_happens_are_told_from_those_of_what_does_not(asked):
    quality = judge_spans(asked, 'queries')

    assert (quality.true, quality.answered, quality.right, quality.elsewhere) == (3, 3, 2, 3)
    assert quality.f1 == pytest.approx(2 / 3)


def test_modes_are_counted_apart(asked):
    quality = judge_spans(asked, 'actions')

    assert (quality.answered, quality.right, quality.elsewhere) == (2, 2, 0)
    assert quality.f1 == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))


def test_nothing_answered_is_worth_nothing(asked):
    quality = judge_spans(Questions(('a',), (), None, {}), 'queries')

    assert quality.f1 == 0
