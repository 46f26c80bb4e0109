"""The default reader: PyAV, decoding no more packets than the wanted frames need."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from stgr.io.errors import VideoError
from stgr.io.pyav_tools import (
    PER_PACKET_CODECS,
    decode_each,
    demux,
    drain,
    import_av,
    open_stream,
    to_rgb,
)
from stgr.io.readers.packet_plan import PacketRun, plan_runs
from stgr.io.timeline_cache import known_timelines
from stgr.io.video_reader import VideoReader
from stgr.io.video_scan import scan_frames
from stgr.io.video_timeline import VideoTimeline
from stgr.registry import VIDEO_READERS

SEEK_GAP = 500  # packets: reading past fewer costs less than a seek in most containers


@VIDEO_READERS.register_module('pyav')
class PyAVReader(VideoReader):
    """Reads with PyAV in one thread, bit-identical to decoding everything.

    Three things are not decoded: whole groups of pictures without a wanted frame, what follows
    the last wanted frame of a group, and frames in between to which no other frame refers.
    Where decoding then does not deliver what the packets promised, the file is damaged: it is
    decoded once from end to end to learn which frames are readable, and the rest is read so.
    """

    name = 'pyav'

    def _decode(self, frame_idx: np.ndarray) -> Iterator[np.ndarray]:
        timeline = self.timeline
        delivered = 0
        if timeline.packet_idx is not None:
            try:
                for frame in _decode_planned(self.path, timeline, frame_idx):
                    yield to_rgb(frame)
                    delivered += 1
                return
            except _BrokenPromiseError:
                self._timeline = scan_frames(self.path)
                known_timelines.put(self.path, self._timeline)
                frame_idx = self.timeline.shown_frames(timeline.times_sec[frame_idx])
        for frame in _decode_counting(self.path, frame_idx[delivered:]):
            yield to_rgb(frame)


class _BrokenPromiseError(Exception):
    """Decoding did not deliver the frames that the packets announced."""


def _decode_counting(path: str, frame_idx: np.ndarray) -> Iterator[Any]:
    """Decode everything from the start and yield the frames at ascending positions (N,)."""
    with open_stream(path) as (container, stream):
        wanted = iter(frame_idx.tolist())
        position = next(wanted, None)
        for count, frame in enumerate(decode_each(container, stream)):
            while position == count:
                yield frame
                position = next(wanted, None)
            if position is None:
                return
    raise VideoError(f'{path}: frame {position} is gone; do not change the file while it is read')


def _decode_planned(path: str, timeline: VideoTimeline, frame_idx: np.ndarray) -> Iterator[Any]:
    """Decode the planned packets and yield the frames at ascending unique positions (N,).

    Raises:
        _BrokenPromiseError: If a packet does not decode, or frames are missing or out of order.
    """
    wanted = timeline.pts[frame_idx].tolist()
    position = 0
    for frame in _decode_runs(path, timeline, plan_runs(timeline, frame_idx), set(wanted)):
        if position == len(wanted):
            return
        if frame.pts is None or frame.is_corrupt or frame.pts > wanted[position]:
            raise _BrokenPromiseError
        if frame.pts == wanted[position]:
            yield frame
            position += 1
    if position < len(wanted):
        raise _BrokenPromiseError


def _decode_runs(
    path: str, timeline: VideoTimeline, runs: list[PacketRun], wanted: set[int]
) -> Iterator[Any]:
    """Decode runs of packets, leaving out unreferenced frames that are not wanted."""
    av = import_av()
    with open_stream(path) as (container, stream):
        packets = _PacketSource(container, stream, timeline)
        decoder = stream.codec_context
        may_skip = decoder.name in PER_PACKET_CODECS
        for run in runs:
            for packet in packets.take(run):
                if may_skip:
                    decoder.skip_frame = 'DEFAULT' if packet.pts in wanted else 'NONREF'
                try:
                    frames = decoder.decode(packet)
                except av.FFmpegError as error:
                    raise _BrokenPromiseError from error
                yield from frames
            yield from drain(decoder)


class _PacketSource:
    """Hands out packets by their position in the file, seeking over long gaps."""

    def __init__(self, container: Any, stream: Any, timeline: VideoTimeline) -> None:
        self._container, self._stream, self._timeline = container, stream, timeline
        self._packets: Iterator[Any] = demux(container, stream)
        self._next = 0

    def take(self, run: PacketRun) -> Iterator[Any]:
        """Yield the packets of a run; runs must be taken in file order."""
        if run.first - self._next > SEEK_GAP:
            self._seek(run.first)
        for packet in self._packets:
            position, self._next = self._next, self._next + 1
            if position >= run.first:
                yield packet
            if position == run.last:
                return

    def _seek(self, key_packet: int) -> None:
        """Move close to a key packet, at worst back to the start of the file."""
        assert self._timeline.packet_pts is not None
        key_pts = int(self._timeline.packet_pts[key_packet])
        for target_pts in (key_pts, int(self._timeline.packet_pts.min())):
            self._container.seek(target_pts, stream=self._stream)
            packets = demux(self._container, self._stream)
            landed = next(packets, None)
            position = self._position_of(landed)
            if position is not None and position <= key_packet:
                self._packets, self._next = chain([landed], packets), position
                return
        raise _BrokenPromiseError

    def _position_of(self, packet: Any) -> int | None:
        """Return the file position of a packet by its timestamp, None unless it is unique."""
        if packet is None or packet.pts is None:
            return None
        positions = np.flatnonzero(self._timeline.packet_pts == packet.pts)
        return int(positions[0]) if len(positions) == 1 else None
