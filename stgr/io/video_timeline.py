"""When each frame of a video is shown: the one table that all readers share."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# A time computed as start + k / fps may fall an ulp short of the timestamp it means.
TIME_TOLERANCE_SEC = 1e-9


@dataclass(frozen=True, eq=False)
class VideoTimeline:
    """The readable frames of a video in the order they are shown.

    Times are presentation timestamps: a stream that starts late starts at its own time, not at 0,
    unless the whole file starts late (see ``clock_start_sec`` of ``pyav_tools``). All readers look
    frames up here, so the same times mean the same frames in each of them.

    Args:
        pts: Presentation timestamp of each frame in units of ``time_base``, (F,) int64, ascending.
        time_base: Seconds per unit.
        end_sec: Time just after the last frame.
        width: Displayed width in pixels (after rotation).
        height: Displayed height in pixels.
        has_audio: Whether the file has a sound track.
        container: FFmpeg's name of the file format, 'mov,mp4,m4a,3gp,3g2,mj2' for example.
        codec: FFmpeg's name of the decoder, 'h264' for example.
        packet_idx: Position in the file of the packet that holds each frame, (F,) int64; None if
            the packets do not tell (damage, no timestamps): frames are then counted by decoding.
        packet_pts: Timestamps of all packets in file order, (N,) int64; None with ``packet_idx``.
        key_packets: Positions of the packets where decoding may start, (K,) int64; None likewise.
        warnings: Damage that was found, one sentence each.
        zero_pts: Timestamp that is time 0.
    """

    pts: np.ndarray
    time_base: Fraction
    end_sec: float
    width: int
    height: int
    has_audio: bool
    container: str
    codec: str
    packet_idx: np.ndarray | None = None
    packet_pts: np.ndarray | None = None
    key_packets: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    zero_pts: int = 0

    @property
    def times_sec(self) -> np.ndarray:
        """Presentation times, (F,) float64."""
        return ticks_to_sec(self.pts - self.zero_pts, self.time_base)

    @property
    def fps(self) -> float:
        """Average frames per second between the first frame and the end."""
        return len(self.pts) / (self.end_sec - float(self.times_sec[0]))

    def shown_frames(self, times_sec: np.ndarray) -> np.ndarray:
        """Return which frame is on the screen at each time.

        Args:
            times_sec: Times on the presentation clock, (N,).

        Returns:
            Index of the last frame with timestamp <= time, (N,) int64; the first frame before the
            video starts, the last one after it has ended.
        """
        asked_sec = np.asarray(times_sec, np.float64) + TIME_TOLERANCE_SEC
        return np.maximum(np.searchsorted(self.times_sec, asked_sec, side='right') - 1, 0)


def ticks_to_sec(pts: np.ndarray, time_base: Fraction) -> np.ndarray:
    """Return timestamps in seconds, rounded once (multiplying by a float base would round twice).

    Args:
        pts: Timestamps in units of ``time_base``, (N,) int64.
        time_base: Seconds per unit.
    """
    return pts * time_base.numerator / time_base.denominator
