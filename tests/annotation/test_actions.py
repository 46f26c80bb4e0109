import json

import pytest

from stgr.annotation.actions import read_steps


@pytest.fixture
def write(tmp_path):
    def write_file(content, name='actions.txt'):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write_file


def ends(steps):
    return [(step.name, step.first_sec, step.last_sec, step.timed) for step in steps]


def test_a_name_per_line_is_looked_for_in_every_second(write):
    steps = read_steps(write('crack egg\n\nstir\ncrack egg\n'), {'v': 6.2, 'w': 6.0})

    # Second 6 begins before 6.2 s but not before 6.0 s.
    assert ends(steps['v']) == [('crack egg', 0, 6, False), ('stir', 0, 6, False)]
    assert ends(steps['w'])[0] == ('crack egg', 0, 5, False)


def test_lines_may_say_where_to_look(write):
    steps = read_steps(write('0-2 crack egg\n2-99 stir 3 eggs\n'), {'v': 6.0})

    assert ends(steps['v']) == [('crack egg', 0, 2, True), ('stir 3 eggs', 2, 5, True)]


def test_json_is_that_of_the_released_segments(write):
    path = write({'v': [{'segment': [1, 3], 'id': 0, 'sentence': 'stir_pan'}], 'x': []}, 'a.json')

    assert ends(read_steps(path, {'v': 6.0})['v']) == [('stir pan', 1, 3, True)]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'names no action'),
        ('1-2 stir\ncrack egg', r'actions.txt:2: expected "first-last action"'),
        ('3-2 stir', r'actions.txt:1: expected'),
        ('7-9 stir', "'stir' begins at second 7, but video v ends after second 5"),
    ],
)
def test_malformed_text_is_named(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_steps(write(content), {'v': 6.0})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({}, "no steps of video 'v'"),
        ([], "no steps of video 'v'"),
        ({'v': [{'segment': [3, 1], 'sentence': 'x'}]}, r'v\[0\] needs a name'),
        ({'v': [{'segment': [1, 2], 'sentence': ' '}]}, r'v\[0\] needs a name'),
        ({'v': [{'segment': [1, 2]}]}, 'sentence is missing'),
    ],
)
def test_malformed_json_is_named(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_steps(write(content, 'a.json'), {'v': 6.0})


def test_times_for_several_videos_need_json(write):
    with pytest.raises(ValueError, match='for 2 videos; use JSON'):
        read_steps(write('1-2 stir'), {'v': 6.0, 'w': 6.0})


def test_what_is_no_text_is_said(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='no UTF-8 text'):
        read_steps(tmp_path / 'a.txt', {'v': 6.0})
