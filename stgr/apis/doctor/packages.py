"""Python and the packages: their versions against what the package's metadata allows."""

import platform
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from stgr import __version__
from stgr.apis.doctor.finding import BROKEN, OK, OPTIONAL, WARNING, Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_FOR_DEVELOPERS = {'dev', 'test', 'docs'}
_MODULES = {
    'faiss-cpu': 'faiss',
    'mmcv-lite': 'mmcv',
    'opencv-python': 'cv2',
    'opencv-python-headless': 'cv2',
    'pillow': 'PIL',
    'pot': 'ot',
    'pyyaml': 'yaml',
}
# What is missing where such a package is there and cannot be imported.
_LIBRARIES = {'torchcodec': 'sudo apt-get install ffmpeg'}
_OPENCV = ('opencv-python', 'opencv-python-headless')
_HEADLESS = (
    'pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless'
)


def check_python() -> Finding:
    """Return whether this Python is one that the package supports."""
    from packaging.specifiers import SpecifierSet

    allowed, found = _metadata().requires_python, platform.python_version()
    if allowed and found not in SpecifierSet(allowed):
        remedy = 'python3.11 -m venv .venv && .venv/bin/pip install stgr'
        return Finding('python', BROKEN, f'{found}, needs {allowed}', remedy)
    return Finding('python', OK, f'{found} ({sys.executable})')


def check_stgr() -> Finding:
    """Return which stgr this is, and whether it is the one that pip knows of."""
    folder = Path(__file__).resolve().parents[2]
    checkout = (folder.parent / 'pyproject.toml').is_file()
    install = (
        f'pip install -e {folder.parent}' if checkout else 'pip install --force-reinstall stgr'
    )
    try:
        installed = metadata.version('stgr')
    except metadata.PackageNotFoundError:
        found = f'{__version__} in {folder}, not installed'
        return Finding('stgr', WARNING, found, install)
    if installed != __version__:
        found = f'{__version__} in {folder}, but {installed} is installed'
        return Finding('stgr', WARNING, found, install)
    return Finding('stgr', OK, f'{installed} ({folder})')


def check_required() -> Iterator[Finding]:
    """Yield a finding for each package that is required here."""
    for requirement, extra in _requirements():
        if not extra:
            yield check_package(requirement)


def check_optional() -> Iterator[Finding]:
    """Yield a finding for each package of an extra, except those of developers."""
    told = set()
    for requirement, extra in _requirements():
        asked = requirement.name, str(requirement.specifier)  # two extras may ask for the same
        if extra and extra not in _FOR_DEVELOPERS and asked not in told:
            told.add(asked)
            yield check_package(requirement, extra)


def check_package(requirement: 'Requirement', extra: str = '') -> Finding:
    """Return whether a package is there, in an allowed version, and can be imported.

    Args:
        requirement: Name and versions.
        extra: The extra that asks for it; empty if it is required.
    """
    name, wanted = requirement.name, str(requirement.specifier)
    install = f"pip install '{name}{wanted}'"
    level = WARNING if extra else BROKEN
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if extra:
            found = f'not installed; needed for stgr[{extra}]'
            return Finding(name, OPTIONAL, found, f"pip install 'stgr[{extra}]'")
        return Finding(name, BROKEN, f'not installed, needs {wanted}', install)
    if not requirement.specifier.contains(version, prereleases=True):
        return Finding(name, level, f'{version}, needs {wanted}', install)
    try:
        import_module(_MODULES.get(name.lower(), name.replace('-', '_')))
    except Exception as error:  # compiled packages fail in any way
        why = ' '.join(f'{type(error).__name__}: {error}'.split())
        return Finding(
            name,
            level,
            f'{version} cannot be imported ({why})',
            _LIBRARIES.get(name, _reinstall(install)),
        )
    return Finding(name, OK, f'{version} ({wanted})')


def check_opencv() -> Finding:
    """Return whether one OpenCV is there, and works: two of them share a folder."""
    there = [f'{name} {metadata.version(name)}' for name in _OPENCV if _is_installed(name)]
    if len(there) > 1:
        found = f'{" and ".join(there)} lie in one folder; removing either breaks the other'
        return Finding('opencv', WARNING, found, _HEADLESS)
    try:
        version = import_module('cv2').__version__
    except Exception as error:  # a missing libGL, or what is left of two of them
        why = ' '.join(str(error).split())
        return Finding('opencv', BROKEN, f'cannot be imported ({why})', _HEADLESS)
    return Finding('opencv', OK, there[0] if there else version)


def check_mmcv() -> Finding:
    """Return whether the full mmcv lies over mmcv-lite."""
    if _is_installed('mmcv'):
        found = f'{metadata.version("mmcv")} in the folder of mmcv-lite'
        remedy = 'pip uninstall -y mmcv mmcv-lite && pip install "mmcv-lite>=2.2.0,<2.3"'
        return Finding('mmcv', WARNING, found, remedy)
    return Finding('mmcv', OK, 'only mmcv-lite')


def _requirements() -> Iterator[tuple['Requirement', str]]:
    """Yield the requirements that hold on this machine, each with its extra or ''."""
    from packaging.requirements import Requirement

    for line in _metadata().requires:
        requirement = Requirement(line)
        extras = ['', *_metadata().extras]
        for extra in extras:
            if requirement.marker is None or requirement.marker.evaluate({'extra': extra}):
                yield requirement, extra
                break


class _Metadata:
    """What the package says of itself: the installed metadata, else the checkout's."""

    def __init__(self) -> None:
        try:
            found = metadata.metadata('stgr')
            self.requires_python = found['Requires-Python'] or ''
            self.requires = metadata.requires('stgr') or []
            self.extras = found.get_all('Provides-Extra') or []
        except metadata.PackageNotFoundError:
            self._read_checkout()

    def _read_checkout(self) -> None:
        import tomllib

        file = Path(__file__).resolve().parents[3] / 'pyproject.toml'
        project = tomllib.loads(file.read_text('utf-8'))['project']
        self.requires_python = project['requires-python']
        extras = project['optional-dependencies']
        self.extras = list(extras)
        self.requires = project['dependencies'] + [
            f'{line}{" and" if ";" in line else ";"} extra == "{extra}"'
            for extra, lines in extras.items()
            for line in lines
        ]


def _metadata() -> _Metadata:
    return _Metadata()


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _reinstall(install: str) -> str:
    return install.replace('pip install', 'pip install --force-reinstall', 1)
