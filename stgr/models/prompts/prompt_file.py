"""What a user knows about the actions: descriptions, verb and object of each, from a file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PromptEntry:
    """What a file says about one query.

    Args:
        descriptions: Sentences that describe it.
        verb: What is done; None to take it from the query.
        object: What it is done to; None to take it from the query, '' for nothing.
    """

    descriptions: tuple[str, ...] = ()
    verb: str | None = None
    object: str | None = None


def read_prompt_file(path: str | Path) -> dict[str, PromptEntry]:
    """Return what a file says about each query.

    A ``.json`` file holds an object: by query a sentence, a list of sentences, or an object with
    any of ``descriptions`` (a list), ``verb`` and ``object`` (texts). Any other file is text with
    one ``query: sentence`` per line; a query may have several lines, and blank ones are skipped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of this form; the message names the line or the query.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no prompt file {path}; give a .json file, or text lines "query: sentence"'
        )
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is no UTF-8 text') from error
    entries = _read_json(text, path) if path.suffix.lower() == '.json' else _read_lines(text, path)
    if not entries:
        raise ValueError(f'{path} describes no query')
    return entries


def _read_lines(text: str, path: Path) -> dict[str, PromptEntry]:
    sentences: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        query, colon, sentence = (part.strip() for part in line.partition(':'))
        if not (query or colon):
            continue
        if not (query and colon and sentence):
            raise ValueError(f'{path}, line {number}: expected "query: sentence", got {line!r}')
        sentences.setdefault(query, []).append(sentence)
    return {query: PromptEntry(tuple(told)) for query, told in sentences.items()}


def _read_json(text: str, path: Path) -> dict[str, PromptEntry]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(f'{path} is no JSON ({error})') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} must hold an object, query by query')
    return {query.strip(): _entry(value, f'{path}, {query!r}') for query, value in content.items()}


def _entry(value: Any, where: str) -> PromptEntry:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = {'descriptions': value}
    if not isinstance(value, dict) or set(value) - {'descriptions', 'verb', 'object'}:
        raise ValueError(
            f'{where}: expected a sentence, a list of them, or an object with descriptions, verb '
            f'and object, got {value!r}'
        )
    told = value.get('descriptions', [])
    if not (isinstance(told, list) and all(isinstance(t, str) and t.strip() for t in told)):
        raise ValueError(f'{where}: descriptions must be a list of sentences, got {told!r}')
    for key in ('verb', 'object'):
        if not isinstance(value.get(key, ''), str):
            raise ValueError(f'{where}: {key} must be a text, got {value[key]!r}')
    return PromptEntry(tuple(t.strip() for t in told), value.get('verb'), value.get('object'))
