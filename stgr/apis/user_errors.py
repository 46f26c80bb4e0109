"""One line instead of a traceback, for mistakes that are the user's to mend."""

import os
import sys
from collections.abc import Callable

USER_ERRORS = (ValueError, TypeError, LookupError, OSError, ImportError, FloatingPointError)
DEBUG_VARIABLE = 'STGR_DEBUG'


def run_command(command: Callable[[], object]) -> int:
    """Run a command; turn a mistake of the user into one line on standard error.

    With the environment variable ``STGR_DEBUG=1`` the traceback is shown instead.

    Args:
        command: The work to do.

    Returns:
        The exit status: 0 when it succeeded, 1 for an error, 130 after Ctrl-C.
    """
    try:
        command()
    except USER_ERRORS as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        sys.stderr.write(f'error: {one_line(error)}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        return 130
    return 0


def one_line(error: BaseException) -> str:
    """Return an error's message on one line; its type where there is no message.

    >>> one_line(KeyError('no key a.b'))
    'no key a.b'
    """
    # str() of a KeyError is the repr of its message
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return ' '.join(message.split()) or type(error).__name__
