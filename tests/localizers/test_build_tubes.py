import numpy as np
import pytest

from stgr.localizers import build_tubes
from stgr.structures import Span


def frames(count):
    boxes = np.tile(np.array([1, 2, 3, 4], dtype=np.float32), (count, 1))
    boxes[:, 0] = np.arange(count) / count  # tells the frames apart
    points = np.stack([np.arange(count), np.arange(count)], axis=1).astype(np.float32)
    return np.arange(count, dtype=float), boxes, points, np.ones(count, dtype=bool)


def test_each_tube_holds_the_frames_of_its_half_open_span():
    spans = [Span(1.0, 3.0, 0.9), Span(4.0, 5.0, 0.8)]

    tubes = build_tubes(spans, *frames(6))

    assert [tube.span for tube in tubes] == spans
    assert [tube.times_sec.tolist() for tube in tubes] == [[1, 2], [4]]
    assert tubes[0].points_px.tolist() == [[1, 1], [2, 2]]
    assert tubes[1].boxes_px[0].tolist() == pytest.approx([4 / 6, 2, 3, 4])


def test_an_invisible_frame_keeps_its_time_and_loses_its_box():
    times, boxes, points, visible = frames(3)
    visible[1] = False

    (tube,) = build_tubes([Span(0.0, 3.0, 0.9)], times, boxes, points, visible)

    assert tube.visible.tolist() == [True, False, True]
    assert tube.boxes_px[1].tolist() == [0, 0, 0, 0]


def test_no_spans_give_no_tubes_and_a_span_without_frames_an_empty_tube():
    assert build_tubes([], *frames(3)) == ()
    (tube,) = build_tubes([Span(0.2, 0.8, 0.5)], *frames(3))
    assert tube.times_sec.shape == (0,)


def test_arrays_of_other_lengths_are_refused_by_name():
    times, boxes, points, visible = frames(3)

    with pytest.raises(ValueError, match='points_px has 2 rows for 3 frames'):
        build_tubes([], times, boxes, points[:2], visible)
