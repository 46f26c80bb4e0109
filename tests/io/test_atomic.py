import errno
import os
from pathlib import Path

import pytest

from stgr.io.atomic import (
    PARTIAL_PREFIX,
    folder_written_whole,
    remove_partial_files,
    write_atomically,
    written_whole,
)


def test_file_appears_only_when_the_block_ends(tmp_path):
    file = tmp_path / 'a.txt'
    with written_whole(file) as partial:
        partial.write_text('new')
        assert not file.exists()

    assert file.read_text() == 'new'
    assert list(file.parent.iterdir()) == [file]


def test_error_while_writing_keeps_the_old_file_and_no_partial_one(tmp_path):
    file = tmp_path / 'a.txt'
    file.write_text('old')

    def break_half_way():
        with written_whole(file) as partial:
            partial.write_text('half')
            raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        break_half_way()

    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_full_disk_is_said_of_the_file_by_name_and_keeps_the_old_one(tmp_path, monkeypatch):
    file = tmp_path / 'a.txt'
    write_atomically(file, b'old')

    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space left for this file; free some') as caught:
        write_atomically(file, b'new')

    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(file))
    assert file.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [file]


def test_other_errors_of_writing_stay_as_they_are(tmp_path):
    error = OSError(errno.EIO, 'broken disk')

    with pytest.raises(OSError, match='broken disk') as caught, written_whole(tmp_path / 'a.txt'):
        raise error

    assert caught.value is error


def test_only_what_a_killed_run_left_is_removed(tmp_path):
    for name in ('kept.pth', f'{PARTIAL_PREFIX}4711-lost.pth'):
        (tmp_path / name).write_bytes(b'x')

    remove_partial_files(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ['kept.pth']


def test_missing_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        write_atomically(Path(tmp_path) / 'nowhere' / 'a.txt', b'x')


def test_folder_appears_only_when_the_block_ends(tmp_path):
    folder = tmp_path / 'model'
    with folder_written_whole(folder) as partial:
        (partial / 'inner').mkdir()
        (partial / 'inner' / 'a.txt').write_text('new')
        assert not folder.exists()

    assert (folder / 'inner' / 'a.txt').read_text() == 'new'
    assert list(tmp_path.iterdir()) == [folder]


def test_error_while_filling_leaves_no_folder(tmp_path):
    def break_half_way():
        with folder_written_whole(tmp_path / 'model') as partial:
            (partial / 'a.txt').write_text('half')
            raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        break_half_way()

    assert list(tmp_path.iterdir()) == []


def test_folder_replaces_an_empty_one_only(tmp_path):
    (tmp_path / 'model').mkdir()
    with folder_written_whole(tmp_path / 'model') as partial:
        (partial / 'a.txt').write_text('first')

    with (
        pytest.raises(FileExistsError, match='model exists already'),
        folder_written_whole(tmp_path / 'model') as partial,
    ):
        (partial / 'a.txt').write_text('second')
    assert (tmp_path / 'model' / 'a.txt').read_text() == 'first'


def test_folder_is_overwritten_by_a_whole_one_only(tmp_path, monkeypatch):
    folder = tmp_path / 'model'
    folder.mkdir()
    (folder / 'a.txt').write_text('first')

    def overwrite():
        with folder_written_whole(folder, overwrite=True) as partial:
            (partial / 'b.txt').write_text('second')
            assert (folder / 'a.txt').read_text() == 'first'

    move = Path.replace

    def fail_to_move_in(self, target):
        if Path(target) == folder and (self / 'b.txt').exists():
            raise OSError('broken')
        return move(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, 'replace', fail_to_move_in)
        with pytest.raises(OSError, match='broken'):
            overwrite()
    assert [file.name for file in tmp_path.rglob('*')] == ['model', 'a.txt']

    overwrite()
    assert [file.name for file in tmp_path.rglob('*')] == ['model', 'b.txt']
