"""The wheel is complete: configs, weights, types; it works installed outside the repository."""

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_REPOSITORY = Path(__file__).resolve().parents[1]


def _run(*command, cwd, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Build the wheel from a copy of what git would commit, so no leftovers get into it."""
    source, out = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    listing = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z']
    for name in _run(*listing, cwd=_REPOSITORY).split('\0'):
        if (
            name.split('/')[0] not in ('tests', 'docs', 'benchmarks')
            and (_REPOSITORY / name).is_file()
        ):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((_REPOSITORY / name).read_bytes())
    options = ['--no-deps', '--no-build-isolation', '--wheel-dir', out]
    _run(sys.executable, '-m', 'pip', 'wheel', '--quiet', *options, source, cwd=source)
    (file,) = out.glob('stgr-*.whl')
    return file


@pytest.fixture(scope='module')
def installed_python(wheel, tmp_path_factory):
    """Python of a new environment that holds the wheel, and sees the packages of this one."""
    home = tmp_path_factory.mktemp('clean')
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob('lib/python*/site-packages')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # a .pth line adds a folder but does not run the .pth files in it, so an editable stgr stays out
    (site / 'dependencies.pth').write_text(sysconfig.get_path('purelib') + '\n')
    return home / 'bin' / 'python'


def _run_code(python, code, cwd):
    environment = {'PYTHONPATH': '', 'PYTHONSAFEPATH': '1', 'PYTHONNOUSERSITE': '1'}
    return _run(python, '-c', f'import json\n{code}', cwd=cwd, **environment)


def _ask(python, code, cwd):
    return json.loads(_run_code(python, code, cwd))


def test_wheel_holds_all_sources_configs_weights_and_pages(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        file.relative_to(_REPOSITORY).as_posix() for file in _REPOSITORY.glob('stgr/**/*.py')
    }
    configs = {
        f'stgr/{file.relative_to(_REPOSITORY)}'
        for kind in ('*.py', 'metafile.yml')
        for file in _REPOSITORY.glob(f'configs/**/{kind}')
    }
    data = {
        file.relative_to(_REPOSITORY).as_posix()
        for folder in ('weights', 'annotation/page', 'demo_page/assets')
        for file in _REPOSITORY.glob(f'stgr/{folder}/**/*')
        if file.is_file()
    }

    assert sources | configs | data | {'stgr/py.typed'} <= names
    tops = {name.split('/')[0] for name in names}
    assert tops == {'stgr', next(top for top in tops if top.endswith('.dist-info'))}
    assert any(name.endswith('licenses/LICENSE') for name in names)
    assert not [name for name in names if name.endswith('.pyc')]


def test_installed_wheel_finds_its_models_outside_the_repository(installed_python, tmp_path):
    code = (
        'import stgr\n'
        'from stgr.apis.model_hub import list_models, load_config\n'
        'models = list_models()\n'
        'loaded = [load_config(model.name).filename for model in models]\n'
        'print(json.dumps([stgr.__file__, [m.name for m in models], loaded]))'
    )
    home, names, loaded = _ask(installed_python, code, tmp_path)

    assert Path(home).is_relative_to(installed_python.parents[1])
    assert all(Path(file).is_relative_to(Path(home).parent / 'configs') for file in loaded)
    repository = [
        f.relative_to(_REPOSITORY / 'configs') for f in _REPOSITORY.glob('configs/**/*.py')
    ]
    public = {f.with_suffix('').as_posix() for f in repository if not str(f).startswith('_')}
    assert set(names) == public


def test_installed_command_answers(installed_python, tmp_path):
    environment = {'PYTHONPATH': '', 'PYTHONSAFEPATH': '1'}
    said = _run(installed_python, '-m', 'stgr.cli', '--help', cwd=tmp_path, **environment)

    assert 'ground' in said


def test_installed_command_verifies_the_weights_of_its_own_metafiles(installed_python, tmp_path):
    environment = {'PYTHONPATH': '', 'PYTHONSAFEPATH': '1'}
    said = _run(installed_python, '-m', 'stgr.cli', 'models', 'verify', cwd=tmp_path, **environment)

    assert [line.split()[0] for line in said.splitlines()] == ['ok'] * 5
    assert str(installed_python.parents[1]) in said


def test_tested_versions_lie_within_the_declared_bounds():
    project = tomllib.loads((_REPOSITORY / 'pyproject.toml').read_text())['project']
    lines = (_REPOSITORY / 'requirements' / 'tested.txt').read_text().splitlines()
    tested = dict(line.split('==') for line in lines if line and not line.startswith('#'))
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    extras = project['optional-dependencies']
    declared = project['dependencies'] + extras['test'] + extras['dev']

    for requirement in map(Requirement, declared):
        version = tested.get(canonicalize_name(requirement.name))
        assert version is not None, f'{requirement.name} is not in requirements/tested.txt'
        assert requirement.specifier.contains(version), f'{requirement} does not allow {version}'


def test_no_index_or_host_is_written_down():
    files = ['Makefile', '.ci/run', 'pyproject.toml', 'requirements/tested.txt', 'setup.py']
    text = '\n'.join((_REPOSITORY / name).read_text() for name in files)

    for word in (
        '--index-url',
        '--extra-index',
        '--find-links',
        '--trusted-host',
        'http://',
        'https://',
    ):
        assert word not in text


def test_version_is_said_once_and_comes_with_the_package():
    import stgr

    try:
        installed = importlib.metadata.version('stgr')
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('stgr is imported from the repository without being installed')
    assert installed == stgr.__version__


def test_the_wheel_grounds_a_video_with_its_own_model(installed_python, tiny_video, tmp_path):
    query = 'crack egg'
    code = (
        'from stgr.cli import main\n'
        f'status = main(["ground", {str(tiny_video)!r}, "--query", {query!r}, "--out", "answer"])\n'
        'from stgr.io import load_result\n'
        'print(json.dumps([status, load_result("answer").queries[0].query]))'
    )
    printed = _run_code(installed_python, code, tmp_path)
    assert json.loads(printed.splitlines()[-1]) == [0, query]
    assert (tmp_path / 'answer' / 'report.html').exists()
