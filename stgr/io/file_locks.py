"""Locks that the system lets go of when their process ends, however it ends."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stgr.io.atomic import full_disk_named

_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class FileLock:
    """A lock held by this process, or not got because another one holds it.

    Args:
        path: The lock file; made if need be and never removed here.
        wait: Whether to wait for another holder.

    Raises:
        OSError: If the file system has no locks.
        ImportError: Without ``fcntl`` (Windows).
    """

    def __init__(self, path: Path, *, wait: bool = True) -> None:
        import fcntl

        self._file = path.open('a')
        self.held = True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self.release()
        except OSError as error:
            self.release()
            if error.errno not in _UNSUPPORTED:
                raise
            raise OSError(
                error.errno,
                'its file system has no locks (flock), without which several writers could store '
                'a video twice; write to another one and copy the folder',
                str(path),
            ) from error

    def release(self) -> None:
        """Let go of the lock; nothing happens if it is not held."""
        self._file.close()
        self.held = False


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let one process at a time into the block; see ``FileLock``.

    Without ``fcntl`` (Windows) each goes in as it comes.
    """
    try:
        lock = FileLock(Path(path))
    except ImportError:
        yield
        return
    try:
        yield
    finally:
        lock.release()


@contextmanager
def only_writer(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Let one process write to a folder at a time; others are refused, not kept waiting.

    Without ``fcntl`` (Windows) each goes in as it comes.

    Args:
        folder: Made if need be; its lock file ``.lock`` stays there.

    Raises:
        NotADirectoryError: If it is a file.
        ValueError: If another process is in the block with this folder.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f'{folder} is a file; give a folder')
    with full_disk_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(folder / '.lock', wait=False)
        except ImportError:
            lock = None
    if lock is None:
        yield
        return
    if not lock.held:
        raise ValueError(f'another process is writing to {folder}; wait for it to end')
    try:
        yield
    finally:
        lock.release()
