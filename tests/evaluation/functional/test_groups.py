import json
import math

import numpy as np
import pytest

from stgr.evaluation.functional import ClassGroups, read_class_groups, score_groups


def test_each_group_is_scored_on_its_own_frames(make_facts):
    # Frames of a, a, b, background: of a one is right, of b none; before the threshold all of b.
    facts = make_facts('aab-', 'a---', pool='ab', pred_best_labels=np.array([0, 1, 1, 0]))
    scores = score_groups([facts], ClassGroups({'first': frozenset('a'), 'second': frozenset('b')}))
    assert scores['first/label_acc_action'] == 1 / 2
    assert scores['first/label_acc_best'] == 1 / 2
    assert scores['second/label_acc_action'] == 0
    assert scores['second/label_acc_best'] == 1
    assert (scores['first/num_frames'], scores['second/num_frames']) == (2, 1)


def test_frames_of_all_videos_count_once_each(make_facts):
    groups = ClassGroups({'all': frozenset('ab')})
    videos = [make_facts('aaa', 'aaa', pool='ab'), make_facts('b', 'a', pool='ab', video_id='w')]
    assert score_groups(videos, groups)['all/label_acc_action'] == 3 / 4


def test_ceiling_is_a_guess_among_the_pool_entries_that_look_alike(make_facts):
    # c looks like a but only the first video has it in its pool: (1/2 + 1/2 + 1) / 3.
    groups = ClassGroups({'a': frozenset('a')}, [frozenset('ac')])
    videos = [make_facts('aa', 'aa', pool='abc'), make_facts('a', 'a', pool='ab', video_id='w')]
    assert score_groups(videos, groups)['a/frame_ceiling'] == pytest.approx(2 / 3)


def test_what_is_not_known_is_undefined(make_facts):
    scores = score_groups(
        [make_facts('a-', 'a-', pool='ab')],
        ClassGroups({'a': frozenset('a'), 'none': frozenset('z')}),
    )
    assert math.isnan(scores['a/label_acc_best'])
    assert math.isnan(scores['none/label_acc_action'])
    assert scores['none/num_frames'] == 0


def test_groups_are_read_from_json(tmp_path):
    path = tmp_path / 'groups.json'
    path.write_text(json.dumps({'groups': {'x': ['a', 'b']}, 'alike': [['a', 'b']]}))
    groups = read_class_groups(path)
    assert groups.groups == {'x': frozenset('ab')}
    assert groups.alike == (frozenset('ab'),)


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"groups": [1]}'])
def test_other_json_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / 'groups.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'groups\.json: expected \{"groups"'):
        read_class_groups(path)
