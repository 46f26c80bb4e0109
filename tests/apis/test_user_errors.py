"""A user's mistake is one line and a status; a bug of ours keeps its traceback."""

import errno

import pytest

from stgr.apis.user_errors import one_line, run_command


def _raiser(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (ValueError('first\n  second'), 'error: first second\n'),
        (KeyError('no key a.b'), 'error: no key a.b\n'),
        (FileNotFoundError('no file x'), 'error: no file x\n'),
        (OSError(errno.ENOSPC, 'could not save x'), 'error: [Errno 28] could not save x\n'),
        (ValueError(), 'error: ValueError\n'),
    ],
)
def test_mistake_is_one_line_and_status_one(error, said, capsys, monkeypatch):
    monkeypatch.delenv('STGR_DEBUG', raising=False)

    assert run_command(_raiser(error)) == 1
    assert capsys.readouterr().err == said


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
