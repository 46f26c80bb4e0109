"""Models are found by name or path, with their bundled weights; near names are listed."""

import sys

import pytest

from stgr.apis import model_hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A package folder of three configs, one of them private, and one bundled weights file."""
    package = tmp_path / 'stgr'
    for name in ('ours_tiny', 'ours_clip', 'ablations/no_local', '_base_/schedule'):
        file = tmp_path / 'configs' / f'{name}.py'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('width = 4\n')
    (package / 'weights').mkdir(parents=True)
    (package / 'weights' / 'ours_tiny.safetensors').touch()
    monkeypatch.setattr(model_hub, '_PACKAGE_DIR', package)
    monkeypatch.setattr(model_hub, 'WEIGHTS_DIR', package / 'weights')
    monkeypatch.setenv('STGR_CACHE', str(tmp_path / 'cache'))
    return tmp_path


def test_models_are_the_public_configs(hub):
    names = [entry.name for entry in model_hub.list_models()]

    assert names == ['ablations/no_local', 'ours_clip', 'ours_tiny']


def test_bundled_weights_come_with_their_model_only(hub):
    assert model_hub.find_model('ours_tiny').weights.name == 'ours_tiny.safetensors'
    assert model_hub.find_model('ours_clip').weights is None


def test_downloaded_weights_come_with_their_model_after_bundled_ones(hub):
    downloads = hub / 'cache' / 'weights'
    downloads.mkdir(parents=True)
    for name in ('ours_clip', 'ours_tiny'):
        (downloads / f'{name}.safetensors').touch()

    assert model_hub.find_model('ours_clip').weights == downloads / 'ours_clip.safetensors'
    assert model_hub.find_model('ours_tiny').weights.parent != downloads


def test_configs_inside_the_package_are_preferred_as_in_a_wheel(hub):
    inside = hub / 'stgr' / 'configs'
    inside.mkdir()
    (inside / 'only.py').touch()

    assert [entry.name for entry in model_hub.list_models()] == ['only']


def test_installation_without_configs_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(model_hub, '_PACKAGE_DIR', tmp_path / 'stgr')

    with pytest.raises(FileNotFoundError, match=r'no configs .* reinstall stgr'):
        model_hub.configs_dir()


@pytest.mark.parametrize(
    ('asked', 'error', 'message'),
    [
        ('ours_tny', ValueError, r"no model 'ours_tny'; did you mean ours_tiny"),
        ('zebra', ValueError, r"no model 'zebra'; stgr models list shows all 3"),
        ('', ValueError, 'no model'),
        (
            'configs/ours_tny.py',
            FileNotFoundError,
            r'no config file configs/ours_tny\.py.*ours_tiny',
        ),
        ('_base_/schedule', ValueError, 'no model'),
    ],
)
def test_unknown_name_lists_the_near_ones(asked, error, message, hub):
    with pytest.raises(error, match=message):
        model_hub.find_config(asked)


def test_config_loads_by_name_and_by_path_with_overrides(hub):
    by_name = model_hub.load_config('ours_clip', overrides=['width=5'])
    by_path = model_hub.load_config(hub / 'configs' / 'ours_clip.py')

    assert (by_name.width, by_path.width) == (5, 4)


def test_the_repository_has_its_configs_at_the_top():
    if not any((model_hub._PACKAGE_DIR.parent / 'configs').glob('*.py')):
        pytest.skip('no configs yet')
    names = [entry.name for entry in model_hub.list_models()]
    assert {'ours_tiny', 'ours_clip'} <= set(names)


@pytest.mark.parametrize(
    'bases',
    [
        "_base_ = '{}'",
        'from mmengine.config import read_base\nwith read_base():\n    from a.b import *',
    ],
    ids=['a path in _base_', 'a module of a package'],
)
def test_bases_that_cannot_be_read_are_told_with_the_way_to_name_them(bases, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pkg_resources', None)  # as with new setuptools
    base = model_hub.find_config('ours_tiny')
    (tmp_path / 'mine.py').write_text(bases.format(base))

    with pytest.raises(ValueError, match=r'mine\.py: bases are named relative .* a link to /'):
        model_hub.load_config(tmp_path / 'mine.py')


def test_a_link_to_the_configs_makes_them_bases_of_a_config_elsewhere(tmp_path):
    (tmp_path / 'configs').symlink_to(model_hub.configs_dir())
    (tmp_path / 'mine.py').write_text(
        'from mmengine.config import read_base\n'
        'with read_base():\n    from .configs.ours_tiny import *\nmodel.selector.count = 3\n'
    )

    assert model_hub.load_config(tmp_path / 'mine.py').model.selector.count == 3
