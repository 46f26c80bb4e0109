"""One door to predictions, whatever their format."""

import os
from collections.abc import Callable
from pathlib import Path

from stgr.io.predictions.json_lines import read_json_lines
from stgr.io.predictions.npz_layout import read_npz
from stgr.io.predictions.result_folder import read_result_folder
from stgr.io.predictions.video_prediction import VideoPrediction

READERS: dict[str, Callable[[Path], list[VideoPrediction]]] = {
    'result': read_result_folder,
    'npz': read_npz,
    'jsonl': read_json_lines,
}


def read_predictions(path: str | os.PathLike[str]) -> list[VideoPrediction]:
    """Read any system's predictions: a folder of results, an ``.npz`` file or JSON lines.

    Args:
        path: A folder (``result``), a file that starts as a zip archive or is called ``.npz``
            (``npz``), or another file (``jsonl``).

    Returns:
        One record per video.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If it cannot be read; the message names the file, and the line or array.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such file or folder of predictions')
    found = READERS[format_of(path)](path)
    if not found:
        raise ValueError(f'{path}: no predictions in it')
    return found


def format_of(path: Path) -> str:
    """Return the name of the reader that a file or folder is for."""
    if path.is_dir():
        return 'result'
    with path.open('rb') as stream:
        is_zip = stream.read(2) == b'PK'
    return 'npz' if is_zip or path.suffix == '.npz' else 'jsonl'
