"""Changing values of a config from the command line, strictly.

MMEngine's ``--cfg-options`` creates what it does not find, so a misspelt key changes nothing and
says nothing, and keeps ``model={"type": "Z"}`` as a string. Here a key must exist (``+key=value``
adds a new one) and a value keeps the type of the one it replaces.
"""

import ast
import difflib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from mmengine.config import Config

_WORDS = {'true': True, 'false': False, 'none': None, 'null': None}


def apply_overrides(config: Config, overrides: Iterable[str]) -> None:
    """Change ``config`` in place by ``key=value`` strings.

    Keys are dotted, whole numbers index lists (``train_dataloader.dataset.pipeline.0.fps=8``).
    Values are Python literals; ``true``, ``false`` and ``none`` in any case; anything else is text.

    Raises:
        KeyError: If a key does not exist (near ones are listed) or ``+key`` exists already.
        TypeError: If a value is of another type than the one it replaces.
        ValueError: If a string has no ``=``.
    """
    for override in overrides:
        key, found, text = override.partition('=')
        if not found or not key.strip('+'):
            raise ValueError(f'override {override!r} is not of the form key=value')
        key = key.strip()
        if key.startswith('+'):
            _add(config, key[1:], parse_value(text))
        else:
            _replace(config, key, text)


def parse_value(text: str) -> Any:
    """Return the Python literal that ``text`` spells, or ``text`` itself if it spells none.

    >>> parse_value('1e-3'), parse_value('[1, 2]'), parse_value('True'), parse_value('cosine')
    (0.001, [1, 2], True, 'cosine')
    """
    if text.strip().lower() in _WORDS:
        return _WORDS[text.strip().lower()]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text


def _replace(config: Config, key: str, text: str) -> None:
    holder, last = _find_holder(config, key)
    holder[last] = _like(holder[last], parse_value(text), text, key=key)


def _add(config: Config, key: str, value: Any) -> None:
    *parents, last = key.split('.')
    holder: Any = config._cfg_dict
    for part in parents:
        if isinstance(holder, MutableMapping) and part not in holder:
            holder[part] = {}
        holder = _step(config, holder, part, key=key)
    if not isinstance(holder, MutableMapping):
        raise KeyError(f'+{key}: items cannot be added to a list; assign the whole list instead')
    if last in holder:
        raise KeyError(f'+{key} exists already; write {key}=... to change it')
    holder[last] = value


def _find_holder(config: Config, key: str) -> tuple[Any, Any]:
    """Return the dict or list that holds the last part of ``key``, and that part as its index."""
    *parents, last = key.split('.')
    holder: Any = config._cfg_dict
    for part in parents:
        holder = _step(config, holder, part, key=key)
    _step(config, holder, last, key=key)
    return holder, int(last) if isinstance(holder, list | tuple) else last


def _step(config: Config, holder: Any, part: str, *, key: str) -> Any:
    if isinstance(holder, Mapping) and part in holder:
        return holder[part]
    if isinstance(holder, list) and part.isdecimal() and int(part) < len(holder):
        return holder[int(part)]
    raise KeyError(f'no {key} in the config{_hint(config, key)}; write +{key}=... to add it')


def _hint(config: Config, key: str) -> str:
    known = list(_dotted_keys(config._cfg_dict))
    last = key.rsplit('.', maxsplit=1)[-1]
    same_name = [name for name in known if name.rsplit('.', maxsplit=1)[-1] == last]
    near = list(dict.fromkeys(difflib.get_close_matches(key, known, n=3) + same_name))[:4]
    return f'; did you mean {" or ".join(near)}?' if near else ''


def _dotted_keys(value: Any, prefix: str = '') -> Iterator[str]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for name, inner in items:
        yield f'{prefix}{name}'
        yield from _dotted_keys(inner, f'{prefix}{name}.')


def _like(old: Any, new: Any, text: str, *, key: str) -> Any:
    """Return ``new`` in the type of ``old``, which None and classes leave open."""
    if old is None or new is None:
        return new
    if isinstance(old, bool) or isinstance(new, bool):
        return _checked(new, isinstance(new, bool) and isinstance(old, bool), old, key=key)
    if isinstance(old, str):
        return text
    if isinstance(old, float):
        return float(_checked(new, isinstance(new, int | float), old, key=key))
    if isinstance(old, list | tuple):
        new = _checked(new, isinstance(new, list | tuple), old, key=key)
        return type(old)(new)
    if isinstance(old, int):
        return _checked(new, isinstance(new, int), old, key=key)
    if isinstance(old, Mapping):
        return _checked(new, isinstance(new, Mapping), old, key=key)
    return _checked(new, isinstance(new, str), old, key=key)  # a class: its dotted name


def _checked(new: Any, fits: bool, old: Any, *, key: str) -> Any:
    if not fits:
        raise TypeError(
            f'{key}={new!r} is of type {type(new).__name__}, but the config has {old!r} '
            f'({type(old).__name__}) there'
        )
    return new
