"""Downloads that go on where they were interrupted, and end checked or not at all."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from stgr.io.atomic import flush, full_disk_named
from stgr.io.file_locks import FileLock
from stgr.io.remote_files import PassingError, RemoteFile, check_scheme, open_remote

PART_SUFFIX = '.part'
_WORTH_BYTES = 2**20  # a connection that brought this much was no failed attempt


class DownloadError(OSError):
    """A file cannot be downloaded; the message names it, the cause and what to do."""


@dataclass(frozen=True)
class Patience:
    """How long a download may take for nothing.

    Attributes:
        attempts: Connections that bring less than a megabyte.
        pause_sec: Before the second of them; twice as long before each further one.
        silence_sec: Longest wait for an answer or for the next bytes.
        slowest_bytes_per_sec: Less than this over ``silence_sec`` counts as silence.
        total_sec: Of the whole download.
    """

    attempts: int = 4
    pause_sec: float = 1.0
    silence_sec: float = 30.0
    slowest_bytes_per_sec: float = 1024.0
    total_sec: float = 6 * 3600.0


@dataclass(frozen=True)
class WantedFile:
    """What is to be downloaded.

    Attributes:
        url: ``http://``, ``https://`` or ``file://``.
        sha256: Of the whole file.
        num_bytes: Of the whole file; more are not read.
    """

    url: str
    sha256: str
    num_bytes: int


def download(
    wanted: WantedFile,
    target: Path,
    *,
    patience: Patience | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> Path:
    """Download a file, going on with what an interrupted call left, and return its path.

    Bytes go to ``target.part``, which takes the target's name once its sha256 is right. Two calls
    for one target take turns where the file system has locks.

    Args:
        wanted: Which file.
        target: Where it goes; its folder is made if need be.
        patience: Limits of time; None for the usual ones.
        progress: Told how many more bytes are there; negative if some are thrown away.

    Raises:
        ValueError: If the scheme is another, or the server's file has another size or sha256;
            what came of it is removed.
        FileExistsError: If another file has the name of the target.
        DownloadError: If the server does not give the file; what came is kept.
        OSError: If the disk is full or the folder cannot be written to.
    """
    check_scheme(wanted.url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART_SUFFIX)
    if target.exists():
        return _same_file(target, wanted)
    lock = _lock(part)
    try:
        if target.exists():  # another process was faster
            part.unlink(missing_ok=True)
            return _same_file(target, wanted)
        with full_disk_named(part):
            _Transfer(wanted, part, patience or Patience(), progress).complete()
            flush(part)
            part.replace(target)
            flush(target.parent)
    finally:
        if lock is not None:
            lock.release()
    return target


class _Transfer:
    """Fills a partial file."""

    def __init__(
        self, wanted: WantedFile, part: Path, patience: Patience, progress: Callable[[int], object]
    ) -> None:
        self._wanted, self._part, self._patience = wanted, part, patience
        self._progress = progress
        self._deadline = time.monotonic() + patience.total_sec

    def complete(self) -> None:
        """Fill the file and check it; what an old part began wrongly is begun anew once."""
        self._part.touch()
        old_bytes = self._size
        self._progress(old_bytes)
        self._fill()
        if old_bytes and self._digest() != self._wanted.sha256:
            self._forget()
            self._fill()
        digest = self._digest()
        if digest != self._wanted.sha256:
            self._part.unlink()
            raise ValueError(
                f'{self._wanted.url}: expected sha256 {self._wanted.sha256}, but got {digest}; the '
                f'file was removed. Somebody changed it: try again later or from another place'
            )

    @property
    def _size(self) -> int:
        return self._part.stat().st_size

    def _digest(self) -> str:
        with self._part.open('rb') as file:
            return file_digest(file, 'sha256').hexdigest()

    def _forget(self) -> None:
        self._progress(-self._size)
        self._part.write_bytes(b'')

    def _fill(self) -> None:
        """Connect until all bytes are there or the patience is at its end."""
        if self._size > self._wanted.num_bytes:
            self._forget()
        failures = 0
        while self._size < self._wanted.num_bytes:
            before = self._size
            try:
                self._connect_once()
            except PassingError as error:
                failures = 0 if self._size - before >= _WORTH_BYTES else failures + 1
                if failures >= self._patience.attempts:
                    raise self._given_up(f'{error} ({failures} attempts)') from error
                self._wait(self._patience.pause_sec * 2 ** max(failures - 1, 0))

    def _connect_once(self) -> None:
        """Append what one connection gives."""
        with open_remote(
            self._wanted.url, start=self._size, silence_sec=self._patience.silence_sec
        ) as remote:
            self._check_size(remote)
            if remote.start == 0 and self._size:  # the server knows no ranges
                self._forget()
            with self._part.open('ab') as file:
                for chunk in remote.chunks(self._patience.slowest_bytes_per_sec):
                    file.write(chunk)
                    self._progress(len(chunk))
                    if file.tell() > self._wanted.num_bytes:
                        break
                    if time.monotonic() > self._deadline:
                        raise self._given_up(f'not done after {self._patience.total_sec:g} s')
        if self._size < self._wanted.num_bytes:
            raise PassingError('the connection ended early')
        if self._size > self._wanted.num_bytes:
            self._refuse('more')

    def _check_size(self, remote: RemoteFile) -> None:
        if remote.total_bytes not in (None, self._wanted.num_bytes):
            self._refuse(str(remote.total_bytes))

    def _refuse(self, size: str) -> None:
        self._part.unlink()
        raise ValueError(
            f'{self._wanted.url}: expected {self._wanted.num_bytes} bytes, but it has {size}; it '
            'is another file, so nothing of it was kept. Try another place'
        )

    def _wait(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._deadline:
            raise self._given_up(f'not done after {self._patience.total_sec:g} s')
        time.sleep(seconds)

    def _given_up(self, cause: str) -> DownloadError:
        return DownloadError(
            f'{self._wanted.url}: {cause}; {self._size} of {self._wanted.num_bytes} bytes are in '
            f'{self._part}: the same command goes on from there'
        )


def _same_file(target: Path, wanted: WantedFile) -> Path:
    with target.open('rb') as file:
        digest = file_digest(file, 'sha256').hexdigest()
    if digest != wanted.sha256:
        raise FileExistsError(
            f'{target} is there with sha256 {digest}, expected {wanted.sha256}; remove it, or '
            'give another folder'
        )
    return target


def _lock(part: Path) -> FileLock | None:
    """Return a lock on the partial file; None where there are none: the sha256 still tells."""
    try:
        return FileLock(part)
    except (ImportError, OSError):
        return None
