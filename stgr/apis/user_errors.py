"""One line instead of a traceback, for mistakes that are the user's to mend."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

USER_ERRORS = (
    ValueError, TypeError, LookupError, OSError, ImportError, FloatingPointError, SyntaxError,
)  # fmt: skip
USER_ERRORS_BY_NAME = {'ConfigParsingError'}  # MMEngine's, which is not imported for this
LOST_PROCESS = 'LostProcessError'  # of stgr.engine, which is not imported for this
DEBUG_VARIABLE = 'STGR_DEBUG'
WORKER_TRACEBACK = 'Traceback (most recent call last):\n'  # torch puts it into the message


def run_command(command: Callable[[], object]) -> int:
    """Run a command; turn a mistake of the user into one line on standard error.

    Where another process of a distributed job is lost, the interpreter ends here, with status 1.
    With the environment variable ``STGR_DEBUG=1`` the traceback is shown instead. Warnings are one
    line too.

    Args:
        command: The work to do.

    Returns:
        The exit status: 0 when it succeeded, 1 for an error, 130 after Ctrl-C.
    """
    try:
        with _plain_warnings():
            command()
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        return 130
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE) or not is_user_error(error):
            raise
        sys.stderr.write(f'error: {one_line(error)}\n')
        if type(error).__name__ == LOST_PROCESS:
            _end_at_once()
        return 1
    return 0


def _end_at_once() -> None:
    """End with status 1 and leave a group's threads alone: its other half is gone.

    Joined at exit, gloo's threads wait for a process that does not answer and now and then abort.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show what a ``UserWarning`` says, not where in the code it was said."""
    format_warning = warnings.formatwarning

    def format_plainly(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        line: str | None = None,
    ) -> str:  # fmt: skip
        if issubclass(category, UserWarning):
            return f'NOTE: {" ".join(str(message).split())}\n'
        return format_warning(message, category, filename, lineno, line)

    warnings.formatwarning = format_plainly
    try:
        yield
    finally:
        warnings.formatwarning = format_warning


def is_user_error(error: BaseException) -> bool:
    """Return whether an error may be a mistake of the user rather than a bug of ours."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, USER_ERRORS) or bool(names & USER_ERRORS_BY_NAME)


def one_line(error: BaseException) -> str:
    """Return an error's message on one line; its type where there is no message.

    Of an error in a worker of a data loader, whose message is a traceback, it is the last line's.

    >>> one_line(KeyError('no key a.b'))
    'no key a.b'
    """
    return ' '.join(_message(error).split()) or type(error).__name__


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        place = '' if error.filename in (None, '<unknown>') else f' of {error.filename}'
        source = f' ({error.text.strip()})' if error.text else ''
        return f'syntax error in line {error.lineno}{place}: {error.msg}{source}'
    if isinstance(error, OSError) and error.filename and str(error).startswith('[Errno'):
        what = error.strerror or 'cannot be used'
        return f'{os.fsdecode(error.filename)}: {what[:1].lower()}{what[1:]}'
    # str() of a KeyError is the repr of its message
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return _last_message(message) if WORKER_TRACEBACK in message else message


def _last_message(traceback: str) -> str:
    """Return the message of the last error of a traceback, its type where there is no message."""
    lines = traceback.rpartition(WORKER_TRACEBACK)[2].splitlines()
    frames = next((i for i, line in enumerate(lines) if not line.startswith(' ')), len(lines))
    kind, _, message = '\n'.join(lines[frames:]).partition(': ')
    return (message.strip().strip('\'"') if kind == 'KeyError' else message) or kind
