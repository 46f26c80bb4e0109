"""Captions of millions of clips, converted once and mapped from disk by every process."""

import glob
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stgr.io.atomic import PARTIAL_PREFIX, folder_written_whole
from stgr.io.caption_columns import DTYPES, CaptionColumns, column_batches, map_columns
from stgr.io.captions import CaptionProblems, list_csv_files, stream_captions

FORMAT = 'stgr captions 1'
ABOUT = 'about.json'


def open_caption_store(
    source: str | Path, folder: str | Path, *, progress: Callable[[int], object] | None = None
) -> CaptionColumns:
    """Return the captions of a file, mapped from a folder that they are converted into once.

    The conversion reads the file in pieces, so its memory does not grow with the file. The folder
    appears whole or not at all. It is made anew when the captions have changed (their size, or
    their time and content) or when it is damaged; processes that start together wait for one of
    them to make it.

    Args:
        source: JSON file or folder of CSV files, see ``read_captions``.
        folder: The store; its parent is made when needed.
        progress: Called with the number of bytes read since it was last called; None: nobody asks.

    Raises:
        FileExistsError: If ``folder`` holds something else.
        FileNotFoundError: If there are no captions.
        ValueError: If the captions cannot be read, see ``read_captions``, or change meanwhile.
    """
    source, folder = Path(source), Path(folder)
    version = _version(source)
    about = _kept(folder, source, version)
    if about is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _one_process(folder):
            _remove_leftovers(folder)
            about = _kept(folder, source, version)  # another process may have made it by now
            if about is None:
                about = _convert(source, folder, version, progress or (lambda num_bytes: None))
    columns = map_columns(folder)
    problems = CaptionProblems(**about['problems'])
    problems.warn(source, kept=len(columns))
    return columns


def _version(source: Path) -> dict[str, Any]:
    """Return what changes when the captions do, as far as their folder tells."""
    if not source.is_dir():
        stat = source.stat()
        return {'bytes': stat.st_size, 'mtime_ns': stat.st_mtime_ns}
    listing = hashlib.sha256()
    total = 0
    for file in list_csv_files(source):
        stat = file.stat()
        total += stat.st_size
        listing.update(
            f'{file.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0'.encode(errors='replace')
        )
    return {'bytes': total, 'listing_sha256': listing.hexdigest()}


def _kept(folder: Path, source: Path, version: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a store says about itself, None if it is not there, outdated or damaged."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text('utf-8'))
        if about['format'] != FORMAT or not _is_of(source, version, about):
            return None
        columns = map_columns(folder).columns
    except (FileNotFoundError, NotADirectoryError, EOFError, ValueError, KeyError, TypeError):
        return None
    found = {name: [str(column.dtype), len(column)] for name, column in columns.items()}
    return about if found == about['columns'] else None


def _is_of(source: Path, version: dict[str, Any], about: dict[str, Any]) -> bool:
    """Return whether a store was made of these captions; a touched file is read to tell."""
    stored = about['version']
    if stored == version:
        return True
    if source.is_dir() or stored['bytes'] != version['bytes']:
        return False
    with source.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest() == about['sha256']


def _convert(
    source: Path, folder: Path, version: dict[str, Any], progress: Callable[[int], object]
) -> dict[str, Any]:
    """Write a store and return what it says about itself."""
    if not _may_be_replaced(folder):
        raise FileExistsError(f'{folder} holds something else than captions; give another folder')
    problems = CaptionProblems()
    fresh, outdated = _beside(folder, 'fresh'), _beside(folder, 'outdated')
    with folder_written_whole(fresh) as partial:
        with _open_counted(source, progress) as file:
            batches = column_batches(stream_captions(source, problems, file))
            counts = _write_columns(partial, batches)
        if _version(source) != version:
            raise ValueError(f'{source} changed while it was converted; try again when it is done')
        about = {
            'format': FORMAT,
            'source': str(source),
            'version': version,
            'sha256': None if file is None else file.sha256.hexdigest(),
            'problems': asdict(problems),
            'columns': {name: [DTYPES[name], count] for name, count in counts.items()},
        }
        (partial / ABOUT).write_text(json.dumps(about, indent=1), 'utf-8')
    if folder.exists():
        folder.replace(outdated)
    fresh.replace(folder)
    shutil.rmtree(outdated, ignore_errors=True)  # who has mapped it keeps it until it is closed
    return about


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f'{PARTIAL_PREFIX}{what}-{folder.name}')


def _may_be_replaced(folder: Path) -> bool:
    """Return whether there is nothing but perhaps a store of ours, of any version."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return True
    try:
        about = json.loads((folder / ABOUT).read_text('utf-8'))
        return bool(about['format'].startswith(FORMAT.rstrip('0123456789')))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _write_columns(folder: Path, batches: Iterator[dict[str, np.ndarray]]) -> dict[str, int]:
    """Append the pieces of each column to its file; return the lengths."""
    counts = dict.fromkeys(DTYPES, 0)
    files = {name: (folder / f'{name}.npy').open('wb') for name in DTYPES}
    try:
        for name, file in files.items():
            _write_header(file, name, 0)
        for batch in batches:
            for name, part in batch.items():
                files[name].write(np.ascontiguousarray(part, DTYPES[name]).data)
                counts[name] += len(part)
        for name, file in files.items():
            file.seek(0)
            _write_header(file, name, counts[name])
    finally:
        for file in files.values():
            file.close()
    return counts


def _write_header(file: BinaryIO, name: str, count: int) -> None:
    """Write what makes a .npy file; numpy leaves room in it for the count to grow."""
    description = {
        'descr': np.lib.format.dtype_to_descr(np.dtype(DTYPES[name])),
        'fortran_order': False,
        'shape': (count,),
    }
    np.lib.format.write_array_header_1_0(file, description)


class _CountedReader:
    """A file that hashes and reports what is read from it."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], object]) -> None:
        self._file, self._progress = file, progress
        self.sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        chunk = self._file.read(size)
        self.sha256.update(chunk)
        self._progress(len(chunk))
        return chunk


@contextmanager
def _open_counted(
    source: Path, progress: Callable[[int], object]
) -> Iterator[_CountedReader | None]:
    """Yield the JSON file; None for a folder of CSV files."""
    if source.is_dir():
        yield None
        return
    with source.open('rb') as file:
        yield _CountedReader(file, progress)


@contextmanager
def _one_process(folder: Path) -> Iterator[None]:
    """Let one process of this machine at a time into the block; a killed one lets go.

    Without ``fcntl`` (Windows) each may convert for itself; the last one's result stays.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    lock = folder.with_name(f'.{folder.name}.lock')
    with lock.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed conversion left beside the store; nobody else is at work."""
    for leftover in folder.parent.glob(f'{PARTIAL_PREFIX}*-{glob.escape(folder.name)}'):
        shutil.rmtree(leftover, ignore_errors=True)
