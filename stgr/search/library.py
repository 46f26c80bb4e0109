"""The videos of a library: which files there are, and whether one has changed."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from stgr.apis.grounder import find_videos


@dataclass(frozen=True)
class LibraryVideo:
    """A video file as it was seen.

    Args:
        path: Where it lies below the library's folder, with forward slashes.
        size: Its size in bytes.
        mtime_ns: When it was last written, nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int

    @property
    def key(self) -> str:
        """What its features are called: another name, size or time makes it another video."""
        facts = f'{self.path}\0{self.size}\0{self.mtime_ns}'
        return hashlib.blake2b(os.fsencode(facts), digest_size=16).hexdigest()


def list_library(folder: Path) -> list[LibraryVideo]:
    """Return the videos of a folder and of the folders in it, in order of name.

    Raises:
        FileNotFoundError: If there is no such folder, or no video in it.
        NotADirectoryError: If it is a file.
    """
    if not folder.exists():
        raise FileNotFoundError(f'no folder {folder}; name the folder of your videos')
    if not folder.is_dir():
        raise NotADirectoryError(f'{folder} is a file; name the folder of your videos')
    files = [file for file in find_videos([folder]) if file.is_file()]
    if not files:
        raise FileNotFoundError(f'no videos in {folder}; put some there or name another folder')
    return [look_at(folder, file.relative_to(folder).as_posix()) for file in files]


def look_at(folder: Path, path: str) -> LibraryVideo:
    """Return a video of a library as it is now.

    Raises:
        FileNotFoundError: If it is gone.
    """
    facts = (folder / path).stat()
    return LibraryVideo(path, facts.st_size, facts.st_mtime_ns)
