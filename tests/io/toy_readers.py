"""Readers that fail as decoders do on bad files: for the tests of isolation."""

import os
import signal
import time

from stgr.io.readers import IsolatedReader, PyAVReader
from stgr.registry import VIDEO_READERS


@VIDEO_READERS.register_module('sleeper')
class SleepingReader(PyAVReader):
    """Gives one picture and then sleeps for ever."""

    name = 'sleeper'

    def _decode(self, frame_idx):
        yield from super()._decode(frame_idx[:1])
        time.sleep(10_000)


@VIDEO_READERS.register_module('crasher')
class CrashingReader(PyAVReader):
    """Dies of a memory error after its first picture."""

    name = 'crasher'

    def _decode(self, frame_idx):
        yield from super()._decode(frame_idx[:1])
        os.kill(os.getpid(), signal.SIGSEGV)


@VIDEO_READERS.register_module('dying_scanner')
class DyingScanner(PyAVReader):
    """Ends its process where a file is opened."""

    name = 'dying_scanner'

    def _scan(self):
        os._exit(3)


class Isolated(IsolatedReader):
    """Isolates one of the above, with a limit that a test can wait for."""

    time_limit_sec = 20


class IsolatedSleeper(Isolated):
    decoder, time_limit_sec = 'sleeper', 2


class IsolatedCrasher(Isolated):
    decoder = 'crasher'


class IsolatedDyingScanner(Isolated):
    decoder = 'dying_scanner'
