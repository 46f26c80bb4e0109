"""The video files of a data set: where they lie and how long they are."""

import warnings
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from stgr.io.checked_json import read_json

if TYPE_CHECKING:
    from stgr.structures import VideoFacts

VIDEO_SUFFIXES = ('.mp4', '.mkv', '.webm', '.mov', '.avi', '.m4v')
# Enough to see what kind of id is missing.
NAMES_SHOWN = 3


class VideoFolder:
    """Files ``<video_id>.<suffix>`` of a folder, or named in a list, read once, when first needed.

    Args:
        folder: Where they lie, or a JSON file ``{video_id: path}`` that names them one by one,
            paths relative to its own folder; None: there are none (features were extracted before,
            or only the annotations are looked at).
        durations: JSON file ``{video_id: seconds}`` that spares opening each video; None: ask the
            video.
        reader: Registered name of the reader that is asked.

    Attributes:
        max_missing: Share that ``check`` allows at least, see ``ReadableVideos``.
    """

    def __init__(
        self, folder: Path | None, durations: Path | None = None, *, reader: str = 'pyav'
    ) -> None:
        self.folder = folder
        self.durations = durations
        self.reader = reader
        self.max_missing = 0.0
        self._asked: dict[str, VideoFacts] = {}

    @classmethod
    def below(
        cls, root: Path, folder: str | None, durations: str | None, *, reader: str = 'pyav'
    ) -> Self:
        """Return the files of a data set whose paths are relative to its root; None stays None."""
        return cls(
            None if folder is None else root / folder,
            None if durations is None else root / durations,
            reader=reader,
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """File name of each video, or its path from a list of videos."""
        if self.folder is None:
            return {}
        if self.folder.is_file():
            listed = read_json(self.folder)
            return {video_id: listed[video_id].text() for video_id in listed.value}
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'{self.folder}: no such folder of videos; set data_root and videos_dir, or '
                'videos_dir=None to do without videos'
            )
        files = (file for file in self.folder.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES)
        return {file.stem: file.name for file in files}

    @cached_property
    def known_durations_sec(self) -> dict[str, float]:
        """Durations read from the durations file; empty without one."""
        if self.durations is None:
            return {}
        document = read_json(self.durations)
        return {video_id: document[video_id].number() for video_id in document.value}

    def path(self, video_id: str) -> str | None:
        """Return the file of a video, None if there is none."""
        name = self.names.get(video_id)
        if name is None or self.folder is None:
            return None
        folder = self.folder.parent if self.folder.is_file() else self.folder
        return str(folder / name)

    def duration_sec(self, video_id: str) -> float | None:
        """Return how long a video is, None if neither a file nor the durations file tells.

        Raises:
            VideoError: If the file cannot be read.
        """
        if video_id in self.known_durations_sec:
            return self.known_durations_sec[video_id]
        facts = self.facts(video_id)
        return None if facts is None else facts.duration_sec

    def facts(self, video_id: str) -> 'VideoFacts | None':
        """Return what its file tells of a video, None if there is no file; it is opened once.

        Raises:
            VideoError: If the file cannot be read.
        """
        path = self.path(video_id)
        if path is not None and video_id not in self._asked:
            from stgr.io import open_video

            with open_video(path, self.reader) as reader:
                self._asked[video_id] = reader.facts()
        return self._asked.get(video_id)

    def frame_size(self, video_id: str) -> tuple[int, int]:
        """Return width and height of a video in pixels, as displayed.

        Raises:
            FileNotFoundError: If it has no file.
            VideoError: If the file cannot be read.
        """
        from stgr.io import open_video

        path = self.path(video_id)
        if path is None:
            raise FileNotFoundError(f'{self.folder}: no video {video_id!r} to ask for its size')
        with open_video(path, self.reader) as reader:
            facts = reader.facts()
        return facts.width, facts.height

    def check(self, video_ids: Collection[str], *, max_missing: float) -> list[str]:
        """Return the videos that have no file, warned about and counted.

        Args:
            video_ids: The videos that the annotations speak of.
            max_missing: Largest share of them that may be missing, 0 in evaluation.

        Raises:
            FileNotFoundError: If more are missing.
        """
        if self.folder is None:
            return []
        missing = [video_id for video_id in video_ids if video_id not in self.names]
        if missing:
            shown = ', '.join(missing[:NAMES_SHOWN]) + (', ...' if missing[NAMES_SHOWN:] else '')
            message = f'{self.folder}: {len(missing)} of {len(video_ids)} videos missing ({shown})'
            max_missing = max(max_missing, self.max_missing)
            if len(missing) > max_missing * len(video_ids):
                raise FileNotFoundError(
                    f'{message}, more than the share of {max_missing:g} allowed; get the videos or '
                    'leave them out of the annotations'
                )
            warnings.warn(f'{message}; their clips are left out', stacklevel=2)
        return missing
