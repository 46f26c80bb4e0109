import json
import math

import pytest

from stgr.structures import Coverage


def test_a_partial_score_says_so_in_every_form():
    coverage = Coverage(250, 231, 'left_out', videos_found=240, videos_readable=231)

    assert coverage.to_dict() == {
        'videos_annotated': 250,
        'videos_scored': 231,
        'videos_found': 240,
        'videos_readable': 231,
        'share': 0.924,
        'missing': 'left_out',
    }
    assert coverage.to_scores()['coverage/videos_annotated'] == 250.0
    assert coverage.to_scores()['coverage/share'] == 0.924
    assert 'coverage/missing' not in coverage.to_scores(), 'scores are numbers'
    assert not coverage.is_complete
    assert coverage.describe() == (
        '231 of 250 videos (92.4 %); missing videos are left out of the score'
    )


def test_all_videos_but_not_all_boxes_is_not_complete():
    coverage = Coverage(3, 3, boxes_annotated=10, boxes_scored=9)

    assert coverage.share == 1
    assert not coverage.is_complete
    assert '9 of 10 boxes; a missing video is an error' in coverage.describe()
    assert Coverage(3, 3, boxes_annotated=10, boxes_scored=10, frames_scored=7).is_complete


def test_nothing_annotated_has_no_share_and_is_json_still():
    coverage = Coverage(0, 0)

    assert math.isnan(coverage.share)
    assert json.loads(json.dumps(coverage.to_dict(), allow_nan=False)) == {
        'videos_annotated': 0,
        'videos_scored': 0,
        'missing': 'error',
    }


@pytest.mark.parametrize(
    ('counts', 'message'),
    [
        ({'videos_scored': 4}, 'videos_scored=4 exceeds videos_annotated=3'),
        ({'videos_found': 4}, 'videos_found=4 exceeds videos_annotated=3'),
        ({'videos_found': 1, 'videos_readable': 2}, 'videos_readable=2 exceeds videos_found=1'),
        ({'videos_readable': 4}, 'videos_readable=4 exceeds videos_annotated=3'),
        ({'boxes_annotated': 1, 'boxes_scored': 2}, 'boxes_scored=2 exceeds boxes_annotated=1'),
        ({'frames_annotated': 1, 'frames_scored': 2}, 'frames_scored=2 exceeds'),
        ({'videos_found': -1}, 'videos_found must be a whole number >= 0, but is -1'),
        ({'boxes_scored': 2.0}, 'boxes_scored must be a whole number'),
        ({'frames_scored': True}, 'frames_scored must be a whole number'),
        ({'missing': 'ignored'}, "missing='ignored' is no rule; choose one of: error, left_out"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        Coverage(**{'videos_annotated': 3, 'videos_scored': 1, **counts})
