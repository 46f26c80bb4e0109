import copy

import pytest

from stgr.datasets import VidSTG

ENTRY = {
    'vid': '515',
    'frame_count': 100,
    'fps': 10.0,
    'width': 320,
    'height': 240,
    'subject/objects': [{'tid': 0, 'category': 'dog'}, {'tid': 1, 'category': 'ball'}],
    'used_segment': {'begin_fid': 2, 'end_fid': 12},
    'used_relation': {'subject_tid': 0, 'object_tid': 1, 'begin_fid': 4, 'end_fid': 7},
    'temporal_gt': {'begin_fid': 4, 'end_fid': 7},
    'captions': [{'description': 'a dog chases a ball', 'type': 'subject', 'target_id': 0}],
    'questions': [{'description': 'what does the dog chase?', 'type': 'object', 'target_id': 1}],
}


def box(target, x):
    corners = {'xmin': x, 'ymin': 2, 'xmax': x + 10, 'ymax': 22}
    return {'tid': target, 'bbox': corners, 'generated': 0, 'tracker': 'none'}


# The ball is not annotated in frame 5.
FRAMES = [[box(0, frame)] + ([box(1, 50 + frame)] if frame != 5 else []) for frame in range(12)]


def stored():
    """TubeDETR's file of the same."""
    shared = {
        'original_video_id': '515',
        'frame_count': 100,
        'fps': 10.0,
        'width': 320,
        'height': 240,
        'start_frame': 2,
        'end_frame': 12,
        'tube_start_frame': 4,
        'tube_end_frame': 7,
        'video_path': '0/515.mp4',
    }
    queries = [
        ('what does the dog chase?', 'interrogative', 1),
        ('a dog chases a ball', 'declarative', 0),
    ]
    videos = [
        {**shared, 'caption': text, 'qtype': kind, 'target_id': target, 'video_id': number}
        for number, (text, kind, target) in enumerate(queries)
    ]
    trajectories = {
        str(target): {
            str(frame): {'bbox': [x + frame, 2, 10, 20], 'generated': 0}
            for frame in range(12)
            if (target, frame) != (1, 5)
        }
        for target, x in ((0, 0), (1, 50))
    }
    return {'videos': videos, 'trajectories': {'515': trajectories}}


@pytest.fixture
def root(tmp_path, write_json):
    (tmp_path / 'vidor' / 'validation' / '0').mkdir(parents=True)
    write_json('vidor/validation/0/515.json', {'video_id': '515', 'trajectories': FRAMES})
    write_json('test_annotations.json', [ENTRY])
    write_json('test.json', stored())
    return tmp_path


def build(root, annotations='test_annotations.json', **options):
    options = {'sample_fps': None, 'max_frames': None, **options}
    return VidSTG(str(root), annotations, **options)


@pytest.mark.parametrize('options', [{}, {'annotations': 'test.json', 'vidor': None}])
def test_both_formats_give_the_same_tubes(root, options):
    question, sentence = build(root, **options)

    assert (question['query_id'], question['kind']) == ('0', 'interrogative')
    assert question['sentence'] == question['pool'][0] == 'what does the dog chase?'
    assert (sentence['query_id'], sentence['kind']) == ('1', 'declarative')
    assert [question['video_id'], sentence['video_id']] == ['515#0', '515#1']
    assert (sentence['source_video_id'], sentence['frame_size']) == ('515', (320, 240))
    assert sentence['frame_idx'].tolist() == list(range(2, 12))
    assert (sentence['tube_frames'], sentence['clip_frames']) == ((4, 7), (2, 12))
    assert (sentence['fps'], sentence['duration_sec']) == (10.0, 1.0)
    assert sentence['gt_labels'].tolist() == [-1, -1, 0, 0, 0, -1, -1, -1, -1, -1]
    assert sentence['labels'][2:6] == ['a dog chases a ball'] * 3 + [None]
    assert sentence['boxes_px'][1:4].tolist() == [[0] * 4, [4, 2, 14, 22], [5, 2, 15, 22]]
    assert sentence['eval_mask'].all()
    # Frame 5 has no box of the ball: it is in the tube, but cannot be scored.
    assert question['gt_labels'][3] == 0
    assert question['eval_mask'].tolist() == [True, True, True, False] + [True] * 6
    assert question['boxes_px'][2:5].tolist() == [[54, 2, 64, 22], [0] * 4, [56, 2, 66, 22]]


def test_kinds_can_be_kept_apart_and_keep_their_numbers(root):
    data = build(root, kinds='declarative')

    assert data.query_ids == ['1']
    assert data.metainfo['num_interrogative'] == 0
    assert build(root).metainfo['num_declarative'] == 1
    with pytest.raises(ValueError, match='did you mean declarative'):
        build(root, kinds=['declarativ'])


def test_boxes_are_counted(root, write_json):
    frames = copy.deepcopy(FRAMES)
    frames[4][0]['bbox']['xmax'] = -1
    write_json('vidor/validation/0/515.json', {'video_id': '515', 'trajectories': frames})

    assert build(root).count_boxes() == {'num_boxes': 5, 'num_without_box': 1, 'num_empty': 1}


def test_what_does_not_fit_is_named(root, write_json):
    with pytest.raises(ValueError, match='give the folder of VidOR annotations'):
        len(build(root, vidor=None))
    with pytest.raises(FileNotFoundError, match='no such folder of VidOR'):
        build(root, vidor='elsewhere')[0]
    with pytest.raises(ValueError, match="no query '7'; there are 2: 0, 1"):
        build(root).query('7')
    (root / 'vidor/validation/0/515.json').rename(root / 'vidor/validation/0/516.json')
    with pytest.raises(FileNotFoundError, match=r'has no 515.json; did you mean 516'):
        build(root)[0]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'temporal_gt': {'begin_fid': 7, 'end_fid': 7}}, r'\[0\]: query 0 .* must hold frames'),
        ({'temporal_gt': {'begin_fid': 4}}, 'end_fid is missing'),
        ({'fps': 'x'}, 'fps must be a number'),
        ({'width': 0}, 'expected fps > 0 and a frame'),
        ({'captions': 3}, 'captions must be a list'),
    ],
)
def test_malformed_sentences_are_named(root, write_json, change, message):
    write_json('test_annotations.json', [ENTRY | change])

    with pytest.raises(ValueError, match=message):
        len(build(root))


def test_malformed_trajectories_are_named(root, write_json):
    stranger = ENTRY | {'questions': [], 'captions': [{'description': 'x', 'target_id': 9}]}
    write_json('test_annotations.json', [stranger])
    with pytest.raises(ValueError, match=r'515.json has no trajectory of target 9'):
        build(root)[0]
    document = stored()
    document['trajectories']['515']['0']['4'] = {'bbox': [1, 2, 3]}
    write_json('test.json', document)
    with pytest.raises(ValueError, match=r'trajectories.515.0.4 must be the 4 numbers'):
        build(root, 'test.json')[1]
    write_json('test.json', {'videos': []})
    with pytest.raises(ValueError, match='trajectories is missing'):
        len(build(root, 'test.json'))
