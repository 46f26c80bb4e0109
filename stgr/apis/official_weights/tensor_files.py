"""Reading the released files strictly, and writing ours whole."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stgr.engine import read_checkpoint
from stgr.io.atomic import written_whole

Shape = tuple[int, ...]
PREFIX = 'module.'  # left by data-parallel wrappers
_SHOWN = 20


def read_official(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a released file by name.

    They stand under ``state_dict``, beside the state of optimizer and scheduler, or are the whole
    file. A leading ``module.`` is removed; one inside a name (``text_module.fc1``) is not.

    Args:
        path: A ``.pth`` or ``.pth.tar`` file of torch, or a ``.safetensors`` file.

    Returns:
        Names to tensors on the CPU, floating ones as float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds more than plain data, has no tensors by name,
            names one twice or holds a number that is not finite.
    """
    try:
        state = read_checkpoint(path)['state_dict']
    except ValueError as error:
        raise ValueError(
            f'{error}; nothing of it was run: docs/released_weights.md says how to take the '
            'weights out of a file that holds more'
        ) from error
    _check_tensors(state, path)
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        bare = name.removeprefix(PREFIX)
        if bare in tensors:
            raise ValueError(f'{path} names {bare} twice, with and without "{PREFIX}"')
        tensors[bare] = _as_float32(tensor)
    return tensors


def _check_tensors(state: Any, path: str | Path) -> None:
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f'{path} holds no tensors by name, but {state!r:.60}')
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f'{path}: {name!r} is a {type(value).__name__}, expected a tensor; are the weights '
                'under another name than state_dict?'
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(f'{path}: {name} holds numbers that are not finite')


def _as_float32(tensor: Tensor) -> Tensor:
    """Return a copy of its own: float32 for float16 (exact), bfloat16 and float64."""
    kept = tensor.detach().clone(memory_format=torch.contiguous_format)
    return kept.float() if kept.is_floating_point() else kept


def check_names(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Shape],
    *,
    source: str | Path,
    model: str,
    ignore: Sequence[str] = (),
    may_lack: Iterable[str] = (),
    hint: str = '',
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the expected tensors, in the expected order, and the names that were ignored.

    Args:
        tensors: What the file holds.
        expected: Every name and shape it must hold.
        source: The file, for the error message.
        model: What it should be, for the error message.
        ignore: Patterns (``fnmatch``) of further names that it may hold.
        may_lack: Expected names that it may leave out.
        hint: What to do, put at the end of the message.

    Raises:
        ValueError: If a name is missing or left over or a shape differs; all three are listed.
    """
    may_lack = set(may_lack)
    left_over = [name for name in tensors if name not in expected]
    ignored = [name for name in left_over if any(fnmatchcase(name, p) for p in ignore)]
    shapes = [
        f'{name} {tuple(tensors[name].shape)} instead of {shape}'
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    faults = {
        'missing': [n for n in expected if n not in tensors and n not in may_lack],
        'left over': [name for name in left_over if name not in ignored],
        'of another shape': shapes,
    }
    if any(faults.values()):
        parts = [f'{len(names)} {kind} ({_some(names)})' for kind, names in faults.items() if names]
        raise ValueError(f'{source} is not {model}: {"; ".join(parts)}{hint and "; " + hint}')
    return {name: tensors[name] for name in expected if name in tensors}, ignored


def save_tensors(tensors: Mapping[str, Tensor], path: str | Path, *, origin: dict[str, Any]) -> str:
    """Write a safetensors file whole or not at all and return ``describe_file`` of it.

    Args:
        tensors: Names to tensors.
        path: The file; its folder is made.
        origin: Where the tensors come from; kept in the file's metadata as JSON.
    """
    from safetensors.torch import save_file

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    copies = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    with written_whole(target) as partial:
        # One key only: safetensors writes several in a random order, and the sha256 would differ.
        save_file(copies, partial, metadata={'origin': json.dumps(origin, sort_keys=True)})
    return describe_file(target, tensors)


def describe_file(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Return one line: path, number of tensors, of numbers, sha256."""
    numbers = sum(tensor.numel() for tensor in tensors.values())
    return f'{path}: {len(tensors)} tensors, {numbers:,} numbers, sha256 {sha256_of(path)}'


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    with Path(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _some(names: Sequence[str]) -> str:
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
