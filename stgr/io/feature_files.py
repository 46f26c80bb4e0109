"""Frozen features on disk: one memory-mapped safetensors file per video.

A file holds ``times_sec (F,)`` float64, ``frames (F, C)`` and, unless only frames were stored,
``patches (F, P, C)``, both float16, and in its metadata where they come from (``PROVENANCE_KEYS``),
so that features of another backbone or frame size are refused instead of silently used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgr.io.errors import DamagedFeaturesError
from stgr.io.feature_provenance import FORMAT_VERSION, PROVENANCE_KEYS, check_provenance
from stgr.io.feature_writer import FeatureWriter, write_features
from stgr.io.stored_features import FeatureBlock, StoredFeatures


class FeatureFile(StoredFeatures):
    """The features of one video, read in parts without loading the whole file.

    Args:
        path: A file written by ``FeatureWriter``.
        expected: Provenance the features must have (see ``check_provenance``); None: any.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, of another format version or another origin.
    """

    def __init__(self, path: str | Path, expected: Mapping[str, object] | None = None) -> None:
        self.path = Path(path)
        file = open_safetensors(self.path)
        provenance: dict[str, str] = file.metadata() or {}
        wanted = {'format_version': FORMAT_VERSION, **(expected or {})}
        check_provenance(provenance, wanted, source=path)
        rows = range(file.get_slice('times_sec').get_shape()[0])
        super().__init__(file, provenance, rows=rows, source=str(path))


def open_safetensors(path: Path) -> Any:
    """Return a safetensors file, open and memory-mapped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, as far as its size and header tell.
    """
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework='pt')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path}: no such feature file; extract the features') from error
    except SafetensorError as error:
        raise DamagedFeaturesError(
            f'{path}: damaged feature file ({error}); extract it again'
        ) from error


__all__ = [
    'FORMAT_VERSION',
    'PROVENANCE_KEYS',
    'FeatureBlock',
    'FeatureFile',
    'FeatureWriter',
    'StoredFeatures',
    'check_provenance',
    'open_safetensors',
    'write_features',
]
