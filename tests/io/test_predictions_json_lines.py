"""Predictions as JSON lines: what is read, and what is refused with file and line."""

import json

import numpy as np
import pytest

from stgr.io.predictions import read_predictions
from stgr.structures import encode_mask

SECOND = {'video': 'a', 'second': 0, 'label': 'crack egg', 'score': 0.5}


@pytest.fixture
def read(tmp_path):
    """Write lines (objects or raw text) to a file and read it."""

    def make(*lines):
        path = tmp_path / 'p.jsonl'
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text('\n'.join(texts) + '\n', encoding='utf-8')
        return read_predictions(path)

    return make


def test_lines_of_seconds_and_a_line_of_a_video_say_the_same(read):
    rows = [
        {**SECOND, 'box': [1, 2, 3, 4], 'query_point': [5, 6]},
        {**SECOND, 'second': 1, 'label': None, 'score': 0.1, 'box': None, 'query_point': [7, 8]},
    ]
    whole = {
        'video': 'a',
        'seconds': [0, 1],
        'labels': ['crack egg', 'background'],
        'scores': [0.5, 0.1],
        'boxes': [[1, 2, 3, 4], None],
        'query_points': [[5, 6], [7, 8]],
    }

    for found in (read(*rows), read(whole)):
        assert len(found) == 1
        assert found[0].labels == ['crack egg', None]
        assert found[0].times_sec.tolist() == [0, 1]
        assert found[0].scores.tolist() == [0.5, 0.1]
        assert found[0].places.kind == 'boxes'
        assert found[0].places.boxes_px[0].tolist() == [1, 2, 3, 4]
        assert np.isnan(found[0].places.boxes_px[1]).all()
        assert found[0].query_places.points_px.tolist() == [[5, 6], [7, 8]]


def test_a_kind_that_is_always_null_does_not_hide_another(read):
    places = read({**SECOND, 'box': [1, 2, 3, 4], 'heatmap': None, 'mask': None})[0].places
    assert places.kind == 'boxes'
    assert read({**SECOND, 'box': None, 'heatmap': None})[0].places.kind == 'heatmaps'


@pytest.mark.parametrize(
    ('counts', 'lost'),
    [
        ({'heatmap': [[1.0, 0.0]]}, {'box': [1, 2, 3, 4]}),
        ({'query_heatmap': [[1.0, 0.0]]}, {'query_point': [1, 2]}),
        ({'mask': {'size': [1, 2], 'counts': [1, 1]}}, {'box': [1, 2, 3, 4]}),
    ],
)
def test_a_place_that_would_not_count_is_refused(read, counts, lost):
    kind, other = next(iter(counts)), next(iter(lost))
    with pytest.raises(ValueError, match=f'p.jsonl:2: second 1 .* has a {other} but no {kind}'):
        read({**SECOND, **counts}, {**SECOND, 'second': 1, **lost})
    assert read({**SECOND, **counts, **lost})[0].video_id == 'a'  # the first kind counts


def test_seconds_may_come_in_any_order_and_videos_may_mix(read):
    other = {**SECOND, 'video': 'b'}

    found = read({**SECOND, 'second': 2}, other, '', SECOND)

    assert [one.video_id for one in found] == ['a', 'b']
    assert found[0].times_sec.tolist() == [0, 2]


@pytest.mark.parametrize('compressed', [False, True])
def test_mask_is_read_plain_and_compressed(read, compressed):
    # rows 1-2, columns 0-1 of 4 x 3: column-major 0 1 1 0 | 0 1 1 0 | 0 0 0 0
    counts = '12255' if compressed else [1, 2, 2, 2, 5]
    counts = _compress([1, 2, 2, 2, 5]) if compressed else counts
    mask = {'size': [4, 3], 'counts': counts}

    (found,) = read({**SECOND, 'mask': mask})

    expected = [[0, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found.places.masks[0].decode().astype(int).tolist() == expected
    assert encode_mask(np.array(expected)).counts.tolist() == [1, 2, 2, 2, 5]


def _compress(counts):
    """COCO's string, written from its description and not from the library."""
    text = ''
    for i, count in enumerate(counts):
        rest = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            bits = rest & 31
            rest >>= 5
            more = rest != -1 if bits & 16 else rest != 0
            text += chr((bits | 32 if more else bits) + 48)
    return text


def test_heat_map_of_some_seconds_leaves_the_others_empty(read):
    (found,) = read({**SECOND, 'heatmap': [[0, 1], [2, 3]]}, {**SECOND, 'second': 1})

    assert found.places.heatmaps.tolist() == [[[0, 1], [2, 3]], [[0, 0], [0, 0]]]


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (['{"video": "a", '], r'p\.jsonl:1: broken JSON at column'),
        ([SECOND, '', '[1]'], r'p\.jsonl:3: expected an object'),
        ([{**SECOND, 'boxs': [1, 2, 3, 4]}], r"p\.jsonl:1: field 'boxs' is unknown; .* 'box'"),
        ([SECOND, {**SECOND, 'score': 1}], r'p\.jsonl:2: second 0 of video .a. .*p\.jsonl:1'),
        ([{'video': 'a', 'second': 0, 'label': 'x'}], r'p\.jsonl:1: score is missing'),
        (['{"video": "a", "second": 0, "label": "x", "score": NaN}'], r'p\.jsonl:1: NaN'),
        ([{**SECOND, 'score': 'high'}], r'p\.jsonl:1: score must be a number'),
        (['{"video": "a", "video": "b"}'], r"p\.jsonl:1: 'video' is given twice"),
        (['{"video": "a", "second": ' + '1' * 5000 + '}'], r'p\.jsonl:1: Exceeds the limit'),
        ([SECOND, {**SECOND, 'second': 1, 'box': [5, 1, 4, 2]}], r'p\.jsonl:2: box: .*x2 < x1'),
        ([{**SECOND, 'box': [5, 1, 4]}], r'p\.jsonl:1: box must be 4 numbers, but got 3'),
        ([{**SECOND, 'mask': {'size': [2, 2], 'counts': [3]}}], r'add up to 3, but 2 x 2'),
        ([{**SECOND, 'mask': {'size': [2, 2], 'counts': 'o'}}], r'p\.jsonl:1: mask: .* cut off'),
        ([{**SECOND, 'heatmap': [[1, -1]]}], r'p\.jsonl:1: heatmap must be >= 0'),
        ([{**SECOND, 'second': -1}], r'second -1 lies before the video'),
        (
            [SECOND, {**SECOND, 'second': 1, 'frame_size': [640, 480]}],
            r'p\.jsonl:2: frame_size is .*, but None at .*p\.jsonl:1',
        ),
        (
            [{'video': 'a', 'seconds': [0, 1], 'labels': ['x'], 'scores': [1, 1]}],
            r'p\.jsonl:1: labels has 1 entries for 2 seconds',
        ),
        (
            [{'video': 'a', 'seconds': [0], 'labels': ['x'], 'scores': [1]}, SECOND],
            r"p\.jsonl:2: video 'a' was there before, at .*p\.jsonl:1",
        ),
        (
            [SECOND, {'video': 'a', 'seconds': [1], 'labels': ['x'], 'scores': [1]}],
            r"p\.jsonl:2: video 'a' was there before, at .*p\.jsonl:1",
        ),
        (
            [{**SECOND, 'log_probs': [0, -1]}, {**SECOND, 'second': 1}],
            r'p\.jsonl:2: log_probs is missing',
        ),
    ],
)
def test_mistake_is_named_with_its_line(read, lines, message):
    with pytest.raises(ValueError, match=message):
        read(*lines)


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path):
    (tmp_path / 'p.jsonl').write_bytes(json.dumps(SECOND).encode() + b'\n\xff\xfe')

    with pytest.raises(ValueError, match=r'p\.jsonl:2: byte 0 is not UTF-8'):
        read_predictions(tmp_path / 'p.jsonl')


def test_byte_order_mark_and_ends_of_lines_of_another_system_do_not_matter(tmp_path):
    lines = [json.dumps({**SECOND, 'second': second}).encode() for second in (0, 1)]
    (tmp_path / 'w.jsonl').write_bytes(b'\xef\xbb\xbf' + b'\r\n'.join(lines))

    (video,) = read_predictions(tmp_path / 'w.jsonl')
    assert video.times_sec.tolist() == [0, 1]


def test_empty_file_has_no_predictions(read):
    with pytest.raises(ValueError, match='no predictions in it'):
        read('')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file or folder of predictions'):
        read_predictions(tmp_path / 'none.jsonl')
