import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from stgr.annotation import read_history
from stgr.cli import main

ROOT = Path(__file__).resolve().parents[2]
POINT = {
    'annotator': 'ann',
    'video': 0,
    'step': 0,
    'second': 1,
    'status': 'point',
    'x': 12,
    'y': 34,
}


@pytest.fixture
def started(kitchen, actions, folder):
    """The command in a process of its own; yields the process and the address it printed."""
    argv = [sys.executable, '-m', 'stgr.cli', 'annotate', str(kitchen)]
    argv += ['--actions', str(actions), '--out', str(folder)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1'}
    process = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored in background
    )
    yield (
        process,
        re.fullmatch(r'Open (http://127\.0\.0\.1:\d+/\S+/)\n', process.stdout.readline())[1],
    )
    process.kill()
    process.wait(10)
    process.stdout.close()


class Address:
    def __init__(self, url):
        self.url = url


def test_a_killed_command_loses_no_answer(started, fetch, kitchen, actions, folder, capfd, work):
    process, url = started
    assert fetch(Address(url), 'save', POINT)[0] == 200

    process.kill()
    process.wait(10)

    assert [answer.point_px for answer in read_history(folder, 'ann', work[0])] == [(12, 34)]
    assert main(['annotate', '--merge', '--out', str(folder)]) == 0
    said = capfd.readouterr().out.splitlines()
    assert said[:5] == [
        'annotators: 1 (ann)',
        'frames: 7, 6 not answered by all',
        'present (at least 1 clicks): 1',
        'corrupt: 0',
        'boxes: 1 (0 lost a shared second)',
    ]
    assert (folder / 'box_anno.json').exists()


def test_ctrl_c_ends_it_and_says_what_comes_next(started):
    process, _ = started

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 0
    assert 'stgr annotate --merge --out' in process.stdout.read()


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        ([], 'give at least one VIDEO and --actions FILE'),
        (['VIDEO'], 'give at least one VIDEO and --actions FILE'),
        (['VIDEO', '--actions', 'nowhere.txt'], 'nowhere.txt'),
        (['nowhere.mp4', '--actions', 'ACTIONS'], 'nowhere.mp4'),
        (['VIDEO', '--actions', 'ACTIONS', '--annotator', '../x'], "annotator '../x' must be"),
        (['VIDEO', '--actions', 'ACTIONS', '--box', 'release'], 'belong to --merge'),
        (['VIDEO', '--merge'], '--merge takes what was clicked'),
        (['--merge'], 'holds no annotations'),
    ],
)
def test_a_mistake_is_one_line(argv, message, kitchen, actions, folder, capfd):
    names = {'VIDEO': str(kitchen), 'ACTIONS': str(actions)}

    status = main(['annotate', '--out', str(folder), *(names.get(word, word) for word in argv)])

    error = capfd.readouterr().err
    assert status == 1
    assert message in error
    assert error.count('\n') == 1


def test_a_frame_size_is_two_numbers(capfd):
    with pytest.raises(SystemExit):
        main(['annotate', '--merge', '--frame-size', '640'])
    assert "expected WxH such as 640x480, got '640'" in capfd.readouterr().err
