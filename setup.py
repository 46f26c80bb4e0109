"""Packaging: metadata stands in pyproject.toml; here only what it cannot say.

The configs have one home, ``configs/`` at the top of the repository, and travel in the wheel as
``stgr/configs``.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_HERE = Path(__file__).resolve().parent


class BuildWithConfigs(build_py):
    """Copy the configs into the package that is built; an editable install reads them in place."""

    def run(self) -> None:
        """Build the package, then add the configs."""
        super().run()
        if not self.editable_mode:
            ignored = shutil.ignore_patterns('__pycache__')
            target = Path(self.build_lib) / 'stgr' / 'configs'
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(_HERE / 'configs', target, ignore=ignored)


setup(cmdclass={'build_py': BuildWithConfigs})
