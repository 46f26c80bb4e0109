"""Answers at a time as detections of supervision, where it is installed."""

import sys

import pytest
from format_answers import make_answers, make_result

from stgr.apis.to_supervision import to_supervision


def test_detections_at_a_time_are_those_of_the_nearest_frame():
    pytest.importorskip('supervision')

    seen = to_supervision(make_result(), 1.6)

    assert seen.xyxy.tolist() == [[10, 8, 26, 32]]
    assert (seen.confidence.tolist(), seen.class_id.tolist()) == ([0.5], [0])
    assert seen.data['class_name'].tolist() == ['crack an egg']
    assert len(to_supervision(make_result(), 2.4)) == 0  # its frame has no box
    assert len(to_supervision(make_result(), 2.5)) == 0  # half-open
    assert len(to_supervision(make_answers(), 3.5)) == 1


def test_without_supervision_the_pip_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', None)

    with pytest.raises(ImportError, match=r"pip install 'stgr\[supervision\]'"):
        to_supervision(make_result(), 1.0)
