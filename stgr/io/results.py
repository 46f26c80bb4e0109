"""Results on disk: ``result.json`` for people and programs, ``heatmaps.npz`` beside it.

The fields and their units are documented in ``docs/result_schema.md``.
"""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from stgr.io.atomic import write_atomically
from stgr.io.checked_json import check_finite, format_json, read_json
from stgr.io.result_json import heatmaps_key, result_from_json, result_to_json
from stgr.structures import GroundingResult

SCHEMA_VERSION = 1
RESULT_FILE = 'result.json'
HEATMAPS_FILE = 'heatmaps.npz'


def save_result(result: GroundingResult, out_dir: str | os.PathLike[str]) -> Path:
    """Write a result to a folder, which is made if it is not there.

    Each file appears whole or not at all. The JSON file comes last and holds the checksum of the
    other one, so an interrupted overwrite is noticed when it is read.

    Args:
        result: What was found in one video.
        out_dir: Folder that gets ``result.json`` and ``heatmaps.npz``.

    Returns:
        The path of ``result.json``.

    Raises:
        ValueError: If a number is NaN or infinite; nothing is written then.
        TypeError: If a setting is not a JSON value; nothing is written then.
    """
    out_dir = Path(out_dir)
    maps = _heatmaps_to_bytes(result)
    document = {
        'schema_version': SCHEMA_VERSION,
        'heatmaps_file': HEATMAPS_FILE,
        'heatmaps_sha256': hashlib.sha256(maps).hexdigest(),
        **result_to_json(result),
    }
    check_finite(document, 'result')
    text = format_json(document) + '\n'
    out_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(out_dir / HEATMAPS_FILE, maps)
    write_atomically(out_dir / RESULT_FILE, text.encode('ascii'))
    return out_dir / RESULT_FILE


def load_result(out_dir: str | os.PathLike[str]) -> GroundingResult:
    """Return the result that :func:`save_result` wrote to a folder, value for value.

    Nothing is unpickled: a file from a stranger cannot run code.

    Args:
        out_dir: The folder, or the ``result.json`` in it.

    Raises:
        FileNotFoundError: If one of the two files is missing.
        ValueError: If a file is broken, of another schema version, lacks a field, or the two do not
            belong together; the message names the file and the field.
    """
    path = Path(out_dir)
    path = path / RESULT_FILE if path.is_dir() else path
    document = read_json(path)
    version = document['schema_version'].integer()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f'{path}: schema_version is {version}, but this version of stgr reads '
            f'{SCHEMA_VERSION}; ground the video again or use the version of stgr that wrote it'
        )
    maps = _load_heatmaps(path.with_name(HEATMAPS_FILE), document['heatmaps_sha256'].text())
    try:
        return result_from_json(document, maps)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if str(path) in message else f'{path}: {message}') from error


def _heatmaps_to_bytes(result: GroundingResult) -> bytes:
    arrays: dict[str, np.ndarray] = {}
    for i, query in enumerate(result.queries):
        if query.heatmaps is not None:
            arrays[f'{heatmaps_key(i)}_times_sec'] = query.heatmaps.times_sec.astype('f8')
            arrays[f'{heatmaps_key(i)}_values'] = query.heatmaps.values.astype('f4')
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f'{name} of the heat maps must be finite')
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _load_heatmaps(path: Path, sha256: str) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; it belongs beside {RESULT_FILE}')
    content = path.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ValueError(
            f'{path}: sha256 is {actual[:12]}..., but {RESULT_FILE} was written with '
            f'{sha256[:12]}...; the two files are of different runs'
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path}: not a plain .npz file: {error}') from error
