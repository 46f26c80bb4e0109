"""Messages between a reader and its decoding process: JSON with arrays behind it, no pickle.

A process that reads a hostile file may be taken over by it, so what it says is data only.
"""

import json
import os
import select
import struct
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from stgr.io.video_timeline import VideoTimeline

Message = dict[str, Any]
DTYPES = ('uint8', 'int64')
_LENGTH = struct.Struct('<I')
_ARRAYS = ('pts', 'packet_idx', 'packet_pts', 'key_packets')


def send(pipe: int, message: Message, arrays: Sequence[np.ndarray] = ()) -> None:
    """Write a message and its arrays to a pipe.

    Args:
        pipe: File descriptor.
        message: JSON values.
        arrays: Arrays of ``DTYPES``.

    Raises:
        OSError: If nobody reads any more.
    """
    kinds = [[str(array.dtype), list(array.shape)] for array in arrays]
    text = json.dumps([message, kinds]).encode()
    contents = [np.ascontiguousarray(array).ravel().view(np.uint8).data for array in arrays]
    for rest in (memoryview(_LENGTH.pack(len(text)) + text), *contents):
        while rest:
            rest = rest[os.write(pipe, rest) :]


def receive(pipe: int, limit_sec: float | None = None) -> tuple[Message, list[np.ndarray]]:
    """Read one message and its arrays from a pipe.

    Args:
        pipe: File descriptor.
        limit_sec: How long to wait for all of it; None for ever.

    Raises:
        EOFError: If the other side is gone.
        TimeoutError: If the message is not complete in time.
        ValueError: If it is no message.
    """
    deadline = None if limit_sec is None else time.monotonic() + limit_sec
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size, deadline))
    message, kinds = json.loads(_read(pipe, length, deadline))
    arrays = []
    for dtype, shape in kinds:
        if dtype not in DTYPES:
            raise ValueError(f'expected an array of {DTYPES}, but got {dtype!r}')
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        content = _read(pipe, count, deadline)
        arrays.append(np.frombuffer(content, dtype).reshape(shape))
    return message, arrays


def _read(pipe: int, count: int, deadline: float | None) -> bytearray:
    content = bytearray(count)
    rest = memoryview(content)
    while rest:
        if deadline is not None:
            left_sec = max(0.0, deadline - time.monotonic())
            if not select.select([pipe], [], [], left_sec)[0]:
                raise TimeoutError
        got = os.readv(pipe, [rest])
        if got == 0:
            raise EOFError
        rest = rest[got:]
    return content


def timeline_to_message(timeline: VideoTimeline) -> tuple[Message, list[np.ndarray]]:
    """Return what ``timeline_from_message`` makes the same timeline of."""
    values = {name: value for name, value in vars(timeline).items() if name not in _ARRAYS}
    values['time_base'] = list(timeline.time_base.as_integer_ratio())
    named = {name: getattr(timeline, name) for name in _ARRAYS}
    there = {name: array.astype(np.int64) for name, array in named.items() if array is not None}
    return {'timeline': values, 'arrays': list(there)}, list(there.values())


def timeline_from_message(message: Message, arrays: Sequence[np.ndarray]) -> VideoTimeline:
    """Return the timeline of a message.

    Raises:
        KeyError, TypeError: If the message has none.
    """
    values = dict(message['timeline'])
    values['time_base'] = Fraction(*values['time_base'])
    values['warnings'] = tuple(values['warnings'])
    return VideoTimeline(**values, **dict(zip(message['arrays'], arrays, strict=True)))
