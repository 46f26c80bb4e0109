"""``stgr models``: list, download, verify, in a zoo of one model and in the package's own."""

import json

import pytest

from stgr.apis import model_hub
from stgr.apis.model_zoo import metafiles, weight_places
from stgr.cli import main
from stgr.io import bundled

WEIGHTS = bytes(range(256)) * 40  # of the small zoo


@pytest.fixture
def zoo(small_zoo, tmp_path, monkeypatch):
    """The small zoo as the package's own, with an empty cache and a mirror."""
    folder = small_zoo()
    monkeypatch.setattr(model_hub, 'configs_dir', lambda: folder)
    monkeypatch.setattr(metafiles, 'configs_dir', lambda: folder)
    monkeypatch.setenv('STGR_CACHE', str(tmp_path / 'cache'))
    (tmp_path / 'mirror').mkdir()
    (tmp_path / 'mirror' / 'egg.safetensors').write_bytes(WEIGHTS)
    return tmp_path


def test_list_shows_source_size_and_licence(zoo, capfd):
    assert main(['models', 'list']) == 0

    assert capfd.readouterr().out == 'egg  stgr models download  0.0 MB  Apache-2.0\n'


def test_list_as_json_holds_the_metafiles(zoo, capfd):
    assert main(['models', 'list', '--json']) == 0

    (model,) = json.loads(capfd.readouterr().out)
    assert model['name'] == 'egg'
    assert model['weights']['files'][0]['num_bytes'] == len(WEIGHTS)
    assert model['scores']['kitchen']['where'] == {'text': '78.3 ± 1.2'}


def test_downloaded_weights_are_found_by_name(zoo, capfd):
    assert main(['models', 'download', 'egg', '--from', str(zoo / 'mirror')]) == 0

    here = zoo / 'cache' / 'weights' / 'egg.safetensors'
    assert capfd.readouterr().out == f'{here}: here, sha256 as it should be\n'
    assert model_hub.find_model('egg').weights == here
    assert main(['models', 'verify', 'egg']) == 0


def test_mirror_of_the_environment_and_folder_of_the_user(zoo, monkeypatch):
    monkeypatch.setenv('STGR_ZOO_MIRROR', (zoo / 'mirror').as_uri())

    assert main(['models', 'download', 'egg', '--to', str(zoo / 'mine')]) == 0

    assert (zoo / 'mine' / 'egg.safetensors').read_bytes() == WEIGHTS
    assert main(['models', 'verify', 'egg', '--in', str(zoo / 'mine')]) == 0


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['download', 'eg'], "no metafile describes a model 'eg'; did you mean egg?"),
        (['download', 'egg', '--from', 'nowhere'], 'nowhere/egg.safetensors: no such file'),
        (['download', 'egg', '--from', 'ftp://a'], 'expected an address that begins with http'),
        (['verify', 'egg'], '1 of the files of weights are not as they should be'),
    ],
)
def test_bad_request_is_one_line(argv, message, zoo, capfd):
    assert main(['models', *argv]) == 1

    error = capfd.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert message in error


def test_damaged_download_is_named_with_the_command_that_mends_it(zoo, capfd):
    main(['models', 'download', 'egg', '--from', str(zoo / 'mirror')])
    here = zoo / 'cache' / 'weights' / 'egg.safetensors'
    here.write_bytes(WEIGHTS[:-1] + b'!')
    capfd.readouterr()

    assert main(['models', 'verify']) == 1

    said = capfd.readouterr().out
    assert said.startswith(f'damaged  egg  {here}  has {len(WEIGHTS)} bytes and sha256 ')
    assert said.endswith(f'; run: rm {here} && stgr models download egg\n')


def test_a_folder_of_copies_is_mended_there_and_not_in_the_package(tmp_path, capfd):
    assert main(['models', 'verify', 'ours_tiny', '--in', str(tmp_path)]) == 1

    said = capfd.readouterr().out.splitlines()
    assert said[0].endswith(f'not there; run: stgr models download ours_tiny --to {tmp_path}')


def test_what_was_never_downloaded_is_no_fault(zoo, capfd):
    assert main(['models', 'verify']) == 0
    assert capfd.readouterr().out == ''


def test_damaged_bundled_weights_are_mended_by_one_command(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(bundled, 'WEIGHTS_DIR', tmp_path / 'stgr' / 'weights')

    assert main(['models', 'verify', 'ours_tiny']) == 1

    assert 'not there; run: pip install --force-reinstall' in capfd.readouterr().out
    (tmp_path / '.git').mkdir()
    assert weight_places.restore_command() == f'git -C {tmp_path} checkout -- stgr/weights'


def test_third_partys_weights_name_their_page_and_the_command(capfd):
    assert main(['models', 'download', 'ours_clip_release']) == 1

    error = capfd.readouterr().err
    assert 'third party: ' in error
    assert 'README of GroundingYouTube' in error
    assert 'convert_official.py heads GroundingWeights.pth.tar' in error


def test_bundled_model_is_copied_where_it_is_wanted(tmp_path):
    assert main(['models', 'download', 'clip_tiny', '--to', str(tmp_path)]) == 0

    assert (tmp_path / 'clip_tiny' / 'model.safetensors').stat().st_size == 3319778
