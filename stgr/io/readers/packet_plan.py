"""Which packets have to be decoded for a few frames of a video."""

from typing import NamedTuple

import numpy as np

from stgr.io.video_timeline import VideoTimeline


class PacketRun(NamedTuple):
    """Packets decoded without a break: from a key packet to the last one that is needed.

    Args:
        first: Position of the first packet in the file.
        last: Position of the last packet, included.
    """

    first: int
    last: int


def plan_runs(timeline: VideoTimeline, frame_idx: np.ndarray) -> list[PacketRun]:
    """Return the runs of packets that hold the wanted frames and all that these refer to.

    A frame needs its group of pictures from the key packet to its own packet. A frame shown
    before its group's key frame (an open group) refers to the group before as well.

    Args:
        timeline: A timeline that knows its packets.
        frame_idx: Wanted frames, (N,) int64, ascending.

    Returns:
        Runs in file order that neither touch nor overlap.
    """
    assert timeline.packet_idx is not None
    wanted = timeline.packet_idx[frame_idx]  # (N,)
    starts = _group_starts(timeline, wanted, timeline.pts[frame_idx])
    runs: list[PacketRun] = []
    for first, last in sorted(zip(starts.tolist(), wanted.tolist(), strict=True)):
        if runs and first <= runs[-1].last + 1:
            runs[-1] = PacketRun(runs[-1].first, max(runs[-1].last, last))
        else:
            runs.append(PacketRun(first, last))
    return runs


def _group_starts(timeline: VideoTimeline, wanted: np.ndarray, pts: np.ndarray) -> np.ndarray:
    """Return where decoding must start for each wanted packet, (N,) int64."""
    assert timeline.key_packets is not None
    assert timeline.packet_pts is not None
    if len(timeline.key_packets) == 0:
        return np.zeros_like(wanted)
    group = np.searchsorted(timeline.key_packets, wanted, side='right') - 1
    shown_before_key = pts < timeline.packet_pts[timeline.key_packets[np.maximum(group, 0)]]
    group = group - shown_before_key
    return np.where(group < 0, 0, timeline.key_packets[np.maximum(group, 0)])
