"""Predictions in one ``.npz`` file: arrays named ``video|what``, see docs/predictions.md."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stgr.io.predictions.video_prediction import PredictedPlaces, VideoPrediction
from stgr.structures import BACKGROUND_NAME

REQUIRED = ('label', 'score')
ARRAYS = (*REQUIRED, 'heat', 'gtheat', 'logp')
MAX_BYTES = 8 << 30  # of all arrays together
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError,
    KeyError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def read_npz(path: Path) -> list[VideoPrediction]:
    """Read predictions of all videos of an exchange file.

    Arrays, T seconds from 0: ``video|label`` (T,) strings, ``video|score`` (T,), and optionally
    ``video|heat`` (T, h, w), the map of the predicted class, ``video|gtheat`` (T, h, w), that of
    the true class, ``video|logp`` (T, C), log-probabilities in the order of the video's pool.

    Args:
        path: The file. Nothing is unpickled, and every array's checksum is compared.

    Returns:
        The videos, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or an array is missing, unknown or of a wrong shape.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in read_arrays(path).items():
        video_id, separator, what = name.rpartition('|')
        if not separator or not video_id or what not in ARRAYS:
            raise ValueError(
                f'{path}: array {name!r} is not named video|what with what in {list(ARRAYS)}'
            )
        found.setdefault(video_id, {})[what] = array
    return [_video(path, video_id, arrays) for video_id, arrays in found.items()]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file, without ever unpickling.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or holds an array twice or Python objects.
    """
    content = path.read_bytes()
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > MAX_BYTES:
                raise ValueError(f'it would unpack to {total >> 30} GiB')
            for member in archive.infolist():
                name = member.filename.removesuffix('.npy')
                if name in arrays:
                    raise ValueError(f'array {name!r} occurs twice')
                arrays[name] = _array(name, archive.read(member))  # checks the CRC
    except _DAMAGE as error:
        message = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{path}: not a sound .npz file: {message}') from error
    return arrays


def _array(name: str, content: bytes) -> np.ndarray:
    """Read one array; its size is checked before memory is asked for."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = reader(stream)
    if dtype.hasobject:
        raise ValueError(f'array {name!r} holds Python objects, which are not read')
    needed = dtype.itemsize
    for side in shape:
        needed *= int(side)
    rest = len(content) - stream.tell()
    if needed != rest:
        raise ValueError(f'array {name!r} of shape {shape} needs {needed} bytes, but has {rest}')
    stream.seek(0)
    array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _video(path: Path, video_id: str, arrays: Mapping[str, np.ndarray]) -> VideoPrediction:
    where = f'{path}: video {video_id!r}'
    missing = [name for name in REQUIRED if name not in arrays]
    if missing:
        raise ValueError(f'{where} has {sorted(arrays)}, but no {missing}')
    labels = arrays['label']
    if labels.dtype.kind != 'U' or labels.ndim != 1:
        raise ValueError(
            f'{where}: label must be (T,) strings, but is {labels.shape} of {labels.dtype}'
        )
    names = [str(label) for label in labels]
    numbers = {name: _numbers(where, name, arrays) for name in ARRAYS[1:] if name in arrays}
    try:
        return VideoPrediction(
            video_id=video_id,
            times_sec=np.arange(len(names), dtype=np.float64),
            labels=[None if name == BACKGROUND_NAME else name for name in names],
            scores=_shaped(numbers, 'score', 1),
            source=str(path),
            places=_maps(numbers, 'heat'),
            query_places=_maps(numbers, 'gtheat'),
            log_probs=_shaped(numbers, 'logp', 2) if 'logp' in numbers else None,
        )
    except ValueError as error:
        message = str(error)
        raise ValueError(message if where in message else f'{where}: {message}') from error


def _numbers(where: str, name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    array = arrays[name]
    if array.dtype.kind not in 'iuf':
        raise ValueError(f'{where}: {name} must be numbers, but is {array.dtype}')
    return array.astype(np.float64)


def _shaped(numbers: Mapping[str, np.ndarray], name: str, num_axes: int) -> np.ndarray:
    array = numbers[name]
    if array.ndim != num_axes:
        raise ValueError(f'{name} must have {num_axes} axes, but is {array.shape}')
    return array


def _maps(numbers: Mapping[str, np.ndarray], name: str) -> PredictedPlaces | None:
    return PredictedPlaces(heatmaps=_shaped(numbers, name, 3)) if name in numbers else None
