import pickle

import numpy as np
import pytest

from stgr.datasets import DALY


def keyframe(frame, time, box=(0.1, 0.2, 0.5, 0.6), objects=()):
    return {
        'frameNumber': frame,
        'time': time,
        'boundingBox': np.array([box]),
        'objects': np.array(objects, dtype=np.float64).reshape(-1, 7),
        'pose': np.zeros((1, 14)),
    }


def instance(begin, end, *keyframes, **changes):
    flags = {'isSmall': False}
    entry = {'beginTime': begin, 'endTime': end, 'flags': flags, 'keyframes': list(keyframes)}
    return entry | changes


CUP = (0.4, 0.4, 0.6, 0.5, 7, 0, 0)  # corners, then which object, occluded, hallucinated


def document(**changes):
    drink = [
        instance(4.0, 9.5, keyframe(150, 6.0, objects=[CUP]), keyframe(125, 5.0)),
        instance(5.5, 7.0, keyframe(150, 6.0, box=(0.6, 0.2, 0.9, 0.8))),
    ]
    annotations = {
        'a.mp4': {
            'suggestedClass': 'Drinking',
            'annot': {'Drinking': drink, 'Phoning': [instance(20.0, 21.0, keyframe(500, 20.0))]},
        },
        'b.mp4': {'suggestedClass': 'Ironing', 'annot': {'Ironing': []}},
    }
    return {
        'labels': ['Drinking', 'Ironing', 'Phoning'],
        'joints': [],
        'objectList': ['cup'],
        'splits': [['a.mp4']],
        'metadata': {'a.mp4': {'duration': 60.0, 'fps': 25.0, 'nbframes_ffmpeg': 1500}},
        'annot': annotations,
    } | changes


def build(folder, content=None, **options):
    content = document() if content is None else content
    (folder / 'daly1.1.0.pkl').write_bytes(pickle.dumps(content, protocol=2))
    return DALY(str(folder), **{'frame_size': (100, 50), **options})


def test_an_item_is_what_a_video_shows_of_one_action(tmp_path):
    item = build(tmp_path)[0]

    assert (item['video_id'], item['source_video_id']) == ('a/Drinking', 'a')
    assert item['frame_idx'].tolist() == [125, 150]
    assert item['frame_times_sec'].tolist() == [5.0, 6.0]
    assert item['spans_sec'].tolist() == [[4.0, 9.5], [5.5, 7.0]]
    assert item['pool'] == ['Drinking', 'Ironing', 'Phoning']
    assert item['gt_labels'].tolist() == [0, 0]
    # Shares of a 100 x 50 frame; two people drink at frame 150.
    assert item['region_boxes_px'][0] == pytest.approx(np.array([[10, 10, 50, 30]]))
    assert item['region_boxes_px'][1] == pytest.approx(
        np.array([[10, 10, 50, 30], [60, 10, 90, 40]])
    )
    assert item['boxes_px'][1] == pytest.approx([10, 10, 90, 40])
    assert (item['frame_size'], item['duration_sec']) == ((100, 50), 60.0)


def test_boxes_of_objects_can_be_asked_for(tmp_path):
    item = build(tmp_path, regions='human_object')[0]

    assert item['region_kinds'] == [('human',), ('human', 'object', 'human')]
    assert item['region_boxes_px'][1][1] == pytest.approx([40, 20, 60, 25])


def test_the_split_is_the_one_of_the_file(tmp_path):
    assert build(tmp_path).video_ids == ['a/Drinking', 'a/Phoning']
    assert build(tmp_path, split='train').video_ids == []  # b has no annotated frame
    assert build(tmp_path, split='all').metainfo['num_videos'] == 2
    facts = build(tmp_path).metainfo
    assert (facts['num_videos'], facts['num_items'], facts['num_frames']) == (1, 2, 3)
    assert (facts['num_boxes'], facts['num_empty']) == (4, 0)


def test_the_pool_may_be_that_of_the_video(tmp_path):
    item = build(tmp_path, pool='video')[1]

    assert item['pool'] == ['Drinking', 'Phoning']
    assert item['gt_labels'].tolist() == [1]


def test_sizes_come_from_a_file_or_are_asked_for(tmp_path, write_json):
    write_json('id2wh.json', {'a': [200, 100]})

    item = build(tmp_path, sizes='id2wh.json', frame_size=None)[0]

    assert item['frame_size'] == (200, 100)
    assert item['region_boxes_px'][0] == pytest.approx(np.array([[20, 20, 100, 60]]))
    write_json('id2wh.json', {'aa': [200, 100]})
    with pytest.raises(ValueError, match="no frame size of video 'a'; did you mean aa"):
        build(tmp_path, sizes='id2wh.json', frame_size=None)[0]
    with pytest.raises(ValueError, match='give sizes, frame_size or videos_dir'):
        build(tmp_path, frame_size=None)
    with pytest.raises(ValueError, match='not both'):
        build(tmp_path, sizes='id2wh.json')


def test_the_size_may_come_from_the_video(tmp_path):
    from stgr.io import write_video

    write_video(tmp_path / 'videos' / 'a.mp4', [np.zeros((48, 64, 3), np.uint8)] * 2, 25)

    item = build(tmp_path, frame_size=None, videos_dir='videos')[0]

    assert item['frame_size'] == (64, 48)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (document(splits=[]), 'lists no test videos'),
        (document(splits=[['aa.mp4']]), "test split names video 'aa', .* did you mean a"),
        (document(labels=['Drinking']), "'Phoning', which is none of"),
        ({'labels': []}, 'splits is missing'),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        len(build(tmp_path, content))


@pytest.mark.parametrize(
    ('instances', 'message'),
    [
        ([instance(5.0, 4.0)], 'an action from 5.0 to 4.0 s is none'),
        ([instance(1.0, 2.0, keyframe(1, 1.0, box=(10, 20, 50, 60)))], 'in shares of the frame'),
        ([instance(1.0, 2.0, keyframe(1, 1.0, box=(0.1, 0.2, 0.3)))], 'needs the 4 corners'),
        ([instance(1.0, 2.0, {'time': 1.0})], 'boundingBox is missing'),
        ([instance(1.0, float('nan'))], r'Drinking\[0\].endTime must be a finite number'),
    ],
)
def test_malformed_actions_are_named(tmp_path, instances, message):
    annotations = {'a.mp4': {'suggestedClass': 'x', 'annot': {'Drinking': instances}}}

    with pytest.raises(ValueError, match=message):
        len(build(tmp_path, document(annot=annotations)))


def test_unknown_items_show_near_ones(tmp_path):
    with pytest.raises(ValueError, match="no 'a/Drinkin'; did you mean a/Drinking"):
        build(tmp_path).video('a/Drinkin')
    with pytest.raises(ValueError, match='did you mean human'):
        build(tmp_path, regions='humans')
