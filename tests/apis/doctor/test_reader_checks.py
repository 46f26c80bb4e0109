"""A reader has to show the right frames; one that lies, crashes or hangs is a finding."""

import os

import numpy as np
import pytest

from stgr.apis.doctor import readers
from stgr.io import write_video


@pytest.fixture
def blue(tmp_path):
    """A video that is neither red nor green."""
    frames = np.zeros((10, 48, 64, 3), np.uint8)
    frames[..., 2] = 250
    write_video(tmp_path / 'blue.mp4', frames, 10)
    return tmp_path / 'blue.mp4'


def test_wrong_frames_are_seen(blue):
    finding = readers.check_reader('pyav', blue)

    assert finding.level == 'broken'
    assert 'wrong colours' in finding.found
    assert finding.remedy == "pip install --force-reinstall 'av>=17'"


@pytest.mark.parametrize(
    ('program', 'limit_sec', 'found'),
    [
        ('import os; os.abort()', 60, 'ended with status -6'),
        ('import time; time.sleep(60)', 0.3, 'no end after 0.3 s'),
        ('raise OSError("no decoder")', 60, 'OSError: no decoder'),
    ],
)
def test_crash_hang_and_error_of_a_reader_are_findings(
    program, limit_sec, found, blue, monkeypatch
):
    monkeypatch.setattr(readers, '_READ', program)
    monkeypatch.setattr(readers, 'find_spec', lambda module: module)

    finding = readers.check_reader('decord', blue, limit_sec)

    assert finding.level == 'warning'
    assert finding.found == f'a small video fails: {found}'


def test_reader_whose_package_is_broken_is_a_finding(blue, tmp_path, monkeypatch):
    (tmp_path / 'packages').mkdir()
    (tmp_path / 'packages' / 'decord.py').write_text('raise OSError("libc++ is not there")\n')
    path = f'{tmp_path / "packages"}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    monkeypatch.setenv('PYTHONPATH', path)
    monkeypatch.setattr(readers, 'find_spec', lambda module: module)

    assert 'libc++ is not there' in readers.check_reader('decord', blue).found


@pytest.mark.parametrize(('reader', 'level'), [('torchcodec', 'optional'), ('decord', 'optional')])
def test_reader_without_its_package_is_optional(reader, level, blue, monkeypatch):
    monkeypatch.setattr(readers, 'find_spec', lambda module: None)

    finding = readers.check_reader(reader, blue)

    assert (finding.level, finding.remedy) == (level, f'pip install {reader}')


def test_without_a_video_no_reader_is_asked(monkeypatch):
    monkeypatch.setattr(readers, '_WRITE', 'raise OSError("no encoder")')

    (finding,) = readers.check_readers()

    assert (finding.name, finding.level) == ('writing videos', 'broken')
    assert finding.found == 'a small video fails: OSError: no encoder'
