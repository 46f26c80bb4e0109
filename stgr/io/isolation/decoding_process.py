"""A process that decodes for this one, kept for the next video and replaced when it fails."""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.isolation.messages import Message, receive, send

WORKER = 'stgr.io.isolation.decoding_worker'
MAX_IDLE = 1
START_LIMIT_SEC = 120.0


class DecodingProcess:
    """A running worker; not for two videos at the same time.

    Args:
        limit_sec: Longest wait for one picture.
    """

    def __init__(self, limit_sec: float) -> None:
        self.limit_sec = limit_sec
        path = os.pathsep.join([entry or str(Path.cwd()) for entry in sys.path])
        self._process = subprocess.Popen(
            [sys.executable, '-m', WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {'PYTHONPATH': path},
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        receive(self._answers, START_LIMIT_SEC)  # that it is there: starting takes from no limit

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ask(self, message: Message, *arrays: np.ndarray) -> None:
        """Send a command.

        Raises:
            VideoError: If the process is gone.
        """
        try:
            send(self._commands, message, arrays)
        except OSError as error:
            raise VideoError(self._epitaph(message['video'])) from error

    def hear(self, path: str) -> tuple[Message, list[np.ndarray]]:
        """Wait for one answer about a video.

        Raises:
            VideoError: If none comes in time, the process dies, or the video cannot be read.
            ImportError: If a package is missing.
        """
        try:
            message, arrays = receive(self._answers, self.limit_sec)
        except TimeoutError as error:
            raise VideoError(
                f'{path}: the decoder gave nothing for {self.limit_sec:g} s and was stopped; copy '
                'or download the file again, or raise the time limit'
            ) from error
        except EOFError as error:
            raise VideoError(self._epitaph(path)) from error
        if 'error' not in message:
            return message, arrays
        if message['error'] == 'ImportError':
            raise ImportError(message['message'])
        text = str(message['message']).replace(str(Path(path).absolute()), path)
        if not message['error'].startswith('Video'):
            text = f'{path}: {message["error"]}: {text}'
        raise VideoError(text)

    def _epitaph(self, path: str) -> str:
        """Return what a process died of."""
        code = self._process.wait()
        cause = f'exit status {code}'
        if code < 0:
            cause = f'{signal.Signals(-code).name}, its own doing or for want of memory'
        return f'{path}: the decoder died ({cause}); copy or download the file again'

    def stop(self) -> None:
        """Kill the process, which may hang."""
        self._process.kill()
        self._process.communicate()


_idle: list[DecodingProcess] = []
_owner = os.getpid()


@contextmanager
def borrow_process(limit_sec: float) -> Iterator[DecodingProcess]:
    """Hand out a process, one that is idle if there is, and keep it afterwards if all went well."""
    process = _take() or DecodingProcess(limit_sec)
    process.limit_sec = limit_sec
    try:
        yield process
    except BaseException:  # also a reader who does not want the rest
        process.stop()
        raise
    _keep(process)


def _take() -> DecodingProcess | None:
    """Return an idle process, None if there is none; without a lock, which a fork might keep."""
    global _owner
    if _owner != os.getpid():  # after a fork: they belong to the parent
        _idle.clear()
        _owner = os.getpid()
    try:
        return _idle.pop()
    except IndexError:
        return None


def _keep(process: DecodingProcess) -> None:
    if len(_idle) < MAX_IDLE:
        _idle.append(process)
    else:
        process.stop()


@atexit.register
def _stop_idle() -> None:
    while process := _take():
        process.stop()
