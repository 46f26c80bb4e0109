"""Readers that fail as decoders do on bad files: for the tests of isolation."""

import os
import signal
import sys
import time

from stgr.io.isolation.decoding_process import WORKER
from stgr.io.readers import IsolatedReader, PyAVReader
from stgr.registry import VIDEO_READERS


class SleepingReader(PyAVReader):
    """Gives one picture and then sleeps for ever."""

    name = 'sleeper'

    def _decode(self, frame_idx):
        yield from super()._decode(frame_idx[:1])
        time.sleep(10_000)


class CrashingReader(PyAVReader):
    """Dies of a memory error after its first picture."""

    name = 'crasher'

    def _decode(self, frame_idx):
        yield from super()._decode(frame_idx[:1])
        os.kill(os.getpid(), signal.SIGSEGV)


class DyingScanner(PyAVReader):
    """Ends its process where a file is opened."""

    name = 'dying_scanner'

    def _scan(self):
        os._exit(3)


class Isolated(IsolatedReader):
    """Isolates one of the above, with a limit that a test can wait for."""

    time_limit_sec = 20


class IsolatedSleeper(Isolated):
    decoder, time_limit_sec = 'sleeper', 1


class IsolatedCrasher(Isolated):
    decoder = 'crasher'


class IsolatedDyingScanner(Isolated):
    decoder = 'dying_scanner'


class PickyReader(PyAVReader):
    """Sleeps for ever over one file and dies of another; knows them by their names."""

    name = 'picky'

    def _scan(self):
        if 'hangs' in self.path:
            time.sleep(10_000)
        if 'crashes' in self.path:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._scan()


class IsolatedPicky(IsolatedReader):
    """Isolates it, as a user's config may."""

    name, decoder, time_limit_sec = 'isolated_picky', 'picky', 1.5


READERS = (SleepingReader, CrashingReader, DyingScanner, PickyReader, IsolatedPicky)


def register():
    """Add the readers of this file to the registry."""
    for reader in READERS:
        VIDEO_READERS.register_module(reader.name, module=reader)


def forget():
    """Take them out again: other tests list what is registered."""
    for reader in READERS:
        del VIDEO_READERS.module_dict[reader.name]


if sys.modules['__main__'].__spec__ and sys.modules['__main__'].__spec__.name == WORKER:
    register()  # in the decoding process, which only imports this file
