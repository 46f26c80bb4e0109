"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file under another name beside it, then rename it; return its path.

    A reader sees the old file or the new one. On a full disk the old one stays.

    Args:
        path: File to write or replace; its folder must be there.
        content: All of it.

    Raises:
        FileNotFoundError: If the folder is not there.
        OSError: If the disk is full or the folder is not writable.
    """
    path = Path(path)
    handle, partial = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o644)  # mkstemp makes it private
        return Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
