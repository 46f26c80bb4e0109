"""The timelines of the videos that were opened last, for videos that are opened again and again."""

from collections import OrderedDict
from pathlib import Path

from stgr.io.video_timeline import VideoTimeline

MAX_BYTES = 32 * 2**20  # a day of video at 12 frames per second; some hundred short ones
Key = tuple[str, int, int]


class TimelineCache:
    """Remembers timelines of unchanged files up to a number of bytes, the latest used ones.

    Looking through a file costs up to a tenth of reading a clip from it, and for a damaged file
    more than the clip: it is decoded from end to end. Training on several clips of a video, or
    writing an overlay after an answer, does so once.

    Args:
        max_bytes: Most memory of the arrays together.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        # Without a lock, which a forked process might inherit locked: each step below is atomic.
        self._timelines: OrderedDict[Key, VideoTimeline] = OrderedDict()

    def get(self, path: str) -> VideoTimeline | None:
        """Return the timeline of a file, None if it is not known or the file has changed."""
        key = _key(path)
        timeline = None if key is None else self._timelines.pop(key, None)
        if key is not None and timeline is not None:
            self._timelines[key] = timeline  # now the latest
        return timeline

    def put(self, path: str, timeline: VideoTimeline) -> None:
        """Remember a timeline instead of what was known of this file, and forget the oldest."""
        key = _key(path)
        if key is None:
            return
        self._timelines.pop(key, None)
        self._timelines[key] = timeline
        left = self.max_bytes
        for known, kept in reversed(list(self._timelines.items())):
            left -= _size(kept)
            if left < 0:
                self._timelines.pop(known, None)

    def clear(self) -> None:
        """Forget everything."""
        self._timelines.clear()


def _key(path: str) -> Key | None:
    """Return what changes when a file does, None if there is no file."""
    file = Path(path).absolute()
    try:
        facts = file.stat()
    except OSError:
        return None
    return str(file), facts.st_mtime_ns, facts.st_size


def _size(timeline: VideoTimeline) -> int:
    arrays = (timeline.pts, timeline.packet_idx, timeline.packet_pts, timeline.key_packets)
    return sum(array.nbytes for array in arrays if array is not None)


known_timelines = TimelineCache()
"""Those of this process."""
