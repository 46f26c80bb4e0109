"""The command line: answers for good input, one line for bad input, and never half an answer."""

import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from stgr import __version__
from stgr.cli import main
from stgr.io import load_result


@pytest.fixture
def ask(tiny_model, tiny_video, tmp_path):
    """Return a function that grounds in a video; options replace or add to the usual ones."""
    config, weights = tiny_model

    def run(*videos, **changes):
        options = {'query': 'flip it over', 'out': tmp_path / 'out', 'model': config}
        options |= {'weights': weights, 'device': 'cpu', **changes}
        argv = ['ground', *map(str, videos or (tiny_video,))]
        for name, value in options.items():
            for each in value if isinstance(value, list) else [value]:
                argv += [] if each is None else [f'--{name}', str(each)]
        return main(argv)

    return run


@pytest.fixture
def one_error(capfd, tmp_path):
    """Return a function that checks for one line of error and nothing written; returns the line."""

    def check(status):
        error = capfd.readouterr().err
        assert status == 1
        assert error.startswith('error: ')
        assert error.count('\n') == 1, error
        assert not (tmp_path / 'out').exists()
        return error

    return check


def sound_only(path):
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))


BAD_VIDEOS = {
    'missing': lambda path, video: None,
    'empty': lambda path, video: path.touch(),
    'cut before its index': lambda path, video: path.write_bytes(video.read_bytes()[:200]),
    'no video': lambda path, video: path.write_text('crack an egg'),
    'sound only': lambda path, video: sound_only(path),
    'folder without videos': lambda path, video: path.mkdir(),
}


def test_answer_is_printed_and_left_in_the_folder(ask, capfd, tmp_path):
    assert ask(query=['flip it over', 'crack an egg']) == 0

    said, error = capfd.readouterr()
    assert error == ''
    assert [line.split(':')[0] for line in said.splitlines()[:2]] == [
        '"flip it over"',
        '"crack an egg"',
    ]
    names = {file.name for file in (tmp_path / 'out').iterdir()}
    assert names >= {'result.json', 'overlay.mp4', 'timeline.png', 'report.html'}
    assert len(load_result(tmp_path / 'out').queries) == 2


def test_unreadable_one_of_several_is_named_and_the_status_is_one(ask, capfd, tiny_video, tmp_path):
    bad = tmp_path / 'bad.mp4'
    bad.touch()

    assert ask(tiny_video, bad, threshold=1.5) == 1

    said, error = capfd.readouterr()
    assert f'{bad}: ' in said
    assert '"flip it over": not found (highest similarity ' in said
    assert error == 'error: 1 of 2 videos could not be answered\n'
    assert (tmp_path / 'out' / 'kitchen' / 'report.html').exists()


def test_videos_whose_names_are_no_text_are_answered_and_named(ask, capfd, tiny_video, tmp_path):
    names = [os.fsdecode(b'caf\xe9.mp4'), 'line\nbreak.mp4']
    files = [Path(shutil.copy(tiny_video, tmp_path / name)) for name in names]

    assert ask(*files, threshold=1.5) == 0

    said = capfd.readouterr().out.splitlines()
    assert len(said) == 2 * 2 + 1
    assert said[0].startswith(rf'{tmp_path}/caf\udce9.mp4: "flip it over": not found')
    assert said[2].startswith(f'{tmp_path}/line break.mp4: "flip it over": not found')
    assert r'caf\udce9.mp4' in (tmp_path / 'out' / 'summary.csv').read_text()


@pytest.mark.parametrize('kind', BAD_VIDEOS)
def test_unreadable_video_is_one_line(kind, ask, one_error, tiny_video, tmp_path):
    path = tmp_path / 'input.mp4'
    BAD_VIDEOS[kind](path, tiny_video)

    assert 'input.mp4' in one_error(ask(path))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'query': None}, 'expected at least one query or action, but got none'),
        ({'query': ''}, 'query 1 of 1 is empty'),
        ({'query': ['egg', 'x' * 301]}, 'query 2 has 301 characters'),
        ({'query': ['egg', 'egg']}, 'given more than once'),
        ({'query': 'caf\udce9'}, r"query 1 of 1 is no text in UTF-8: 'caf\udce9'"),
        ({'actions': 'nowhere.txt'}, 'nowhere.txt'),
        ({'model': 'ours_tny'}, "no model 'ours_tny'; did you mean ours_tiny"),
        ({'model': 'nowhere.py'}, 'no config file nowhere.py'),
        ({'weights': None}, 'has no bundled weights'),
        ({'weights': 'nowhere.pth'}, 'no checkpoint nowhere.pth'),
        (
            {'reader': 'vlc'},
            "no video reader 'vlc'; choose one of: decord, isolated",
        ),
        ({'device': 'warp'}, "cannot compute on 'warp'"),
        ({'fps': '0'}, 'rate_fps must be a number > 0'),
        ({'fps': '1e9'}, 'rate_fps must be a number > 0 and at most 1000'),
        ({'threshold': 'nan'}, 'threshold must be a finite number'),
        ({'max-gap': '-1'}, 'max_gap_sec must be finite and >= 0'),
    ],
)
def test_bad_request_is_one_line(changes, message, ask, one_error):
    assert message in one_error(ask(**changes))


def test_weights_of_another_model_name_the_keys(ask, one_error, tiny_model, tmp_path):
    weights = load_file(tiny_model[1])
    weights['other_head.bias'] = weights.pop('global_head.video_proj.bias')
    save_file(weights, tmp_path / 'other.safetensors')

    line = one_error(ask(weights=tmp_path / 'other.safetensors'))

    assert '1 missing (global_head.video_proj.bias); 1 unexpected (other_head.bias)' in line


def test_damaged_weights_are_one_line(ask, one_error, tiny_model, tmp_path):
    (tmp_path / 'cut.safetensors').write_bytes(tiny_model[1].read_bytes()[:500])

    assert 'truncated or damaged' in one_error(ask(weights=tmp_path / 'cut.safetensors'))


def test_folder_for_answers_that_is_a_file_is_one_line(ask, capfd, tmp_path):
    (tmp_path / 'file').touch()

    assert ask(out=tmp_path / 'file') == 1
    assert (
        capfd.readouterr().err == f'error: {tmp_path / "file"} is a file; give a folder for the '
        'answers\n'
    )


def test_pool_of_actions_comes_from_a_file(ask, tmp_path):
    (tmp_path / 'actions.txt').write_text('flip it over\ncrack an egg\n')

    # Twice the highest cosine: nothing is found, so that no overlay has to be painted.
    assert ask(query=None, actions=tmp_path / 'actions.txt', threshold=2) == 0

    result = load_result(tmp_path / 'out')
    assert [answer.query for answer in result.queries] == ['flip it over', 'crack an egg']
    assert result.settings['mode'] == 'actions'


def test_models_are_listed_with_where_their_weights_come_from(capfd):
    assert main(['models']) == 0

    lines = dict(line.split(maxsplit=1) for line in capfd.readouterr().out.splitlines())
    assert lines['ours_clip'].startswith('train it yourself')
    assert lines['ours_tiny'].startswith('travels with the package')
    assert lines['eval/daly'] == 'a config: give --weights FILE if it learns'


def test_features_of_a_config_are_extracted(capfd, tiny_model, tiny_video, tmp_path):
    (tmp_path / 'data' / 'videos').mkdir(parents=True)
    shutil.copy(tiny_video, tmp_path / 'data' / 'videos')
    config = tmp_path / 'config.py'
    config.write_text(
        f'{tiny_model[0].read_text()}'
        'from stgr.datasets.transforms import LoadFeatures\n'
        'feature_fps = 1.0\n'
        f'_load = dict(type=LoadFeatures, store_dir={str(tmp_path / "store")!r})\n'
        f'train_dataloader = dict(dataset=dict(data_root={str(tmp_path / "data")!r}, '
        'pipeline=[_load]))\n'
    )

    assert main(['extract', str(config), '--device', 'cpu']) == 0

    assert capfd.readouterr().out == 'encoded 1 videos\n'
    assert (tmp_path / 'store' / 'kitchen.safetensors').exists()


def test_too_few_videos_to_make_is_one_line(one_error, tmp_path):
    one_error(main(['make-tiny-kitchen', str(tmp_path / 'out'), '--videos', '1']))


def test_version_is_that_of_the_package(capfd):
    with pytest.raises(SystemExit) as caught:
        main(['--version'])

    assert caught.value.code == 0
    assert capfd.readouterr().out == f'stgr {__version__}\n'


@pytest.mark.parametrize('argv', [[], ['grond'], ['ground', 'a.mp4']])
def test_unknown_usage_has_the_status_of_argparse(argv, capfd):
    with pytest.raises(SystemExit) as caught:
        main(argv)

    assert caught.value.code == 2
    assert 'usage: stgr' in capfd.readouterr().err


def test_module_is_the_command():
    said = subprocess.run(
        [sys.executable, '-m', 'stgr', '--version'], capture_output=True, text=True, check=True
    )
    assert said.stdout == f'stgr {__version__}\n'
