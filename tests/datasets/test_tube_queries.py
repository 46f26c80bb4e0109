import numpy as np
import pytest

from stgr.datasets.tube_queries import TubeQuery, corners_from_sides, sample_frames


def slow_sample(start, end, fps, sample_fps, max_frames):
    """TubeDETR's rule, frame by frame."""
    rate = sample_fps / fps
    kept = [start]
    for frame in range(start, end):
        if int(kept[-1] * rate) < int(frame * rate):
            kept.append(frame)
    if len(kept) > max_frames:
        kept = [kept[(j * len(kept)) // max_frames] for j in range(max_frames)]
    return kept


@pytest.mark.parametrize('fps', [29.97002997002997, 25.0, 5.5, 30.0, 60.0])
@pytest.mark.parametrize('clip', [(0, 1), (7, 400), (123, 2003)])
@pytest.mark.parametrize('most', [200, 13])
def test_frames_are_sampled_as_by_the_authors_loop(fps, clip, most):
    frames = sample_frames(clip, fps, sample_fps=5.0, max_frames=most)

    assert frames.tolist() == slow_sample(*clip, fps, 5.0, most)


def test_all_frames_are_kept_where_nothing_limits_them():
    assert sample_frames((3, 9), 25.0, sample_fps=None, max_frames=None).tolist() == [*range(3, 9)]
    assert sample_frames((3, 9), 4.0).tolist() == [*range(3, 9)]  # slower than 5 per second
    assert sample_frames((0, 10), 10.0, sample_fps=5.0).tolist() == [0, 2, 4, 6, 8]


def query(**changes):
    facts = {
        'query_id': '0',
        'video_id': 'v',
        'sentence': 'a cat',
        'kind': 'declarative',
        'tube_frames': (5, 9),
        'clip_frames': (0, 20),
        'fps': 10.0,
        'frame_size': (64, 48),
        'target': '0',
    }
    return TubeQuery(**facts | changes)


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'tube_frames': (5, 5)}, 'no frame'),
        ({'tube_frames': (9, 5)}, 'ends before it begins'),
        ({'tube_frames': (-1, 5)}, 'begins before the video'),
        ({'tube_frames': (20, 25)}, 'after the clip'),
        ({'clip_frames': (9, 20)}, 'before the clip'),
        ({'fps': 0.0}, 'no rate'),
        ({'frame_size': (0, 5)}, 'no frame'),
    ],
)
def test_impossible_tubes_are_refused(changes, reason):
    with pytest.raises(ValueError, match="query 0 of video 'v'"):
        query(**changes)


@pytest.mark.parametrize(
    ('tube', 'past'),
    [((0, 20), False), ((5, 9), False), ((0, 21), True), ((19, 25), True)],
)
def test_tubes_that_leave_the_clip_are_known(tube, past):
    assert query(tube_frames=tube).is_past_clip is past


def test_sides_become_corners():
    assert corners_from_sides(np.array([[1, 2, 30, 40]])).tolist() == [[1, 2, 31, 42]]
