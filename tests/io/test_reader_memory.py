import ctypes
import gc

import numpy as np
import pytest

from stgr.io import open_video
from stgr.io.timeline_cache import known_timelines

OPENINGS = 300


class Allocated(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns: ten sizes, the eighth the bytes in use."""

    _fields_ = (
        ('first', ctypes.c_size_t * 7),
        ('in_use', ctypes.c_size_t),
        ('last', ctypes.c_size_t * 2),
    )


@pytest.fixture
def bytes_in_use():
    """What C libraries hold: unlike resident memory, it knows nothing of fragments and caches."""
    library = ctypes.CDLL(None)
    if not hasattr(library, 'mallinfo2'):
        pytest.skip('needs glibc 2.33')
    library.mallinfo2.restype = Allocated

    def measure() -> int:
        gc.collect()
        return library.mallinfo2().in_use

    return measure


def read_one_frame(path) -> None:
    known_timelines.clear()
    with open_video(path) as video:
        next(video.stream_at(np.array([0.1, 1.0, 2.0]), size=(8, 8), chunk=1))


def test_passes_left_in_the_middle_leave_no_memory_behind(clips, bytes_in_use):
    for _ in range(50):  # what is loaded once is no leak
        read_one_frame(clips['constant'].path)
    before = bytes_in_use()
    for _ in range(OPENINGS):
        read_one_frame(clips['constant'].path)

    assert (bytes_in_use() - before) / OPENINGS < 50  # a packet and the choice of streams: 160
