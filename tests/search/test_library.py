"""Which videos there are, and when one counts as another."""

import os

import pytest

from stgr.search.library import LibraryVideo, list_library, look_at


@pytest.mark.parametrize(
    'other',
    [
        LibraryVideo('b.mp4', 5, 7),  # another name
        LibraryVideo('a.mp4', 6, 7),  # another size
        LibraryVideo('a.mp4', 5, 8),  # written again
    ],
)
def test_a_video_that_differs_in_anything_has_another_key(other):
    video = LibraryVideo('a.mp4', 5, 7)

    assert video.key == LibraryVideo('a.mp4', 5, 7).key
    assert video.key != other.key


def test_videos_are_listed_by_name_without_hidden_files_and_others(tmp_path):
    (tmp_path / 'd').mkdir()
    for name in ('b.MP4', 'a.mkv', '.c.mp4', 'notes.txt', 'd/a.mkv'):
        (tmp_path / name).write_bytes(b'egg')
    os.utime(tmp_path / 'a.mkv', ns=(7, 7))

    assert [video.path for video in list_library(tmp_path)] == ['a.mkv', 'b.MP4', 'd/a.mkv']
    assert look_at(tmp_path, 'a.mkv') == LibraryVideo('a.mkv', 3, 7)


def test_a_name_that_is_no_text_has_a_key(tmp_path):
    (tmp_path / os.fsdecode(b'\xff.mp4')).write_bytes(b'egg')

    (video,) = list_library(tmp_path)

    assert len(video.key) == 32
