"""A mask as the lengths of its runs, in the layout of COCO."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SIDE = 16_384  # larger "masks" are broken files


@dataclass(frozen=True)
class RunLengths:
    """A binary mask of one frame.

    Args:
        height: Rows, pixels.
        width: Columns, pixels.
        counts: Lengths of the runs of 0, 1, 0, ... in column-major order (down the first column,
            then the second), the first of 0 and perhaps empty; they add up to all pixels.

    Raises:
        ValueError: If a side or a length is out of range, or the lengths do not fit the size.
    """

    height: int
    width: int
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not (1 <= self.height <= MAX_SIDE and 1 <= self.width <= MAX_SIDE):
            raise ValueError(f'a mask is {self.height} x {self.width}; sides must be 1..{MAX_SIDE}')
        if len(self.counts) and self.counts.min() < 0:
            raise ValueError('lengths of a mask must be >= 0')
        pixels, total = self.height * self.width, sum(map(int, self.counts))
        if total != pixels:
            raise ValueError(
                f'lengths of a mask add up to {total}, but {self.height} x {self.width} pixels '
                f'are {pixels}'
            )

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(self.counts[1::2].sum())

    def decode(self) -> NDArray[np.bool_]:
        """Return the mask, (height, width) bool."""
        values = np.arange(len(self.counts)) % 2 == 1
        flat = np.repeat(values, self.counts)
        return flat.reshape(self.width, self.height).T


def encode_mask(mask: NDArray[Any]) -> RunLengths:
    """Return the run lengths of a mask.

    Args:
        mask: (height, width); nonzero is inside.
    """
    flat = np.asarray(mask, bool).T.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    starts_inside = flat.size > 0 and bool(flat[0])
    counts = np.concatenate([[0], counts]) if starts_inside else counts
    return RunLengths(mask.shape[0], mask.shape[1], counts.astype(np.int64))


def counts_from_string(text: str) -> NDArray[np.int64]:
    """Return the lengths in COCO's compressed string.

    Five bits per character (48 is 0), the lowest first, bit 32 says that more follow, bit 16 of
    the last one is the sign; from the fourth number on the difference to the one before last is
    stored.

    Args:
        text: ``counts`` of a compressed mask.

    Raises:
        ValueError: If a character is out of range or the last number is cut off.
    """
    counts: list[int] = []
    number, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise ValueError(f'{character!r} cannot stand in the lengths of a mask')
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << shift
        counts.append(number + _before_last(counts))
        number, shift = 0, 0
    if shift:
        raise ValueError('the lengths of a mask are cut off')
    return _as_lengths(counts)


def _before_last(counts: Sequence[int]) -> int:
    return counts[-2] if len(counts) > 2 else 0


def _as_lengths(counts: Sequence[int]) -> NDArray[np.int64]:
    if any(not 0 <= count <= MAX_SIDE**2 for count in counts):
        raise ValueError('lengths of a mask must be >= 0 and no longer than a frame')
    return np.asarray(counts, np.int64)
