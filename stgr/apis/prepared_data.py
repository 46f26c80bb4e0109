"""What preparing folders of videos came to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PreparedData:
    """What a run of ``prepare`` came to.

    Args:
        statistics: Contents of ``statistics.json``.
        splits: Split of each video that is used.
        prepared: How many videos this run prepared; the others were known.
        failed: Why videos could not be read, by id.
        unnarrated: Videos with neither subtitles nor speech recognition.
        gone: Videos of earlier runs that are not in the folders any more.
        strays: Subtitle files that belong to no video, by their names.
    """

    statistics: dict[str, Any]
    splits: dict[str, str]
    prepared: int
    failed: dict[str, str]
    unnarrated: tuple[str, ...]
    gone: tuple[str, ...]
    strays: tuple[Path, ...] = ()
