import pickle

import numpy as np
import pytest

from stgr.datasets import VHICO
from stgr.datasets.pickled_annotations import read_pickled
from stgr.datasets.vhico_files import LABELS


def image(frame, label='Peeling apple', **changes):
    entry = {
        'path': f'test/peeling/a/{frame:06d}.jpg',
        'label': label,
        'width': 455,
        'height': 256,
        'human': [[10, 20, 110, 220]],
        'object': [[90, 100, 120, 130], [5, 100, 40, 130]],
    }
    return entry | changes


def write(folder, annos, name='gt_bbox_test.json'):
    (folder / name).write_bytes(pickle.dumps({'annos': annos}, protocol=2))
    return str(folder)


def test_an_item_is_a_video_of_one_action_with_all_boxes_of_each_image(tmp_path):
    images = [image(60), image(30, 'Holding Apple', object=[[200, 0, 210, 9]])]
    data = VHICO(write(tmp_path, {'peeling apple': {'a': images}}), images_dir='images')

    item = data[0]

    assert (item['video_id'], item['source_video_id']) == ('peeling apple/a', 'a')
    assert item['frame_idx'].tolist() == [30, 60]
    assert item['frame_times_sec'].tolist() == [1.0, 2.0]
    assert item['frame_size'] == (455, 256)
    # Lower case, and the plural that the authors' evaluation counts under.
    assert item['labels'] == ['holding apple', 'peeling apples']
    assert item['pool'] == ['holding apple', 'peeling apples']
    assert item['gt_labels'].tolist() == [0, 1]
    assert [len(boxes) for boxes in item['region_boxes_px']] == [2, 3]
    assert item['region_boxes_px'][1].tolist()[1] == [90, 100, 120, 130]
    assert item['region_kinds'][1] == ('human', 'object', 'object')
    assert item['boxes_px'].tolist() == [[10, 0, 210, 220], [5, 20, 120, 220]]
    assert item['image_paths'][0] == str(tmp_path / 'images/test/peeling/a/000030.jpg')


def test_a_video_may_show_two_actions(tmp_path):
    annos = {'peeling apple': {'a': [image(1)]}, 'eating apple': {'a': [image(1, 'eating apple')]}}
    data = VHICO(write(tmp_path, annos), pool='global')

    assert [item['video_id'] for item in data] == ['peeling apple/a', 'eating apple/a']
    assert data[0]['pool'] == data[1]['pool'] == ['eating apple', 'peeling apples']
    assert data[1]['gt_labels'].tolist() == [0]


def test_empty_boxes_and_images_without_any_are_counted(tmp_path):
    images = [image(1, human=[[9, 9, 5, 20]]), image(2, human=[], object=[])]
    data = VHICO(write(tmp_path, {'x': {'a': images, 'none': []}}))

    facts = data.metainfo

    assert (facts['num_videos'], facts['num_frames'], facts['num_boxes']) == (1, 2, 3)
    assert (facts['num_empty'], facts['num_frames_without_boxes']) == (1, 1)
    assert data[0]['eval_mask'].tolist() == [True, False]
    assert data[0]['region_boxes_px'][1].shape == (0, 4)


def test_unseen_actions_have_their_own_file_and_spelling(tmp_path):
    annos = {'x': {'a': [image(1, 'Folding bikes folding bikes'), image(2, 'peeling apple')]}}
    root = write(tmp_path, annos, 'gt_bbox_unseen.json')

    assert VHICO(root, 'unseen')[0]['labels'] == ['folding bikes', 'peeling apple']
    assert len(LABELS['test']) == 15
    with pytest.raises(FileNotFoundError, match='gt_bbox_test'):
        len(VHICO(root))


def test_boxes_may_be_arrays_and_numbers_of_numpy(tmp_path):
    one = image(1, human=np.array([[1.5, 2, 3, 4]]), object=[], width=np.int64(455))

    item = VHICO(write(tmp_path, {'x': {'a': [one]}}))[0]

    assert item['region_boxes_px'][0].tolist() == [[1.5, 2, 3, 4]]
    assert item['frame_size'] == (455, 256)


@pytest.mark.parametrize(
    ('images', 'message'),
    [
        ([image(1), image(1)], r'a\[1\]: frame 1 comes twice'),
        ([image(1), image(2, width=256)], 'different sizes'),
        ([image(1, path='a/b.jpg')], r'must end in FRAME.jpg'),
        ([image(1, human=[[1, 2, 3]])], 'needs the 4 corners'),
        ([image(1, human='x')], 'must be a list'),
        ([image(1, height=0)], 'a side must be >= 1'),
        ([{'path': '1.jpg'}], 'label is missing'),
        (7, r'peel.a must be a list'),
    ],
)
def test_malformed_annotations_are_named(tmp_path, images, message):
    with pytest.raises(ValueError, match=message):
        len(VHICO(write(tmp_path, {'peel': {'a': images}})))


def test_a_pickle_that_runs_something_is_refused(tmp_path):
    (tmp_path / 'gt_bbox_test.json').write_bytes(b'cos\nsystem\n(S"true"\ntR.')

    with pytest.raises(ValueError, match=r'os\.system'):
        len(VHICO(str(tmp_path)))


def test_unknown_names_show_near_ones(tmp_path):
    root = write(tmp_path, {'peel': {'a': [image(1)]}})

    with pytest.raises(ValueError, match=r"has no 'peal/a'; did you mean peel/a"):
        VHICO(root).video('peal/a')
    with pytest.raises(ValueError, match='did you mean unseen'):
        VHICO(root, 'unsen')
    with pytest.raises(ValueError, match='fps=0'):
        VHICO(root, fps=0)


def test_strings_of_python_2_are_latin_1(tmp_path):
    (tmp_path / 'two.pkl').write_bytes(b'\x80\x02]U\x01\xe9a.')  # ['\xe9'] as Python 2 wrote it

    assert read_pickled(tmp_path / 'two.pkl').value == ['é']
