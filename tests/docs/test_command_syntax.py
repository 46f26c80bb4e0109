"""Every command of the manual is understood by the program it names."""

import argparse
import re
import shlex

import pytest
from doc_pages import PAGES, ROOT, SHELLS, blocks_of, commands_of, name_of, prose_of
from doc_parsers import check

ALL_PAGES = [*PAGES, ROOT / 'model_zoo.md']
COMMANDS = [
    command
    for page in ALL_PAGES
    for block in blocks_of(page)
    if block.language in SHELLS
    for command in commands_of(block)
]
_OURS = r'(?:\$ )?(?:stgr|python|make|tools/\S+\.sh|pip|torchrun|srun|sbatch|mpirun) \S'


@pytest.mark.parametrize(
    'words', sorted({command.words for command in COMMANDS}), ids=lambda words: shlex.join(words)
)
def test_command_is_understood(words):
    check(words)


@pytest.mark.parametrize('page', ALL_PAGES, ids=name_of)
def test_commands_stand_where_they_are_tested(page):
    """In a block that says it is a shell's: others are not looked at."""
    for block in blocks_of(page):
        if block.language not in SHELLS and block.language != 'python':
            assert not re.search(rf'^{_OURS}', block.text, re.MULTILINE), block.place
    assert not re.search(rf'^ {{4,}}{_OURS}', prose_of(page), re.MULTILINE)


def _inline_commands():
    for page in ALL_PAGES:
        text = re.sub(r'\s+', ' ', prose_of(page))
        for span in re.findall(r'(?<!`)`([^`]+)`(?!`)', text):
            if re.match(r'(stgr [a-z]|(python )?(tools|benchmarks)/\S+\.(py|sh)|make [a-z])', span):
                yield name_of(page), span


@pytest.mark.parametrize(('page', 'span'), sorted(set(_inline_commands())))
def test_command_in_a_sentence_exists(page, span):
    """Its program, subcommand and options do; what it works on may be left out."""
    words = span.split()
    if words[0] == 'make':
        check(tuple(words))
    elif words[0] == 'stgr':
        _check_options(words[1:])
    else:
        script = words[words[0] == 'python']
        assert (ROOT / script).is_file(), f'{page}: there is no {script}'


def _check_options(words):
    from stgr.cli import _parser

    parser = _parser()
    for number, word in enumerate(words):
        known = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        if known and re.fullmatch(r'[a-z][a-z-]*', word):
            assert word in known[0].choices, f'there is no {" ".join(words[: number + 1])}'
            parser = known[0].choices[word]
        elif word.startswith('--'):
            assert word.split('=')[0] in parser._option_string_actions, f'there is no {word}'


@pytest.mark.parametrize(
    'line',
    [
        'stgr grond a.mp4 --query egg --out out',
        'stgr ground a.mp4 --query egg --out out --treshold 1',
        'stgr extract ours_tyni',
        'python tools/train.py configs/ours_tiny.py --ressume',
        'python tools/trane.py configs/ours_tiny.py',
        'python tools/train.py configs/ours_tiny.py --cfg-options model.selector.cuont=2',
        'python tools/ablate.py configs/no_such_*.py',
        'tools/dist_train.sh configs/ours_tiny.py 2 --ressume',
        'srun --ntasks 2 stgr extract ours_tyni',
        'make tset',
        "pip install 'stgr[rya]'",
        'pip install -e . -c requirements/testde.txt',
        'sgtr ground a.mp4',
    ],
)
def test_wrong_command_is_noticed(line):
    with pytest.raises((AssertionError, SystemExit, KeyError)):
        check(tuple(shlex.split(line)))
