"""Each thing that can be wrong with Python and the packages, and what mends it."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from stgr.apis.doctor import packages
from stgr.apis.doctor.finding import Finding

_REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def installed(monkeypatch):
    """A dict of the versions that are installed, to be changed by a test; nothing is imported."""
    versions = {}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(packages.metadata, 'version', version)
    monkeypatch.setattr(packages, 'import_module', lambda name: None)
    return versions


@pytest.mark.parametrize(
    ('version', 'extra', 'finding'),
    [
        ('2.6', '', Finding('torch', 'ok', '2.6 (>=2.6)')),
        ('2.7.0+cpu', '', Finding('torch', 'ok', '2.7.0+cpu (>=2.6)')),
        ('2.8.0.dev1', '', Finding('torch', 'ok', '2.8.0.dev1 (>=2.6)')),
        ('2.5', '', Finding('torch', 'broken', '2.5, needs >=2.6', "pip install 'torch>=2.6'")),
        (
            '2.5',
            'gpu',
            Finding('torch', 'warning', '2.5, needs >=2.6', "pip install 'torch>=2.6'"),
        ),
        (
            None,
            '',
            Finding('torch', 'broken', 'not installed, needs >=2.6', "pip install 'torch>=2.6'"),
        ),
        (
            None,
            'gpu',
            Finding(
                'torch',
                'optional',
                'not installed; needed for stgr[gpu]',
                "pip install 'stgr[gpu]'",
            ),
        ),
    ],
)
def test_package_is_there_in_a_version_that_fits(version, extra, finding, installed):
    if version:
        installed['torch'] = version

    assert packages.check_package(Requirement('torch>=2.6'), extra) == finding


def test_package_whose_libraries_are_missing_names_them(installed, monkeypatch):
    installed['torchcodec'] = '0.6'

    def fail(name):
        raise RuntimeError('Could not load libtorchcodec')

    monkeypatch.setattr(packages, 'import_module', fail)

    finding = packages.check_package(Requirement('torchcodec>=0.6'), 'torchcodec')
    assert (finding.level, finding.remedy) == ('warning', 'sudo apt-get install ffmpeg')


def test_package_that_cannot_be_imported_is_installed_again(installed, monkeypatch):
    installed['mmcv-lite'] = '2.2.0'
    asked = []

    def fail(name):
        asked.append(name)
        raise OSError('libGL.so.1: cannot open\nshared object')

    monkeypatch.setattr(packages, 'import_module', fail)
    finding = packages.check_package(Requirement('mmcv-lite>=2.2'))

    assert asked == ['mmcv']
    assert finding.level == 'broken'
    assert 'cannot be imported (OSError: libGL.so.1: cannot open shared object)' in finding.found
    assert finding.remedy == "pip install --force-reinstall 'mmcv-lite>=2.2'"


@pytest.mark.parametrize(('python', 'level'), [('3.11.7', 'ok'), ('3.9.1', 'broken')])
def test_python_that_is_not_supported_is_broken(python, level, monkeypatch):
    monkeypatch.setattr(packages.platform, 'python_version', lambda: python)

    assert packages.check_python().level == level


@pytest.mark.parametrize(
    ('version', 'found'), [(None, 'not installed'), ('0.0.1', 'but 0.0.1 is installed')]
)
def test_another_stgr_than_the_installed_one_is_named(version, found, installed):
    if version:
        installed['stgr'] = version
    finding = packages.check_stgr()

    assert finding.level == 'warning'
    assert found in finding.found
    assert finding.remedy.startswith('pip install ')


def test_two_opencvs_are_named_with_the_way_out(installed):
    installed.update({'opencv-python': '4.11', 'opencv-python-headless': '5.0'})
    finding = packages.check_opencv()

    assert finding.level == 'warning'
    assert finding.found.startswith('opencv-python 4.11 and opencv-python-headless 5.0 lie in one')
    assert finding.remedy == packages._HEADLESS


def test_opencv_without_its_libraries_is_broken(installed, monkeypatch):
    def fail(name):
        raise ImportError('libGL.so.1: cannot open shared object file')

    monkeypatch.setattr(packages, 'import_module', fail)

    assert packages.check_opencv() == Finding(
        'opencv',
        'broken',
        'cannot be imported (libGL.so.1: cannot open shared object file)',
        packages._HEADLESS,
    )


def test_full_mmcv_over_the_light_one_is_a_warning(installed):
    installed['mmcv'] = '2.2.0'

    assert packages.check_mmcv().level == 'warning'


def test_checkout_that_is_not_installed_says_what_its_metadata_would(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, 'metadata', missing)
    found = [(str(line.name), extra) for line, extra in packages._requirements()]

    project = tomllib.loads((_REPOSITORY / 'pyproject.toml').read_text())['project']
    extras = project['optional-dependencies']
    assert {name for name, extra in found if not extra} <= {
        Requirement(line).name for line in project['dependencies']
    }
    assert {('torch', ''), ('timm', 'timm'), ('torchcodec', 'torchcodec')} <= set(found)
    assert {extra for _, extra in found} == {'', *extras}


def test_packages_for_another_machine_are_not_asked_for(installed, monkeypatch):
    class Other:
        requires = ('egg>=1; sys_platform == "vms"', 'ham>=1', 'jam; extra == "test"')
        extras = ('test',)

    monkeypatch.setattr(packages, '_metadata', Other)

    assert [finding.name for finding in packages.check_required()] == ['ham']
    assert list(packages.check_optional()) == []


def test_a_package_that_two_extras_ask_for_is_told_once(installed, monkeypatch):
    class Two:
        requires = ('ham>=1; extra == "a"', 'ham>=1; extra == "b"', 'ham>=2; extra == "c"')
        extras = ('a', 'b', 'c')

    monkeypatch.setattr(packages, '_metadata', Two)

    assert [finding.name for finding in packages.check_optional()] == ['ham', 'ham']
