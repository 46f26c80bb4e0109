"""A toy model, its config, and ways to train it here or in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parents[1]
if str(_HERE) not in sys.path:
    sys.path.insert(0, str(_HERE))  # toy_parts, which the toy config imports


@pytest.fixture
def toy_config():
    """Path of the toy config."""
    return _HERE / 'toy_config.py'


@pytest.fixture
def load_toy(toy_config, tmp_path):
    """Return a function that loads the toy config, with overrides, for a run in tmp_path."""
    from stgr.apis.model_hub import load_config

    def load(*overrides):
        config = load_config(toy_config, overrides=overrides)
        config.work_dir = str(tmp_path)
        config.randomness = {'seed': 0}
        return config

    return load


@pytest.fixture
def tool_environment():
    """Environment of a process that runs a tool from the repository with this Python."""
    path = os.pathsep.join([str(_HERE), str(_REPOSITORY)])
    return {**os.environ, 'PYTHONPATH': path, 'PYTHON': sys.executable}


@pytest.fixture
def run_tool(tool_environment):
    """Return a function that runs a tool in its own process: (name, arguments, environment)."""

    def run(tool, *arguments, **environment):
        return subprocess.run(
            [sys.executable, str(_REPOSITORY / 'tools' / tool), *map(str, arguments)],
            env={**tool_environment, **environment},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


@pytest.fixture
def run_main(capfd):
    """Return a function that runs tools/train.py in this process: its status and what it said."""
    import runpy

    main = runpy.run_path(str(_REPOSITORY / 'tools' / 'train.py'))['main']

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return status, captured.out + captured.err

    return run
