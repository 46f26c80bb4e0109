"""A reader that survives videos which hang or crash their decoder."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.isolation import borrow_process
from stgr.io.isolation.messages import Message, timeline_from_message
from stgr.io.pyav_tools import check_file
from stgr.io.timeline_cache import known_timelines
from stgr.io.video_reader import VideoReader
from stgr.io.video_timeline import VideoTimeline
from stgr.registry import VIDEO_READERS


@VIDEO_READERS.register_module('isolated')
class IsolatedReader(VideoReader):
    """Reads as the default reader does, but in another process and with a time limit.

    A file on which the decoder hangs or dies is a ``VideoError`` like any other unreadable file: it
    is counted and named, and the others are read. The process is started once, kept for the next
    video, and replaced after a failure; each process that reads (a worker of a data loader) has its
    own. Pictures come back resized, through a pipe and without pickle. See ``docs/performance.md``
    for the cost. A class of its own makes another choice::

        @VIDEO_READERS.register_module('patient')
        class PatientReader(IsolatedReader):
            name, decoder, time_limit_sec = 'patient', 'decord', 600
    """

    name = 'isolated'
    decoder: ClassVar[str] = 'pyav'
    """Registered name of the reader that decodes."""
    time_limit_sec: ClassVar[float] = 60.0
    """Longest wait for one picture, or for the look through the file before the first one."""

    def _scan(self) -> VideoTimeline:
        check_file(self.path)
        with borrow_process(self.time_limit_sec) as process:
            process.ask(self._command())
            return timeline_from_message(*process.hear(self.path))

    def _shown(self, times_sec: np.ndarray, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        if len(times_sec) == 0:
            return
        size = size or (self.timeline.width, self.timeline.height)
        with borrow_process(self.time_limit_sec) as process:
            command = self._command() | {'size': list(size)}
            process.ask(command, np.asarray(times_sec, np.float64).view(np.int64))
            for _ in times_sec[:-1]:
                _, arrays = process.hear(self.path)
                yield self._checked(arrays, size)
            message, arrays = process.hear(self.path)
            self._timeline = timeline_from_message(message, arrays[1:])
            known_timelines.put(self.path, self._timeline)
        yield self._checked(
            arrays[:1], size
        )  # with the process free again: few ask for what comes after

    def _decode(self, frame_idx: np.ndarray) -> Iterator[np.ndarray]:
        return self._shown(self.timeline.times_sec[frame_idx], None)

    def _command(self) -> Message:
        import_module('stgr.io.readers')
        path = Path(self.path).absolute()
        return {
            'video': str(path),
            'changed': path.stat().st_mtime_ns,
            'reader': self.decoder,
            'module': VIDEO_READERS.module_dict[self.decoder].__module__,
        }

    def _checked(self, arrays: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
        """Return the picture of a message.

        Raises:
            VideoError: If there is none of that size: the process is not to be trusted.
        """
        expected = (size[1], size[0], 3)
        if [array.shape for array in arrays] != [expected]:
            raise VideoError(f'{self.path}: expected a picture of {expected} from the decoder')
        return arrays[0]
