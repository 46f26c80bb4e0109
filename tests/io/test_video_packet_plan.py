from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stgr.io import VideoTimeline, open_video
from stgr.io.pyav_tools import decode_each, open_stream, to_rgb
from stgr.io.readers import pyav_reader
from stgr.io.readers.packet_plan import plan_runs
from stgr.io.video_scan import _PacketProbe

# Two groups of four packets: key, then frames stored out of order. In the open form the second
# group's last packet is shown before its key frame and so refers to the first group.
CLOSED = [0, 3, 1, 2, 4, 7, 5, 6]
OPEN = [0, 3, 1, 2, 5, 7, 6, 4]


def timeline_of(packet_pts: list[int]) -> VideoTimeline:
    pts = np.sort(packet_pts)
    return VideoTimeline(
        pts, Fraction(1, 25), end_sec=1, width=2, height=2, has_audio=False,
        container='mp4', codec='h264',
        packet_idx=np.argsort(packet_pts), packet_pts=np.array(packet_pts),
        key_packets=np.array([0, 4]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ('packet_pts', 'frames', 'runs', 'reason'),
    [
        (CLOSED, [0], [(0, 0)], 'a key frame needs itself'),
        (CLOSED, [1], [(0, 2)], 'the third packet needs those before it'),
        (CLOSED, [3], [(0, 1)], 'what follows the wanted packet is not read'),
        (CLOSED, [4], [(4, 4)], 'the first group is left out'),
        (CLOSED, [1, 6], [(0, 2), (4, 7)], 'one run per group'),
        (CLOSED, [2, 4], [(0, 4)], 'runs that touch become one'),
        (OPEN, [4], [(0, 7)], 'shown before its key frame: both groups'),
        (OPEN, [5], [(4, 4)], 'the key frame of an open group needs itself'),
    ],
)
def test_runs_hold_the_wanted_packets_and_what_they_refer_to(packet_pts, frames, runs, reason):
    planned = plan_runs(timeline_of(packet_pts), np.array(frames))

    assert [tuple(run) for run in planned] == runs, reason


def decode_everything(path) -> np.ndarray:
    """The oracle: every frame of the file, nothing left out, (F, H, W, 3)."""
    with open_stream(str(path)) as (container, stream):
        return np.stack([to_rgb(frame) for frame in decode_each(container, stream)])


@pytest.mark.parametrize('name', ['constant', 'open_groups', 'hevc', 'vp9', 'late_mkv'])
def test_sparse_reading_is_bit_identical_to_decoding_everything(name, clips):
    clip, generator = clips[name], np.random.default_rng(3)
    everything = decode_everything(clip.path)

    with open_video(clip.path) as video:
        for count in (1, 1, 2, 5, 20):
            wanted = np.sort(generator.choice(len(everything), count, replace=False))
            np.testing.assert_array_equal(video.read_at(clip.times_sec[wanted]), everything[wanted])
        assert video.timeline.packet_idx is not None  # never fell back to decoding it all


@pytest.mark.parametrize('seek_gap', [pyav_reader.SEEK_GAP, 1, 10_000])
def test_far_apart_frames_are_the_same_with_and_without_seeking(
    seek_gap, long_clip, read_numbers, monkeypatch
):
    monkeypatch.setattr(pyav_reader, 'SEEK_GAP', seek_gap)
    wanted = [0, 49, 50, 612, 613, 1300, 1499]

    with open_video(long_clip.path) as video:
        assert read_numbers(video.read_at(long_clip.times_sec[wanted])) == wanted
        assert video.timeline.packet_idx is not None


def test_frames_nobody_refers_to_are_not_decoded(long_clip):
    with open_video(long_clip.path) as video:
        timeline = video.timeline
    every_second = np.arange(0, 1500, 25)
    runs = plan_runs(timeline, every_second)

    decoded = pyav_reader._decode_runs(
        str(long_clip.path), timeline, runs, set(timeline.pts[every_second].tolist())
    )

    planned = sum(run.last - run.first + 1 for run in runs)
    assert planned < 900  # half of each group of 50, and a little
    assert sum(1 for _ in decoded) < 0.5 * planned


@pytest.mark.parametrize('name', ['constant', 'open_groups', 'hevc'])
def test_the_look_through_a_file_decodes_its_first_picture_only(name, clips):
    with open_stream(str(clips[name].path)) as (container, stream):
        probe = _PacketProbe(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        probe.look_at(packets[0])

        assert stream.codec_context.skip_frame == 'ALL'
        assert probe.first_frame().pts == packets[0].pts


def open_files() -> int:
    return len(list(Path('/proc/self/fd').iterdir()))


@pytest.mark.skipif(not Path('/proc/self/fd').is_dir(), reason='needs /proc')
def test_no_file_stays_open_when_a_stream_is_left_early(clips):
    before = open_files()
    for _ in range(20):
        with open_video(clips['constant'].path) as video:
            next(video.stream_at(np.arange(0, 2, 0.04), chunk=4))
    assert open_files() <= before + 1
