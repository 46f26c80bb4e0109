import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from stgr.annotation import paper_boxes, release_boxes

REAL = Path(os.environ.get('STGR_DATA_ROOT', 'not set')) / 'annotations' / 'grounding_youtube'
NONE = (np.nan, np.nan)


@pytest.mark.parametrize(
    ('clicks', 'paper', 'release', 'reason'),
    [
        ([(300, 200)], (204, 128, 396, 272), (200, 100, 400, 300), 'a single click'),
        ([(300, 200), NONE, (340, 180)], (204, 108, 436, 272), (200, 80, 440, 300), 'a union'),
        ([(20, 30)], (0, 0, 116, 102), (0, 0, 120, 130), 'cut at left and top'),
        (
            [(600, 470)],
            (504, 398, 640, 480),
            (500, 370, 480, 570),
            'x2 cut at the height: inverted',
        ),
        ([NONE, NONE], (np.nan,) * 4, (np.nan,) * 4, 'nobody clicked'),
    ],
)
def test_a_box_is_the_union_of_the_clicks_and_a_margin(clicks, paper, release, reason):
    clicks_px = np.array([clicks], float)

    assert paper_boxes(clicks_px, (640, 480))[0].tolist() == pytest.approx(paper, nan_ok=True), (
        reason
    )
    found = release_boxes(clicks_px, (640, 480))[0].tolist()
    assert found == pytest.approx(release, nan_ok=True), reason


def test_the_margin_of_the_paper_follows_the_frame():
    # 0.15 x 200 = 30 and 0.15 x 400 = 60
    assert paper_boxes(np.array([[(100, 200)]]), (200, 400)).tolist() == [[70, 140, 130, 260]]


def test_a_box_does_not_depend_on_the_order_of_annotators_nor_on_abstentions():
    clicks_px = np.random.default_rng(0).uniform(0, 400, (6, 5, 2))
    with_absent = np.concatenate([clicks_px, np.full((6, 2, 2), np.nan)], axis=1)

    expected = paper_boxes(clicks_px, (640, 480))
    assert np.array_equal(paper_boxes(with_absent[:, ::-1], (640, 480)), expected)


def test_no_frames_give_no_boxes():
    assert paper_boxes(np.zeros((0, 5, 2)), (640, 480)).shape == (0, 4)


@pytest.mark.parametrize(
    ('clicks', 'size', 'message'),
    [
        (np.zeros((3, 2)), (640, 480), 'shape'),
        (np.array([[(1, np.nan)]]), (640, 480), 'NaN twice'),
        (np.array([[(1, np.inf)]]), (640, 480), 'finite'),
        (np.zeros((1, 1, 2)), (0, 480), '> 0'),
    ],
)
def test_malformed_clicks_are_refused(clicks, size, message):
    with pytest.raises(ValueError, match=message):
        paper_boxes(clicks, size)


@pytest.mark.skipif(not REAL.is_dir(), reason='STGR_DATA_ROOT has no GroundingYouTube')
def test_released_boxes_of_single_clicks_are_made_again():
    clicks = json.loads((REAL / 'clicks_mean_21k.json').read_text())
    boxes = json.loads((REAL / 'id2xy_box.json').read_text())
    places = [(tuple(click['image_url'].rsplit('/', 2)[1:]), click) for click in clicks]
    keys = [(video, name[len(video) + 1 :].split('_')[0]) for (video, name), _ in places]
    counts = Counter(keys)
    single = [
        (key, click)
        for key, (_, click) in zip(keys, places, strict=True)
        if click['mean_dist'] == 0 and counts[key] == 1  # a shared second has one of two boxes
    ]

    points = np.array([[(click['x'], click['y'])] for _, click in single])
    made = release_boxes(points, (640, 480)).round().tolist()
    released = [boxes[video][second] for (video, second), _ in single]
    assert len(single) == 2_437
    assert made == released
