"""The image: no Docker engine is needed to run its steps, or to see that it runs no others."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / 'docker' / 'install.sh'


def instructions():
    """Return the instructions of the Dockerfile in order: keyword and the rest."""
    text = (REPOSITORY / 'Dockerfile').read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith('#')]
    joined = re.sub(r'\s*\\\n\s*', ' ', '\n'.join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines()]


def values(keyword):
    return [rest for name, rest in instructions() if name == keyword]


def test_python_packages_come_from_the_script_alone():
    (install,) = [run for run in values('RUN') if 'install.sh' in run]
    words = shlex.split(install)

    assert words[:4] == [
        'TORCH_INDEX=$TORCH_INDEX', 'EXTRAS=$EXTRAS', '/src/docker/install.sh', '/opt/stgr',
    ]  # fmt: skip
    assert values('COPY') == ['. /src']
    assert [arg.partition('=')[0] for arg in values('ARG')] == ['TORCH_INDEX', 'EXTRAS']
    assert not [run for run in values('RUN') if 'pip' in run]
    told = re.findall(r'\$\{(\w+)[:}]', SCRIPT.read_text())
    assert set(told) == {'PYTHON', 'TORCH_INDEX', 'EXTRAS'}


def test_nothing_is_run_as_root_and_stgr_is_the_program():
    names = [name for name, _ in instructions()]
    (user,) = values('USER')

    assert user == 'stgr'
    assert names.index('USER') > max(i for i, name in enumerate(names) if name == 'RUN')
    assert json.loads(values('ENTRYPOINT')[0]) == ['stgr']
    environment = dict(word.split('=', 1) for word in values('ENV')[0].split())
    assert environment['PATH'].startswith('/opt/stgr/bin:')
    (volume,) = values('VOLUME')
    for variable in ('HF_HOME', 'STGR_CACHE'):
        assert environment[variable].startswith(f'{volume}/')


def test_what_the_package_is_built_from_is_not_left_out():
    left_out = (REPOSITORY / '.dockerignore').read_text().split()

    for name in ('stgr', 'configs', 'docker', 'requirements', 'setup.py', 'README.md', 'LICENSE'):
        assert (REPOSITORY / name).exists()
        assert name not in left_out
    assert {'.git', 'data', '.venv*'} <= set(left_out)


FAKE_PYTHON = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
if [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$0" "$3/bin/stgr"
fi
"""


@pytest.mark.parametrize(
    ('environment', 'index', 'extras'),
    [
        ({}, '', ''),
        ({'TORCH_INDEX': 'https://x/cu128', 'EXTRAS': 'onnx,timm'},
         '--index-url https://x/cu128 ', '[onnx,timm]'),
    ],
)  # fmt: skip
def test_torch_comes_from_its_index_and_the_rest_with_the_tested_versions(
    environment, index, extras, tmp_path
):
    fake = tmp_path / 'python'
    fake.write_text(FAKE_PYTHON)
    fake.chmod(0o755)
    calls, target = tmp_path / 'calls', tmp_path / 'a folder'
    own = {'PATH': os.environ['PATH'], 'PYTHON': str(fake), 'CALLS': str(calls)}
    subprocess.run([SCRIPT, target], env=own | environment, check=True, timeout=60)

    pins = REPOSITORY / 'requirements' / 'tested.txt'
    torch = next(line for line in pins.read_text().splitlines() if line.startswith('torch=='))
    assert calls.read_text().splitlines() == [
        f'-m venv {target}',
        f'-m pip install --no-cache-dir {index}{torch}',
        f'-m pip install --no-cache-dir -c {pins} {REPOSITORY}{extras}',
        'models verify',
    ]


def test_a_step_that_fails_fails_the_build(tmp_path):
    done = subprocess.run(
        [SCRIPT, tmp_path / 'x'], env={'PATH': os.environ['PATH'], 'PYTHON': 'false'},
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_steps_make_a_program_that_answers(tmp_path, tiny_video):
    clean = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'VIRTUAL_ENV')}
    steps = clean | {'PYTHON': sys.executable, 'TORCH_INDEX': '', 'EXTRAS': 'onnx'}
    subprocess.run([SCRIPT, tmp_path / 'stgr'], env=steps, check=True, timeout=1200)

    command = [tmp_path / 'stgr' / 'bin' / 'stgr', 'ground', tiny_video, '--query', 'crack egg']
    subprocess.run([*command, '--out', 'answer'], cwd=tmp_path, env=clean, check=True, timeout=250)
    assert (tmp_path / 'answer' / 'report.html').is_file()
