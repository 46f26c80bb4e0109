"""Which videos the page offers, and which it converts first."""

import numpy as np
import pytest
from demo_page.other_videos import write_with

from stgr.demo_page.videos import (
    VideoFolder,
    describe_trouble,
    plays_in_browsers,
    write_preview,
)
from stgr.io import VideoError, open_video


@pytest.fixture
def library(tmp_path, tiny_video):
    """A folder with a video in a folder of its own, a text, and links inside and out."""
    root, outside = tmp_path / 'library', tmp_path / 'outside.mp4'
    (root / 'day 1').mkdir(parents=True)
    for file in (outside, root / 'day 1' / 'a.mp4'):
        file.write_bytes(tiny_video.read_bytes())
    (root / 'notes.txt').write_text('secret')
    (root / 'inside.mp4').symlink_to(root / 'day 1' / 'a.mp4')
    (root / 'out.mp4').symlink_to(outside)
    return VideoFolder(root)


def test_the_videos_of_a_folder_are_offered_and_nothing_else(library):
    assert library.names() == ['day 1/a.mp4', 'inside.mp4']
    assert library.file('day 1/a.mp4') == library.root / 'day 1' / 'a.mp4'


@pytest.mark.parametrize(
    'name',
    [
        '../outside.mp4',  # out by dots
        'day 1/../../outside.mp4',
        'out.mp4',  # out by a link
        'notes.txt',  # inside, but no video
        'b.mp4',  # not there
        'day 1',  # a folder
        '/etc/passwd',
        '',
    ],
)
def test_no_other_file_can_be_named(library, name):
    with pytest.raises(VideoError, match='no such video in the folder'):
        library.file(name)


def test_an_absolute_path_out_of_the_folder_is_refused(library):
    with pytest.raises(VideoError, match='no such video in the folder'):
        library.file(str(library.root.parent / 'outside.mp4'))


def test_without_a_folder_nothing_is_offered(tmp_path):
    assert VideoFolder(None).names() == []
    with pytest.raises(VideoError, match='no such video'):
        VideoFolder(None).file('a.mp4')
    with pytest.raises(NotADirectoryError, match='give --videos a folder'):
        VideoFolder(tmp_path / 'missing')


@pytest.mark.parametrize(
    ('name', 'codec', 'pixels', 'plays'),
    [
        ('a.mp4', 'libx264', 'yuv420p', True),
        ('a.mov', 'libx264', 'yuv420p', True),
        ('a.webm', 'libvpx-vp9', 'yuv420p', True),
        ('a.mp4', 'libx264', 'yuv444p', False),  # H.264 of a kind that only programs play
        ('a.mkv', 'libx264', 'yuv420p', False),  # Firefox and Safari do not open Matroska
        ('a.avi', 'mpeg4', 'yuv420p', False),
        ('a.mp4', 'mpeg4', 'yuv420p', False),
    ],
)
def test_what_browsers_play_is_told_from_what_they_do_not(tmp_path, name, codec, pixels, plays):
    assert plays_in_browsers(write_with(tmp_path / name, codec, pixels=pixels)) is plays


def test_a_preview_plays_and_keeps_the_times(tmp_path):
    video = write_with(tmp_path / 'a.avi', 'mpeg4')
    steps = []

    def watch(chunks, total):
        for chunk in chunks:
            steps.append(total)
            yield chunk

    preview = write_preview(video, tmp_path / 'preview.mp4', progress=watch)

    assert plays_in_browsers(preview)
    assert steps == [2, 2]  # 20 frames, 16 at a time
    with open_video(video) as old, open_video(preview) as new:
        assert np.allclose(new.timeline.times_sec, old.timeline.times_sec, atol=1e-3)
        assert new.facts().duration_sec == pytest.approx(old.facts().duration_sec, abs=1e-3)
        difference = new.read_at(np.array([1.0])).astype(int) - old.read_at(np.array([1.0]))
        assert np.abs(difference).mean() < 6


def test_trouble_is_told_without_the_path(tmp_path):
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(b'no video at all')
    with pytest.raises(VideoError) as caught:
        plays_in_browsers(broken)

    assert describe_trouble(caught.value, broken).startswith('broken.mp4: not a readable video')
