"""The manual as the tests see it: pages, fenced blocks, and the commands in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]
SHELLS = ('bash', 'console')  # in a console what follows "$ " is typed, the rest is printed
_FENCE = re.compile(r'^```(\S*)\n(.*?)^```', re.MULTILINE | re.DOTALL)
_SEPARATORS = {'&&', '||', '|', ';', '&'}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: ``line`` is its first, counted from 1."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f'{self.page}:{self.line}'


@dataclass(frozen=True)
class Command:
    """One command of a block: its words, without redirections, and the line as it stands."""

    place: str
    words: tuple[str, ...]
    line: str


def name_of(page: Path) -> str:
    """Return the path of a page as a reader knows it."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding='utf-8')
    return [
        Block(name_of(page), text.count('\n', 0, found.start()) + 2, *found.groups())
        for found in _FENCE.finditer(text)
    ]


def prose_of(page: Path) -> str:
    """Return what stands outside the fenced blocks."""
    return _FENCE.sub('', page.read_text(encoding='utf-8'))


def typed_lines(block: Block) -> list[str]:
    """Return what a reader types, a line per command or chain of commands, in order."""
    lines: list[str] = []
    unfinished = ''
    for raw in block.text.splitlines():
        line = raw
        if block.language == 'console' and not unfinished:
            if not raw.startswith('$ '):
                continue
            line = raw[2:]
        unfinished += line + '\n'
        if not _is_finished(unfinished):
            continue
        if shlex.split(unfinished, comments=True):
            lines.append(unfinished.strip())
        unfinished = ''
    assert not unfinished, f'{block.place}: a command does not end: {unfinished!r}'
    return lines


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a block, chains taken apart."""
    return [
        Command(block.place, words, line)
        for line in typed_lines(block)
        for words in _simple_commands(line)
    ]


def _is_finished(text: str) -> bool:
    if text.endswith('\\\n'):
        return False
    try:
        shlex.split(text, comments=True)
    except ValueError:  # a quotation that is still open
        return False
    return True


def _simple_commands(line: str) -> list[tuple[str, ...]]:
    lexer = shlex.shlex(line.replace('\\\n', ' '), posix=True, punctuation_chars='|&;<>')
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    skip = False
    for word in lexer:
        if word in _SEPARATORS:
            commands.append([])
        elif set(word) <= set('<>'):
            skip = True  # the file that follows belongs to the shell
        elif skip:
            skip = False
        else:
            commands[-1].append(word)
    return [tuple(words) for words in commands if words]
