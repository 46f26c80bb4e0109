"""A user's mistake is one line and a status; a bug of ours keeps its traceback."""

import errno
import subprocess
import sys

import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from stgr.apis.user_errors import one_line, run_command
from stgr.io import VideoError


def _raiser(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (ValueError('first\n  second'), 'error: first second\n'),
        (KeyError('no key a.b'), 'error: no key a.b\n'),
        (FileNotFoundError(2, 'No such file', 'a.json'), 'error: a.json: no such file\n'),
        (PermissionError(13, 'Permission denied', b'/a'), 'error: /a: permission denied\n'),
        (FileNotFoundError('no file x'), 'error: no file x\n'),
        (OSError(errno.ENOSPC, 'could not save x'), 'error: [Errno 28] could not save x\n'),
        (ValueError(), 'error: ValueError\n'),
    ],
)
def test_mistake_is_one_line_and_status_one(error, said, capsys, monkeypatch):
    monkeypatch.delenv('STGR_DEBUG', raising=False)

    assert run_command(_raiser(error)) == 1
    assert capsys.readouterr().err == said


def test_a_warning_is_one_line_without_its_place_in_the_code():
    code = (
        'import warnings; from stgr.apis.user_errors import run_command\n'
        'run_command(lambda: warnings.warn("two\\n  lines"))\n'
        'warnings.warn("later")\n'
    )
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stderr

    assert said.splitlines() == ['NOTE: two lines', '<string>:3: UserWarning: later']


def test_a_lost_process_ends_the_interpreter_before_anything_is_joined_at_exit():
    code = (
        'import atexit; from stgr.apis.user_errors import run_command\n'
        'class LostProcessError(ConnectionError): pass\n'
        'def lose(): print("so far"); raise LostProcessError("rank 1 is gone")\n'
        'atexit.register(print, "joined"); run_command(lose); print("went on")\n'
    )
    ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)

    assert (ended.returncode, ended.stdout) == (1, 'so far\n')
    assert ended.stderr == 'error: rank 1 is gone\n'


def test_success_and_interrupt_have_their_own_status(capsys):
    assert run_command(lambda: None) == 0
    assert run_command(_raiser(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == 'interrupted\n'


def test_bug_and_debugging_keep_the_traceback(monkeypatch):
    with pytest.raises(AssertionError):
        run_command(_raiser(AssertionError('ours')))
    monkeypatch.setenv('STGR_DEBUG', '1')
    with pytest.raises(ValueError, match='seen'):
        run_command(_raiser(ValueError('seen')))


def test_key_error_without_message_still_says_something():
    assert one_line(KeyError()) == 'KeyError'


class FailingDataset:
    """Two items that cannot be read; the reason comes out of another error."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 2

    def __getitem__(self, index):
        try:
            {}['id']
        except KeyError as error:
            raise self.error from error


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (ValueError('video a: no frames\n  in it'), 'video a: no frames in it'),
        (FileNotFoundError(2, 'No such file', 'a.json'), "[Errno 2] No such file: 'a.json'"),
        (VideoError('a.mp4: empty'), 'a.mp4: empty'),
        (KeyError('no key a.b'), 'no key a.b'),
        (ValueError(), 'ValueError'),
    ],
)
def test_mistake_found_by_a_worker_is_the_line_of_the_mistake_alone(error, said, capsys):
    loader = DataLoader(FailingDataset(error), num_workers=1)

    assert run_command(lambda: list(loader)) == 1
    assert capsys.readouterr().err == f'error: {said}\n'


BAD_CONFIGS = {
    'model = dict(\n': "syntax error in line 1: '(' was never closed (model = dict()",
    'a = 1\nb = 2 3\n': 'syntax error in line 2: invalid syntax (b = 2 3)',
    'from mmengine.config import read_base\nwith read_base():\n    from .gone import *\n': 'gone',
}


@pytest.mark.parametrize('text', BAD_CONFIGS)
def test_config_that_is_no_config_is_one_line(text, capsys, tmp_path):
    (tmp_path / 'config.py').write_text(text)

    assert run_command(lambda: Config.fromfile(tmp_path / 'config.py')) == 1

    said = capsys.readouterr().err
    assert said.startswith('error: ')
    assert BAD_CONFIGS[text] in said
    assert said.count('\n') == 1
