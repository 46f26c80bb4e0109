import pytest

from stgr.datasets import HCSTVG

FIRST = {
    'bbox': [[10, 20, 30, 40], [11, 20, 30, 40], [12, 20, 30, 40]],
    'st_time': 0.5,
    'ed_time': 1.0,
    'st_frame': 7,
    'img_num': 200,  # 20 seconds, so 10 per second
    'width': 640,
    'height': 360,
    'caption': 'The woman in red turns.',
}
SECOND = {key: value for key, value in FIRST.items() if key not in ('width', 'height', 'caption')}
SECOND |= {'img_size': [360, 640], 'English': 'The woman in red turns.', 'Chinese': '-'}
STORED = {
    'original_video_id': '5_x',
    'frame_count': 200,
    'width': 640,
    'height': 360,
    'tube_start_frame': 7,
    'tube_end_frame': 10,
    'tube_start_time': 0.5,
    'tube_end_time': 1.0,
    'video_path': '1/5_x.mp4',
    'caption': 'The woman in red turns.',
    'video_id': 0,
    'trajectory': FIRST['bbox'],
}


def build(root, **options):
    return HCSTVG(str(root), **{'sample_fps': None, 'max_frames': None, **options})


@pytest.mark.parametrize('content', [{'5_x.mp4': FIRST}, {'5_x.mp4': SECOND}, [STORED]])
def test_all_formats_give_the_same_tube(tmp_path, write_json, content):
    write_json('test.json', content)

    item = build(tmp_path)[0]

    assert (item['query_id'], item['source_video_id']) == ('0', '5_x')
    assert (item['sentence'], item['kind']) == ('The woman in red turns.', 'declarative')
    # Frames 7, 8, 9 counted from 1.
    assert (item['tube_frames'], item['clip_frames']) == ((6, 9), (0, 200))
    assert (item['fps'], item['duration_sec'], item['frame_size']) == (10.0, 20.0, (640, 360))
    assert item['gt_labels'][5:10].tolist() == [-1, 0, 0, 0, -1]
    assert item['boxes_px'][5:10].tolist() == [
        [0, 0, 0, 0],
        [10, 20, 40, 60],
        [11, 20, 41, 60],
        [12, 20, 42, 60],
        [0, 0, 0, 0],
    ]
    assert item['frame_times_sec'][6] == 0.6


def test_sampled_frames_get_the_boxes_of_their_own_number(tmp_path, write_json):
    write_json('test.json', {'5_x.mp4': FIRST})

    item = build(tmp_path, sample_fps=5.0)[0]

    assert item['frame_idx'][:6].tolist() == [0, 2, 4, 6, 8, 10]
    assert item['boxes_px'][3:5].tolist() == [[10, 20, 40, 60], [12, 20, 42, 60]]


def test_the_first_frame_can_be_taken_for_number_0_as_tubedetr_does(tmp_path, write_json):
    write_json('test.json', {'5_x.mp4': FIRST})

    assert build(tmp_path, first_frame=0)[0]['tube_frames'] == (7, 10)
    with pytest.raises(ValueError, match='first_frame=2'):
        build(tmp_path, first_frame=2)


def test_tubes_past_the_end_and_inverted_boxes_are_counted(tmp_path, write_json):
    late = FIRST | {'st_frame': 199, 'bbox': [[1, 2, 3, 4], [1, 2, -3, 4], [1, 2, 3, 0]]}
    write_json('test.json', {'5_x.mp4': late})
    data = build(tmp_path)

    assert data.metainfo['num_tubes_past_clip'] == 1
    assert data[0]['gt_labels'].tolist()[-3:] == [-1, 0, 0]
    assert data.count_boxes() == {'num_boxes': 3, 'num_without_box': 0, 'num_empty': 2}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'v.mp4': {k: v for k, v in FIRST.items() if k != 'bbox'}}, 'bbox is missing'),
        ({'v.mp4': FIRST | {'bbox': []}}, r'v.mp4: .* must hold frames of the clip'),
        ({'v.mp4': FIRST | {'bbox': [[1, 2, 3]]}}, 'rows of 4 numbers'),
        ({'v.mp4': FIRST | {'st_frame': 201}}, 'must hold frames of the clip'),
        ({'v.mp4': FIRST | {'caption': 3}}, 'caption must be a string'),
        ({'v.mp4': SECOND | {'img_size': [360]}}, 'height and width'),
        ([STORED, STORED], "video '5_x' comes twice"),
        ('x', 'must be a list'),
    ],
)
def test_malformed_annotations_are_named(tmp_path, write_json, content, message):
    write_json('test.json', content)

    with pytest.raises(ValueError, match=message):
        len(build(tmp_path))


def test_broken_json_is_named_with_its_line(tmp_path):
    (tmp_path / 'test.json').write_text('{"v.mp4": {\n"bbox": [}}')

    with pytest.raises(ValueError, match=r'test.json:2: broken JSON'):
        len(build(tmp_path))


def test_a_missing_video_is_an_error(tmp_path, write_json):
    write_json('test.json', {'5_x.mp4': FIRST})
    (tmp_path / 'video').mkdir()

    with pytest.raises(FileNotFoundError, match=r'1 of 1 videos missing \(5_x\)'):
        len(build(tmp_path, videos_dir='video'))
