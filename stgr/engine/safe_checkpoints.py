"""Reading checkpoints without running what is in them.

MMEngine 0.10.7 stores its ``HistoryBuffer`` objects beside the weights, which ``torch.load``
refuses since torch 2.6 (``weights_only=True``). The refused names are allowed one by one here;
``getattr``, which those buffers ask for, is replaced by a stand-in that returns four known methods
and nothing else.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray  # type: ignore[no-redef]

_HISTORY_METHODS = ('min', 'max', 'current', 'mean')
_NUMPY_TYPE_CODES = '?bBhHiIlLqQefd'


def read_checkpoint(path: str | Path, *, map_location: Any = 'cpu') -> dict[str, Any]:
    """Return the contents of a checkpoint file, refusing everything that is not plain data.

    Args:
        path: A ``.pth`` file of MMEngine or torch, or a ``.safetensors`` file (weights alone).
        map_location: Device the tensors are put on, as for ``torch.load``.

    Returns:
        The checkpoint; its weights stand under ``state_dict``, whichever way the file holds them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated, is no checkpoint, or holds objects not allowed.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(
            f'no checkpoint {file}; give the path of a .pth or .safetensors file'
        )
    if file.suffix == '.safetensors':
        return {'state_dict': _read_safetensors(file, map_location)}
    with mmengine_globals_allowed():
        contents = _read_pickled(file, map_location)
    if not isinstance(contents, dict):
        raise ValueError(f'{file} holds a {type(contents).__name__}, expected a dict of weights')
    return contents if 'state_dict' in contents else {'state_dict': contents}


@contextmanager
def mmengine_globals_allowed() -> Iterator[None]:
    """Let ``torch.load(weights_only=True)`` read what MMEngine writes, inside the block."""
    with torch.serialization.safe_globals(_allowed_globals()):
        yield


def _allowed_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    allowed: list[Any] = [HistoryBuffer, np.ndarray, np.dtype]
    allowed.append((_history_method, 'builtins.getattr'))
    for package in ('numpy.core', 'numpy._core'):  # the names of numpy 1 and of numpy 2
        allowed.append((multiarray._reconstruct, f'{package}.multiarray._reconstruct'))
        allowed.append((multiarray.scalar, f'{package}.multiarray.scalar'))
    return allowed + list({type(np.dtype(code)) for code in _NUMPY_TYPE_CODES})


def _history_method(owner: object, name: str) -> Any:
    """Stand in for ``getattr`` inside checkpoints: four methods of ``HistoryBuffer``, no more."""
    if owner is HistoryBuffer and name in _HISTORY_METHODS:
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not allowed in a checkpoint')


def _read_pickled(file: Path, map_location: Any) -> Any:
    try:
        return torch.load(file, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{file} is not a checkpoint that can be read safely ({_fact(error)}); '
            'it is damaged, or holds more than weights and plain data'
        ) from error
    except Exception as error:  # damaged bytes make the unpickler fail in any way, KeyError too
        raise ValueError(_damaged(file, error)) from error


def _fact(error: Exception) -> str:
    """Return why torch refused a file, without its advice to switch the protection off."""
    said = str(error.__cause__ or error).rpartition('WeightsUnpickler error:')[2]
    facts = [line for line in said.splitlines() if line.strip() and 'weights_only' not in line]
    return (facts or [type(error).__name__])[0].strip().partition('. Please ')[0].rstrip('.')


def _read_safetensors(file: Path, map_location: Any) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file, device=str(map_location))
    except SafetensorError as error:
        raise ValueError(_damaged(file, error)) from error


def _damaged(file: Path, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return (
        f'{file} ({file.stat().st_size} bytes) is truncated or damaged: {reason}; '
        'use another checkpoint'
    )
