"""Configs as plain data that a stranger may have written: names of parts of stgr, nothing else.

MMEngine's configs are Python, and its registries import whatever a dotted name says. Neither may
happen with a file from the hub: a config there is JSON, every ``type`` has to be a class that
``stgr`` registers itself, and no value may be a path on the reader's machine.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgr.registry import LOCALIZERS, MODELS

_REGISTRIES = (MODELS, LOCALIZERS)
# A bundled part, a name on the hub, words or a template of words: nothing that names a file here.
# A colon may follow a word, not the letter of a drive.
_TEXT = re.compile(r"(stgr://)?[A-Za-z0-9{]([\w.+ ,'{}-]|(?<=\w\w):(?= ))*(/[A-Za-z0-9][\w.-]*)?")
_FILES = ('.py', '.pth', '.pt', '.bin', '.pkl', '.ckpt', '.npy', '.npz', '.txt', '.safetensors')
_MAX_NUMBER = 10_000_000  # no width or count of a model is as large; memory would be
_MAX_DEPTH = 12


def plain_config(value: Any, where: str = 'model') -> Any:
    """Return a part of a config as JSON values, classes as the names they are registered by.

    Args:
        value: Config of a model as MMEngine has it.
        where: What it is called in errors.

    Raises:
        ValueError: If a class is not one of ``stgr``, or a value is no JSON value or a file or
            folder of this machine, which nobody else has.
    """
    if isinstance(value, Mapping):
        return {
            str(key): _type_name(item, f'{where}.type')
            if key == 'type'
            else plain_config(item, f'{where}.{key}')
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain_config(item, f'{where}[{i}]') for i, item in enumerate(value)]
    if isinstance(value, Path) or (isinstance(value, str) and _is_here(value)):
        raise ValueError(
            f'{where}: the model reads {value} on this machine, which others do not have; name a '
            'model of the hub there'
        )
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f'{where}: {type(value).__name__} cannot be written as JSON')
    return value


def _type_name(kind: Any, where: str) -> str:
    """Return the name that a class of ours, or the import path of one, is registered by."""
    parts = _known_parts()
    part = (parts.get(kind) or MODELS.get(kind)) if isinstance(kind, str) else kind
    name = getattr(part, '__name__', str(kind))
    if part is None or parts.get(name) is not part:
        raise ValueError(f'{where}: {getattr(part, "__module__", "")}.{name} is no part of stgr')
    return name


def _is_here(text: str) -> bool:
    return ('/' in text or '\\' in text) and '://' not in text and Path(text).exists()


def check_plain_config(value: Any, where: str, *, depth: int = 0) -> None:
    """Raise unless a part of a config, read from JSON, may be built.

    Args:
        value: The part.
        where: What it is called in errors.
        depth: How deep it lies.

    Raises:
        ValueError: If a ``type`` is not registered by ``stgr``, a name begins with ``_``, a text
            may be a path or a dotted import, or a number is out of all proportion.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f'{where} is nested too deeply for the config of a model')
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not re.fullmatch(r'[A-Za-z]\w*', key) or key == 'custom_imports':
                raise ValueError(f'{where}: a config from elsewhere may not have {key!r}')
            if key == 'type':
                _check_type(item, f'{where}.type')
            else:
                check_plain_config(item, f'{where}.{key}', depth=depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            check_plain_config(item, f'{where}[{i}]', depth=depth + 1)
    elif isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < _MAX_NUMBER):
        raise ValueError(f'{where}: {value} is out of all proportion for a model')


def _check_type(name: Any, where: str) -> None:
    if not isinstance(name, str) or name not in _known_parts():
        raise ValueError(f'{where}: {name!r} is no part of stgr, and nothing else is built')


def _check_text(text: str, where: str) -> None:
    if not _TEXT.fullmatch(text) or text.lower().endswith(_FILES):
        raise ValueError(
            f'{where}: {text[:60]!r} may be a file of one machine; a model that travels may name '
            'models of the hub and bundled ones'
        )


def _known_parts() -> dict[str, Any]:
    """Return every part that ``stgr`` registers, by name."""
    parts: dict[str, Any] = {}
    for registry in _REGISTRIES:
        registry.import_from_location()
        parts |= registry.module_dict
    return parts
