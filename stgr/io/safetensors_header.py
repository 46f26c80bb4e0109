"""The header of a safetensors file: 8 bytes of length, JSON, then the raw tensors.

Reading it alone tells what is in a file without mapping it, and whether the file has the size that
it should have. Source: https://github.com/huggingface/safetensors#format.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.io.errors import DamagedFeaturesError

MAX_HEADER_BYTES = 100_000_000  # as in the reference implementation
_NAMES = {'<f8': 'F64', '<f2': 'F16', '<i8': 'I64', '<i4': 'I32', '|u1': 'U8'}


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor lies: its shape and its bytes ``[begin, end)`` of the file."""

    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    """What the header of a file says: its metadata and where each tensor lies."""

    metadata: dict[str, str]
    tensors: dict[str, TensorPlace]


def header_bytes(
    metadata: Mapping[str, str], tensors: Mapping[str, tuple[str, tuple[int, ...]]]
) -> bytes:
    """Return the head of a file with tensors one after the other.

    Args:
        metadata: Names and texts.
        tensors: numpy's little-endian type (``'<f2'``) and shape of each, in their order.
    """
    header: dict[str, object] = {'__metadata__': dict(metadata)}
    begin = 0
    for name, (dtype, shape) in tensors.items():
        end = begin + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        header[name] = {
            'dtype': _NAMES[dtype],
            'shape': list(shape),
            'data_offsets': [begin, end],
        }
        begin = end
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)  # the format wants its tensors aligned
    return struct.pack('<Q', len(text)) + text


def read_header(path: Path) -> SafetensorsHeader:
    """Return the header of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none, or the file is not as long as it says.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        start = file.read(8)
        length = struct.unpack('<Q', start)[0] if len(start) == 8 else size
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise DamagedFeaturesError(
                f'{path}: damaged file (no whole header in its {size} bytes)'
            )
        text = file.read(length)
    try:
        header = _parsed(json.loads(text), base=8 + length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedFeaturesError(
            f'{path}: damaged file (its header is unreadable: {error})'
        ) from error
    wanted = max((place.end for place in header.tensors.values()), default=8 + length)
    if wanted != size:
        raise DamagedFeaturesError(f'{path}: damaged file ({size} bytes instead of {wanted})')
    return header


def _parsed(header: dict[str, dict], base: int) -> SafetensorsHeader:
    metadata = header.pop('__metadata__', {})
    places = {}
    for name, tensor in header.items():
        begin, end = tensor['data_offsets']
        places[name] = TensorPlace(tuple(map(int, tensor['shape'])), base + begin, base + end)
    return SafetensorsHeader({str(key): str(value) for key, value in metadata.items()}, places)
