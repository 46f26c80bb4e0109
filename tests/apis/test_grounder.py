"""The Python door: ask, save, and find videos."""

from pathlib import Path

import pytest

from stgr.apis.grounder import Grounder, find_videos
from stgr.io import load_result


def test_file_and_encoded_video_get_the_same_answer(door, tiny_video):
    from_file = door.ground(tiny_video, queries=['flip it over'])
    with door.encode(tiny_video) as encoded:
        from_encoded = door.ground(encoded, queries=['flip it over'])

    assert from_file.queries[0].spans == from_encoded.queries[0].spans
    assert from_file.queries[0].found


def test_queries_and_actions_are_two_modes(door, tiny_video):
    with door.encode(tiny_video) as encoded:
        alone = door.ground(encoded, queries=['flip it over'])
        pool = door.ground(encoded, actions=['flip it over', 'fry the pancake'])

    assert (alone.settings['mode'], pool.settings['mode']) == ('queries', 'actions')


@pytest.mark.parametrize(
    ('asked', 'given'),
    [({}, 'neither'), ({'queries': ['a'], 'actions': ['b']}, 'both'), ({'queries': []}, 'neither')],
)
def test_exactly_one_kind_of_question_is_expected(asked, given, door, tiny_video):
    with pytest.raises(ValueError, match=f'expected queries or a pool of actions.*{given}'):
        door.ground(tiny_video, **asked)


@pytest.mark.parametrize('asked', ['cut', ['cut', 3]])
@pytest.mark.parametrize('kind', ['queries', 'actions'])
def test_one_text_is_not_taken_for_its_letters(asked, kind, door, tiny_video):
    with pytest.raises(TypeError, match=r"expected a list of texts to look for, but got \[?'cut'"):
        door.ground(tiny_video, **{kind: asked})


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ({'rate_fps': 0}, 'rate_fps must be a number > 0'),
        ({'rate_fps': float('nan')}, 'rate_fps'),
        ({'threshold': float('nan')}, 'threshold must be a finite number'),
        ({'min_duration_sec': -1}, 'min_duration_sec must be finite and >= 0'),
        ({'max_gap_sec': float('inf')}, 'max_gap_sec'),
    ],
)
def test_bad_numbers_are_refused_before_any_video_is_encoded(setting, message, tiny_model):
    config, weights = tiny_model

    with pytest.raises(ValueError, match=message):
        Grounder(config, weights=weights, **setting)


def test_the_rate_is_what_is_given_then_the_configs_then_two(tiny_model, tmp_path):
    config, weights = tiny_model
    slow = tmp_path / 'slow.py'
    slow.write_text(config.read_text() + 'ground_fps = 0.5\n')

    def rate(*model, **given):
        return Grounder(*model, weights=weights, **given).inferencer.rate_fps

    assert (rate(slow, rate_fps=3), rate(slow), rate(config)) == (3, 0.5, 2)


def test_saving_leaves_the_four_files_and_the_result_comes_back(door, tiny_video, tmp_path):
    result = door.ground(tiny_video, queries=['flip it over'])

    folder = door.save(result, tmp_path / 'new' / 'answer')

    names = {file.name for file in folder.iterdir()}
    assert names >= {'result.json', 'overlay.mp4', 'timeline.png', 'report.html'}
    assert not [name for name in names if name.startswith('.')]
    assert load_result(folder).queries[0].spans == result.queries[0].spans


def test_videos_of_folders_are_found_by_ending_in_order_of_name(tmp_path):
    for name in ('b.MP4', 'a.mkv', 'c.webm/c.webm', 'notes.txt', '.hidden.mp4'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = list(find_videos([tmp_path, 'named.anything']))

    assert [file.name for file in found] == ['a.mkv', 'b.MP4', 'c.webm', 'named.anything']


def test_a_video_named_twice_is_found_once(tmp_path, monkeypatch):
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'egg.mp4').touch()
    monkeypatch.chdir(tmp_path)

    found = list(find_videos(['sub/egg.mp4', tmp_path, 'sub/../sub', 'gone.mp4', 'gone.mp4']))

    assert found == [Path('sub/egg.mp4'), Path('gone.mp4')]


def test_overlays_of_earlier_answers_are_no_videos_unless_named(tmp_path):
    answer = tmp_path / 'answers' / 'kitchen'
    answer.mkdir(parents=True)
    for name in ('overlay.mp4', 'result.json'):
        (answer / name).touch()
    (tmp_path / 'overlay.mp4').touch()  # somebody's video of this name

    assert list(find_videos([tmp_path])) == [tmp_path / 'overlay.mp4']
    assert list(find_videos([answer / 'overlay.mp4'])) == [answer / 'overlay.mp4']


def test_query_that_the_model_cannot_read_to_its_end_is_refused_before_the_video_is_opened(door):
    with pytest.raises(ValueError, match=r"'flip it flip it .*tokens longer than the model reads"):
        door.ground('nowhere.mp4', queries=['flip it ' * 20])
