"""Locks that the system lets go of when their process ends, however it ends."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
