"""Reading a video's timeline: from its packets if it is healthy, by decoding it all if not."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.pyav_tools import (
    PER_PACKET_CODECS,
    clock_start_sec,
    decode_each,
    demux,
    drain,
    import_av,
    open_stream,
    quarter_turns,
)
from stgr.io.video_timeline import VideoTimeline

FALLBACK_FPS = 25  # for a lone frame in a file that states no rate


def scan_video(path: str) -> VideoTimeline:
    """Return the timeline of a video.

    A healthy file costs one pass over its packets and the decoding of one frame. A file whose
    packets are damaged, missing, or without usable timestamps is decoded once from end to end.

    Args:
        path: The file.

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If no frame can be read.
    """
    timeline = scan_packets(path)
    return timeline if timeline is not None else scan_frames(path)


def scan_packets(path: str) -> VideoTimeline | None:
    """Return the timeline that the packets tell, or None if they cannot be trusted."""
    with open_stream(path) as (container, stream):
        probe = _PacketProbe(stream)
        packets = []
        for packet in demux(container, stream):
            probe.look_at(packet)
            packets.append((packet.pts, packet.duration, packet.is_keyframe, packet.is_discard))
        frame = probe.first_frame()
        if not probe.healthy or frame is None or _unordered_by_design(container, stream):
            return None
        timeline = _timeline_of_packets(packets, frame, container, stream)
        return None if _missing_end(timeline.end_sec, timeline.fps, container, stream) else timeline


def scan_frames(path: str) -> VideoTimeline:
    """Return the timeline of the frames that decoding delivers, with what is damaged.

    Raises:
        VideoError: If decoding delivers no frame at all.
    """
    damaged_sec: list[float | None] = []
    with open_stream(path) as (container, stream):
        frames = [
            (frame.pts, frame.duration, *_shown_size(frame))
            for frame in decode_each(container, stream, damaged_sec)
        ]
        if not frames:
            raise VideoError(f'{path}: no frame can be decoded; copy or download the file again')
        pts, durations, widths, heights = zip(*frames, strict=True)
        ticks = np.sort(_fill_missing_pts(pts, stream))
        zero_pts = _zero_pts(container, stream)
        end_sec = _end_sec(ticks - zero_pts, durations[-1], stream)
        fps = len(ticks) / (end_sec - float((ticks[0] - zero_pts) * stream.time_base))
        return VideoTimeline(
            ticks,
            stream.time_base,
            end_sec,
            width=widths[0],
            height=heights[0],
            has_audio=bool(container.streams.audio),
            container=container.format.name,
            codec=stream.codec_context.name,
            warnings=(
                *_describe_damage(damaged_sec, len(frames), end_sec, container),
                *_missing_end(end_sec, fps, container, stream),
            ),
            zero_pts=zero_pts,
        )


class _PacketProbe:
    """Looks at packets in file order: decodes the first frame, then only splits packets.

    Told to skip all frames, a decoder of ``PER_PACKET_CODECS`` still splits each packet into
    units and so notices most damage at a fraction of the cost of decoding.
    """

    def __init__(self, stream: Any) -> None:
        self._frame: Any = None
        self._started = False
        self.healthy = True
        self._decoder = stream.codec_context
        self._splits = self._decoder.name in PER_PACKET_CODECS

    def look_at(self, packet: Any) -> None:
        if packet.pts is None or packet.is_corrupt:
            self.healthy = False
        if not self.healthy or (self._frame is not None and not self._splits):
            return
        starts, self._started = not self._started, True
        try:
            frames = self._decoder.decode(packet)
        except import_av().FFmpegError:
            self.healthy = False
            return
        if starts and packet.is_keyframe:  # needs no other: do not wait for those held back
            frames = frames or drain(self._decoder)
        if frames and self._frame is None:
            self._frame = frames[0]
            self._decoder.skip_frame = 'ALL'

    def first_frame(self) -> Any:
        """Return the first frame; a very short video gives it only when asked for the rest."""
        return self._frame or next(iter(drain(self._decoder)), None)


def _unordered_by_design(container: Any, stream: Any) -> bool:
    """Return whether packets carry decoding times only: AVI knows no presentation times."""
    return container.format.name == 'avi' and stream.codec_context.has_b_frames


def _timeline_of_packets(
    packets: Sequence[tuple[int, int | None, bool, bool]], frame: Any, container: Any, stream: Any
) -> VideoTimeline:
    """Return the timeline of healthy packets (pts, duration, is key, is discarded)."""
    packet_pts = np.array([packet[0] for packet in packets], np.int64)
    shown = np.flatnonzero([not packet[3] for packet in packets])
    pts, first = np.unique(packet_pts[shown], return_index=True)
    packet_idx = shown[first]
    width, height = _shown_size(frame)
    zero_pts = _zero_pts(container, stream)
    return VideoTimeline(
        pts,
        stream.time_base,
        _end_sec(pts - zero_pts, packets[packet_idx[-1]][1], stream),
        width=width,
        height=height,
        has_audio=bool(container.streams.audio),
        container=container.format.name,
        codec=stream.codec_context.name,
        packet_idx=packet_idx,
        packet_pts=packet_pts,
        key_packets=np.flatnonzero([packet[2] for packet in packets]),
        zero_pts=zero_pts,
    )


def _shown_size(frame: Any) -> tuple[int, int]:
    """Return displayed width and height of a decoded frame in pixels."""
    if quarter_turns(frame) % 2:
        return frame.height, frame.width
    return frame.width, frame.height


def _fill_missing_pts(pts: Sequence[int | None], stream: Any) -> np.ndarray:
    """Return timestamps, (F,) int64; frames without one follow at the stated average rate."""
    step = _frame_ticks(stream)
    ticks: list[int] = []
    for stamp in pts:
        following = ticks[-1] + step if ticks else 0
        ticks.append(following if stamp is None else stamp)
    return np.array(ticks, np.int64)


def _zero_pts(container: Any, stream: Any) -> int:
    """Return the timestamp of the stream that is time 0."""
    return int(clock_start_sec(container) / stream.time_base)


def _end_sec(pts: np.ndarray, last_duration: int | None, stream: Any) -> float:
    """Return when the last frame leaves the screen: its duration, else the usual gap."""
    gap = last_duration or (int(np.median(np.diff(pts))) if len(pts) > 1 else 0)
    return float((int(pts[-1]) + (gap or _frame_ticks(stream))) * stream.time_base)


def _frame_ticks(stream: Any) -> int:
    """Return the stated time between frames in units of the stream's time base, at least 1."""
    rate = Fraction(stream.average_rate or stream.guessed_rate or FALLBACK_FPS)
    return max(round(1 / (rate * stream.time_base)), 1)


def _describe_damage(
    damaged_sec: Sequence[float | None], readable: int, end_sec: float, container: Any
) -> tuple[str, ...]:
    """Return a sentence on the packets before the end that did not decode, () if all did."""
    start_sec = float(clock_start_sec(container))
    times = [raw_sec - start_sec for raw_sec in damaged_sec if raw_sec is not None]
    if not damaged_sec or (times and min(times) >= end_sec):
        return ()  # half a frame where the file stops is no hole in the video
    since = f'damaged after {min(times):.1f} s' if times else 'damaged'
    lost = len(damaged_sec)
    return (
        f'{since}: {lost} of {lost + readable} frames cannot be read (the frame before stands in '
        'for each) and those that follow may show traces of it',
    )


def _missing_end(end_sec: float, fps: float, container: Any, stream: Any) -> tuple[str, ...]:
    """Return a sentence if the file stops well before its header says, else ()."""
    promised_sec = _promised_end_sec(container, stream)
    if promised_sec is None or end_sec >= promised_sec - max(0.5, 3 / fps):
        return ()
    return (
        f'damaged after {end_sec:.1f} s: the header promises {promised_sec:.1f} s, the rest of '
        'the pictures is missing',
    )


def _promised_end_sec(container: Any, stream: Any) -> float | None:
    """Return the end of the video stream by the header, None if it does not say."""
    zero_sec = clock_start_sec(container)
    start = (stream.start_time or 0) * stream.time_base - zero_sec
    if stream.duration is not None:
        return float(start + stream.duration * stream.time_base)
    tag = stream.metadata.get('DURATION', '')  # Matroska: hours:minutes:seconds
    if tag.count(':') == 2:
        hours, minutes, seconds = tag.split(':')
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - float(zero_sec)
    if container.duration is not None and not container.streams.audio:
        return container.duration / import_av().time_base
    return None
