"""Each thing that can be wrong with folders, the hub and the weights, and what mends it."""

from collections import namedtuple
from pathlib import Path

import pytest

from stgr.apis.doctor import folders
from stgr.io import bundled

_Usage = namedtuple('_Usage', 'total used free')


def test_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path):
    finding = folders.check_folder('cache', tmp_path / 'a' / 'b', 'export A={}')

    assert (finding.level, list(tmp_path.iterdir())) == ('ok', [])


def test_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / 'file').touch()  # a folder without rights would not stop root
    finding = folders.check_folder('cache', tmp_path / 'file' / 'b', 'export A={}')

    assert finding.level == 'warning'
    assert 'cannot be written to (Not a directory)' in finding.found
    assert finding.remedy == 'export A=/a/folder/with/room'


def test_folder_on_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.shutil, 'disk_usage', lambda folder: _Usage(9, 9, 2**30))

    assert '1.0 GiB free, fewer than 2' in folders.check_folder('cache', tmp_path, 'cd {}').found


def test_without_temporary_files_it_is_broken(tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('TMPDIR', str(tmp_path / 'file'))

    first, working, *caches = folders.check_folders()

    assert (first.level, first.remedy) == ('broken', 'export TMPDIR=/a/folder/with/room')
    assert working.name == 'working folder'
    assert [finding.name for finding in caches] == ['hub cache', 'stgr cache']


@pytest.mark.parametrize(
    ('settings', 'folder'),
    [
        ({'HF_HUB_CACHE': '/a'}, '/a'),
        ({'HF_HOME': '/a'}, '/a/hub'),
        ({'XDG_CACHE_HOME': '/a'}, '/a/huggingface/hub'),
        ({}, '~/.cache/huggingface/hub'),
    ],
)
def test_hub_cache_is_where_its_library_has_it(settings, folder, monkeypatch):
    for name in ('HF_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert folders.hub_folder() == Path(folder).expanduser()


def test_hub_cache_is_that_of_the_installed_library():
    constants = pytest.importorskip('huggingface_hub.constants')

    assert folders.hub_folder() == Path(constants.HF_HUB_CACHE)


@pytest.mark.parametrize(
    ('offline', 'cached', 'level'),
    [('1', False, 'optional'), ('true', False, 'optional'), ('1', True, 'ok'), ('0', False, 'ok')],
)
def test_offline_without_the_models_is_said(offline, cached, level, tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', offline)
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path))
    if cached:
        (tmp_path / 'models--openai--clip-vit-base-patch32').mkdir()

    finding = folders.check_hub()

    assert finding.level == level
    assert finding.remedy == ('unset HF_HUB_OFFLINE' if level != 'ok' else '')


def test_missing_bundled_weights_are_broken_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, 'WEIGHTS_DIR', tmp_path / 'stgr' / 'weights')

    finding = folders.check_weights()

    assert finding.level == 'broken'
    assert finding.remedy == 'pip install --force-reinstall --no-deps stgr'


def test_whole_weights_are_counted(monkeypatch, tmp_path):
    monkeypatch.setenv('STGR_CACHE', str(tmp_path))

    assert folders.check_weights().found == '6 files have their sha256'
