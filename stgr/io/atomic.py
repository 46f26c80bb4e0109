"""Files and folders that appear whole or not at all: written beside their place, then moved."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL_PREFIX = '.partial-'
FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; it becomes ``path`` only when the block ends without an error.

    The bytes reach the disk before the move: a reader sees the old file or the new one, and a crash
    or a full disk leaves the old file as it was.

    Args:
        path: The file wanted; its folder must be there.

    Raises:
        FileNotFoundError: If the folder is not there.
        OSError: If writing fails; the partial file is gone, ``path`` is untouched. A full disk is
            reported with the name of the file.
    """
    target = Path(path)
    partial = target.with_name(f'{PARTIAL_PREFIX}{os.getpid()}-{target.name}')
    with full_disk_named(target):
        try:
            yield partial
            flush(partial)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        flush(target.parent)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file whole or not at all, see ``written_whole``; return its path."""
    with written_whole(path) as partial:
        partial.write_bytes(content)
    return Path(path)


@contextmanager
def folder_written_whole(
    path: str | os.PathLike[str], *, overwrite: bool = False
) -> Iterator[Path]:
    """Yield an empty folder to fill; it becomes ``path`` only when the block ends without an error.

    Args:
        path: The folder wanted; its parent must be there.
        overwrite: Whether to replace a folder that is there, once the new one is whole. That takes
            two moves: a crash in the instant between them leaves the old one beside its place.

    Raises:
        FileExistsError: If ``path`` is a file, or more than an empty folder and not to be replaced.
        FileNotFoundError: If the parent is not there.
        OSError: If writing fails; the partial folder is gone. A full disk is reported as such.
    """
    target = Path(path)
    full = target.exists() and not (target.is_dir() and not any(target.iterdir()))
    if full and not (overwrite and target.is_dir()):
        raise FileExistsError(f'{target} exists already; remove it or give another place')
    partial = target.with_name(f'{PARTIAL_PREFIX}{os.getpid()}-{target.name}')
    old = target.with_name(f'{PARTIAL_PREFIX}{os.getpid()}-old-{target.name}')
    with full_disk_named(target):
        try:
            partial.mkdir()
            yield partial
            for file in sorted(partial.rglob('*')):
                flush(file)
            flush(partial)
            if full:
                target.replace(old)
            partial.replace(target)
        except BaseException:
            if old.exists():
                old.replace(target)
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
        flush(target.parent)


@contextmanager
def full_disk_named(
    path: str | os.PathLike[str], advice: str = 'free some or write it elsewhere'
) -> Iterator[None]:
    """Say which file did not fit, and what to do, if the block fails for want of space.

    Args:
        path: The file being written.
        advice: What to do, put behind the cause.

    Raises:
        OSError: With the same number and the file's name, if the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        message = f'No space left for this file; {advice}'
        raise OSError(error.errno, message, str(path)) from error


def remove_partial_files(folder: str | os.PathLike[str]) -> None:
    """Remove what a killed run left half-written in ``folder``."""
    for partial in Path(folder).glob(f'{PARTIAL_PREFIX}*'):
        partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Force a file's bytes, or a folder's list of names, to the disk."""
    if path.is_dir() and os.name == 'nt':
        return  # Windows cannot open a folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
