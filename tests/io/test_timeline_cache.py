import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stgr.io import open_video, video_reader
from stgr.io.readers import pyav_reader
from stgr.io.timeline_cache import TimelineCache, known_timelines


@pytest.fixture(autouse=True)
def _nothing_known():
    known_timelines.clear()


def count_calls(monkeypatch, module, name):
    calls, original = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda path: calls.append(path) or original(path))
    return calls


def test_several_clips_of_a_video_look_through_it_once(clips, monkeypatch):
    scans = count_calls(monkeypatch, video_reader, 'scan_video')
    read = []
    for start_sec in (0.0, 1.0, 0.5):
        with open_video(clips['constant'].path) as video:
            read.append(video.read_at(np.array([start_sec])))

    assert len(scans) == 1
    known_timelines.clear()
    with open_video(clips['constant'].path) as video:
        again = video.read_at(np.array([0.0, 1.0, 0.5]))
    assert np.array_equal(np.concatenate(read), again)


def test_damage_found_in_one_clip_is_known_to_the_next(damaged, monkeypatch):
    decodings = count_calls(monkeypatch, pyav_reader, 'scan_frames')
    for _ in range(3):
        with open_video(damaged['bitten_vp9']) as video:
            video.read_at(np.arange(0, 2.4, 0.1))
            assert video.facts().warnings

    assert len(decodings) == 1


def test_a_file_that_was_replaced_is_read_anew(clips, tmp_path):
    path = tmp_path / 'video.mp4'
    shutil.copy(clips['constant'].path, path)
    with open_video(path) as video:
        assert video.facts().duration_sec == pytest.approx(2.4)

    shutil.copy(clips['variable'].path, path)
    os.utime(path, ns=(0, 0))

    with open_video(path) as video:
        assert video.facts().duration_sec == pytest.approx(clips['variable'].end_sec)


def test_the_latest_used_are_kept_up_to_the_limit(clips, tmp_path):
    with open_video(clips['constant'].path) as video:
        timeline = replace(video.timeline, packet_idx=None, packet_pts=None, key_packets=None)
    cache = TimelineCache(max_bytes=3 * timeline.pts.nbytes)
    paths = [tmp_path / name for name in 'abcd']
    for path in paths:
        path.touch()
    for path in paths[:3]:
        cache.put(str(path), timeline)
    cache.put(str(paths[2]), timeline)  # again: no more bytes
    cache.get(str(paths[0]))

    cache.put(str(paths[3]), timeline)

    assert [path.name for path in paths if cache.get(str(path))] == ['a', 'c', 'd']
    assert cache.get(str(tmp_path / 'nothing')) is None


@pytest.mark.skipif(not Path('/proc/self/fd').is_dir(), reason='needs /proc')
def test_hundreds_of_openings_leave_no_memory_and_no_open_file(clips):
    def open_often(times):
        for k in range(times):
            known_timelines.clear()
            with open_video(clips['constant'].path) as video:
                frames = video.stream_at(np.array([0.1, 2.0]), chunk=1)
                for _ in range(1 + k % 2):
                    next(frames)

    def state():
        rows = Path('/proc/self/status').read_text().splitlines()
        resident_kib = next(int(row.split()[1]) for row in rows if row.startswith('VmRSS:'))
        return resident_kib, len(list(Path('/proc/self/fd').iterdir()))

    open_often(100)
    before_kib, files = state()
    open_often(300)

    # A reader that is not closed keeps 0.5 MB and a file: 150 MB and 300 files.
    assert state()[0] - before_kib < 10_000
    assert state()[1] <= files + 1
