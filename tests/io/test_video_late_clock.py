"""Recordings whose clock starts hours after 0 are read on the clock that players show."""

from fractions import Fraction

import av
import numpy as np
import pytest

from stgr.io import open_video, write_video
from stgr.io.pyav_tools import clock_start_sec, decode_each, open_stream
from stgr.io.video_scan import scan_frames


@pytest.fixture
def shifted(tmp_path):
    """Copies the streams of a file with all times later."""

    def copy(source, name, **later_sec):
        """Shift video and audio by ``video`` and ``audio`` seconds."""
        target = tmp_path / name
        with av.open(source) as given, av.open(target, 'w') as output:
            copies = {
                stream: output.add_stream_from_template(stream)
                for stream in given.streams
                if stream.type in later_sec
            }
            for packet in given.demux(list(copies)):
                if packet.dts is not None:
                    later = round(later_sec[packet.stream.type] / packet.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = copies[packet.stream]
                    output.mux(packet)
        return target

    return copy


@pytest.mark.parametrize('suffix', ['ts', 'mkv', 'mp4'])
def test_a_recording_that_starts_at_ten_hours_is_read_from_zero(
    suffix, clips, shifted, read_numbers
):
    path = shifted(clips['constant'].path, f'broadcast.{suffix}', video=36_000)
    times_sec = np.arange(60) / 25

    with open_video(path) as video:
        facts, timeline = video.facts(), video.timeline
        numbers = read_numbers(video.read_at(times_sec + 0.01))

    np.testing.assert_allclose(timeline.times_sec, times_sec, atol=1e-6)
    assert facts.duration_sec == pytest.approx(2.4)
    assert facts.fps == pytest.approx(25)
    assert facts.warnings == ()
    assert numbers == list(range(60))
    np.testing.assert_array_equal(scan_frames(str(path)).times_sec, timeline.times_sec)


def test_damage_in_a_late_recording_is_told_on_the_same_clock(clips, shifted):
    path = shifted(clips['constant'].path, 'broadcast.mkv', video=36_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])

    with open_video(path) as video:
        facts = video.facts()

    assert 0.8 < facts.duration_sec < 2
    assert facts.warnings[-1].startswith(f'damaged after {facts.duration_sec:.1f} s: the header')


@pytest.mark.parametrize(
    ('video_sec', 'audio_sec', 'start_sec', 'reason'),
    [
        (36_000, 36_000, 36_000, 'both start late: players count from there'),
        (36_000.5, 36_000, 36_000, 'pictures half a second after the sound stay so'),
        (20, 0, 0, 'the sound starts at 0: pictures are shown late'),
        (9, 9, 0, 'a start of up to ten seconds is kept'),
    ],
)
def test_the_clock_starts_where_sound_and_pictures_both_start_late(
    video_sec, audio_sec, start_sec, reason, sound_clip, shifted
):
    path = shifted(sound_clip, 'sound.mkv', video=video_sec, audio=audio_sec)

    with open_stream(str(path)) as (container, _):
        clock_sec = clock_start_sec(container)
    with open_video(path) as video:
        first_sec = video.timeline.times_sec[0]

    # AAC begins 0.02 s before the first sample that counts.
    assert float(clock_sec) == pytest.approx(start_sec, abs=0.03), reason
    assert first_sec == pytest.approx(video_sec - float(clock_sec), abs=0.03)


def test_sound_alone_keeps_its_clock(opus_file):
    with av.open(opus_file) as container:
        assert clock_start_sec(container) == Fraction(0)


def test_of_a_damaged_packet_only_its_time_is_kept(damaged):
    lost_sec = []
    with open_stream(str(damaged['bitten_constant'])) as (container, stream):
        readable = list(decode_each(container, stream, lost_sec))

    assert len(readable) == 59
    assert [type(time_sec) for time_sec in lost_sec] == [float]
    assert lost_sec == [pytest.approx(1.8, abs=0.1)]


@pytest.mark.parametrize('suffix', ['ts', 'mkv'])
def test_sound_of_a_late_recording_is_written_from_zero(
    suffix, sound_clip, shifted, make_frame, tmp_path
):
    late = shifted(sound_clip, f'broadcast.{suffix}', video=36_000, audio=36_000)
    path = tmp_path / 'overlay.mp4'
    write_video(path, (make_frame(k) for k in range(20)), 10, audio_from=late)

    with av.open(path) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        start_sec, end_sec = (float(packets[k].pts * packets[k].time_base) for k in (0, -1))
    assert start_sec == pytest.approx(0, abs=0.05)
    assert end_sec == pytest.approx(2, abs=0.1)
