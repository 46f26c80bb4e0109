"""Check a command against the parsers of the programs themselves, without running it."""

import argparse
import importlib.metadata
import itertools
import os
import re
import runpy
import subprocess
import sys
from unittest import mock

from doc_pages import ROOT

_ASSIGNMENT = re.compile(r'[A-Z_][A-Z0-9_]*=.*')
# Programs that are not ours: nothing of ours can check their options.
FOREIGN = {'cd', 'export', 'git', 'ray', 'pre-commit', 'curl', 'docker', 'ffmpeg', 'unzip', 'wget'}
LAUNCHERS = {'srun', 'sbatch', 'mpirun', 'torchrun'}
SHELL_TOOLS = {'dist_train.sh': 'train.py', 'dist_test.sh': 'test.py'}


class _ParsedError(BaseException):
    """Leaves a script as soon as it has parsed its arguments; no script may catch it."""

    def __init__(self, namespace: argparse.Namespace) -> None:
        super().__init__()
        self.namespace = namespace


def check(words: tuple[str, ...]) -> None:
    """Raise if a command's program, subcommand, options or named files do not exist."""
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    program = words[0] if words else ''
    if program in FOREIGN or not program:
        return
    if program in LAUNCHERS:
        check(_launched(words))
    elif program == 'make':
        _check_make(words)
    elif program == 'pip' or words[:3] == ('python', '-m', 'pip'):
        _check_extras(words)
    elif program == 'stgr':
        check_configs(parse_stgr(list(words[1:])))
    elif program.startswith('tools/') and program.endswith('.sh'):
        _check_shell_tool(words)
    elif program == 'python' and words[1].endswith('.py'):
        check_configs(parse_script(words[1], _expand(words[2:])))
    elif words[:2] == ('python', '-c'):
        compile(words[2], 'python -c', 'exec')
    elif words[:3] == ('python', '-m', 'stgr.cli'):
        check_configs(parse_stgr(list(words[3:])))
    else:
        raise AssertionError(f'nothing here knows how to check {" ".join(words)!r}')


def parse_stgr(argv: list[str]) -> argparse.Namespace:
    """Return what ``stgr`` understands; SystemExit (2) if it does not."""
    from stgr.cli import _parser

    if argv in (['--version'], ['--help']):  # which end the process
        return argparse.Namespace()
    return _parser().parse_args(argv)


def parse_script(script: str, argv: list[str]) -> argparse.Namespace:
    """Return what a script of ours understands, and run no more of it."""
    path = ROOT / script
    assert path.is_file(), f'there is no {script}'
    real = argparse.ArgumentParser.parse_args

    def parse(self, *args, **kwargs):
        raise _ParsedError(real(self, *args, **kwargs))

    with (
        mock.patch.object(argparse.ArgumentParser, 'parse_args', parse),
        mock.patch.object(sys, 'argv', [str(path), *argv]),
        mock.patch.object(sys, 'path', [str(path.parent), *sys.path]),
    ):
        try:
            runpy.run_path(str(path), run_name='__main__')
        except _ParsedError as parsed:
            return parsed.namespace
    raise AssertionError(f'{script} ran without parsing its arguments')


def check_configs(args: argparse.Namespace) -> None:
    """Raise if a config or a key of ``--cfg-options`` does not exist."""
    from stgr.apis.model_hub import list_models, load_config

    names = {entry.name for entry in list_models()}
    single = getattr(args, 'config', None)
    configs = [single] if isinstance(single, str) else list(getattr(args, 'configs', None) or [])
    for config in configs:
        own = config.split('/')[0].isupper() or config.startswith('my_')  # a reader's
        known = own or config in names or (ROOT / config).is_file()
        assert known, f'there is no config {config}'
    overrides = getattr(args, 'cfg_options', None)
    if overrides and configs and not own:
        load_config(configs[0], overrides=overrides)


def _launched(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command behind a launcher and its options."""
    for place, word in enumerate(words[1:], 1):
        if word in ('stgr', 'python') or word.endswith('.sh'):
            return words[place:]
        if word.endswith('.py'):
            return ('python', *words[place:])
    raise AssertionError(f'{words[0]} starts nothing')


def _check_make(words: tuple[str, ...]) -> None:
    command = ['make', '--dry-run', '--no-print-directory', *words[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _check_extras(words: tuple[str, ...]) -> None:
    known = set(importlib.metadata.metadata('stgr').get_all('Provides-Extra') or [])
    known |= set(re.findall(r'^(\w+) = \[', (ROOT / 'pyproject.toml').read_text(), re.MULTILINE))
    for word in words:
        found = re.search(r'(?:stgr|\.)\[([^\]]+)\]', word)
        for extra in found.group(1).split(',') if found else ():
            assert extra in known, f'there is no extra {extra!r}'
    for option, value in itertools.pairwise(words):
        if option in ('-c', '-r'):
            assert (ROOT / value).is_file(), f'there is no {value}'


def _check_shell_tool(words: tuple[str, ...]) -> None:
    """Let the script call ``echo`` in place of Python, and parse what it would have started."""
    path = ROOT / words[0]
    assert os.access(path, os.X_OK), f'{words[0]} is no program'
    if path.name not in SHELL_TOOLS:  # slurm_train.sh asks Slurm: its own test has stand-ins
        check(('python', 'tools/train.py', *words[1:]))
        return
    done = subprocess.run(
        [str(path), *words[1:]],
        env=os.environ | {'PYTHON': 'echo'},
        capture_output=True,
        text=True,
        check=True,
    )
    started = done.stdout.split()
    script = next(i for i, word in enumerate(started) if word.endswith('.py'))
    assert started[script].endswith(SHELL_TOOLS[path.name])
    check(('python', f'tools/{SHELL_TOOLS[path.name]}', *started[script + 1 :]))


def _expand(words: tuple[str, ...]) -> list[str]:
    """Return the words as a shell at the repository's root would hand them over."""
    expanded: list[str] = []
    for word in words:
        found = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(word)) if '*' in word else []
        assert found or '*' not in word, f'nothing matches {word}'
        expanded += found or [word]
    return expanded
