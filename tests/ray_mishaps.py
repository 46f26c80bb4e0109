"""A model whose process is killed while it encodes; workers of a Ray cluster import it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from stgr.models.grounders import SpatioTemporalGrounder
from stgr.registry import MODELS


@MODELS.register_module()
class MortalGrounder(SpatioTemporalGrounder):
    """Notes its process in ``folder/encoded`` per video; dies for each file ``folder/death*``.

    Args:
        folder: Folder of these files.
        at_video: Which of a process's videos it dies at, counted from 1.
        meet: How many processes must have begun before any goes on.
        **parts: Of the grounder.
    """

    def __init__(self, folder, at_video=1, meet=1, **parts):
        super().__init__(**parts)
        self.folder = Path(folder)
        self.at_video = at_video
        self.meet = meet
        self.num_videos = 0

    def encode_frames(self, pixels, mask):
        """Encode; the videos of the tests have one chunk of frames each."""
        self.num_videos += 1
        with (self.folder / 'encoded').open('a') as file:
            file.write(f'{os.getpid()}\n')
        end = time.monotonic() + 150  # a busy machine starts slowly
        while len(self.workers()) < self.meet and time.monotonic() < end:
            time.sleep(0.02)
        if self.num_videos == self.at_video:
            for order in self.folder.glob('death*'):
                with suppress(FileNotFoundError):  # another process was faster
                    order.unlink()
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_frames(pixels, mask)

    def workers(self):
        return set((self.folder / 'encoded').read_text().split())
