"""Answers about the videos of a folder: one model, one question at a time, videos kept encoded."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.structures import GroundingResult

if TYPE_CHECKING:
    from stgr.apis.encoded_video import EncodedVideo
    from stgr.apis.grounder import Grounder

Key = tuple[Path, int, int]


class BusyError(Exception):
    """As many questions are waiting as may."""


@dataclass(frozen=True)
class ServingLimits:
    """How much one request may cost, and all together.

    Args:
        keep: Encoded videos that are kept for the next question, their features on disk.
        max_minutes: Longest video.
        max_queries: Most queries, or actions of a pool, in one question.
        max_waiting: Questions that wait while one is answered; more are refused.

    Raises:
        ValueError: If a limit is not positive.
    """

    keep: int = 8
    max_minutes: float = 120.0
    max_queries: int = 100
    max_waiting: int = 16

    def __post_init__(self) -> None:
        for name in ('keep', 'max_minutes', 'max_queries', 'max_waiting'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} must be above 0, but is {getattr(self, name)}')


class GroundingDesk:
    """Answers questions from any thread, one after the other.

    A video is encoded for the first question about it; the last ``keep`` ones that were asked about
    stay encoded. A file that has changed since is another video.

    Args:
        grounder: The only model.
        root: Folder of the videos; nothing outside it is read, links included.
        limits: See ``ServingLimits``; None for the defaults.

    Raises:
        NotADirectoryError: If ``root`` is no folder.
    """

    def __init__(
        self, grounder: 'Grounder', root: str | Path, limits: ServingLimits | None = None
    ) -> None:
        self.grounder = grounder
        self.limits = limits or ServingLimits()
        self.root = Path(root).resolve()
        if not self.root.is_dir():
            raise NotADirectoryError(f'{root} is no folder; give the one that holds the videos')
        self._kept: OrderedDict[Key, EncodedVideo] = OrderedDict()
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(self.limits.max_waiting + 1)

    @property
    def num_kept(self) -> int:
        """How many videos are encoded."""
        return len(self._kept)

    def answer(
        self, video: str, *, queries: Sequence[str] = (), actions: Sequence[str] = ()
    ) -> GroundingResult:
        """Answer queries, or a pool of actions, about a video.

        Args:
            video: Its path below the root.
            queries: See ``Grounder.ground``.
            actions: Likewise.

        Returns:
            The result; its video's path is the one given.

        Raises:
            BusyError: If too many questions are waiting.
            LookupError: If there is no such file below the root.
            ValueError: If the question is not sound, or the video too long or not readable.
        """
        path = self._find(video)
        self._check_question(queries, actions)
        if not self._places.acquire(blocking=False):
            raise BusyError(f'{self.limits.max_waiting} questions are waiting; ask again later')
        try:
            with self._turn:
                self.grounder.inferencer.check([*queries, *actions])  # before all is encoded
                encoded = self._encoded(path)
                result = self.grounder.ground(encoded, queries=queries, actions=actions)
        finally:
            self._places.release()
        return replace(result, video=replace(result.video, path=video))

    def close(self) -> None:
        """Delete the features that are kept, once the question that is being answered is."""
        with self._turn:
            while self._kept:
                self._kept.popitem()[1].close()

    def _find(self, video: str) -> Path:
        try:
            path = (self.root / video).resolve()
            inside = path.is_relative_to(self.root) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            inside = False
        if not inside:
            raise LookupError(f'no video {video[:200]!r} in the folder that is served')
        return path

    def _check_question(self, queries: Sequence[str], actions: Sequence[str]) -> None:
        if bool(queries) == bool(actions):
            raise ValueError('give queries or actions, and not both')
        texts = [*queries, *actions]
        if len(texts) > self.limits.max_queries:
            raise ValueError(
                f'{len(texts)} queries, but at most {self.limits.max_queries} are answered at once'
            )

    def _encoded(self, path: Path) -> 'EncodedVideo':
        """Return a video's features, encoded now if they are not kept."""
        facts = path.stat()
        key = (path, facts.st_mtime_ns, facts.st_size)
        if key not in self._kept:
            self._check_length(path)
            while len(self._kept) >= self.limits.keep:
                self._kept.popitem(last=False)[1].close()
            self._kept[key] = self.grounder.encode(path)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _check_length(self, path: Path) -> None:
        from stgr.io import open_video

        with open_video(path, reader=self.grounder.inferencer.reader) as reader:
            minutes = reader.facts().duration_sec / 60
        if minutes > self.limits.max_minutes:
            raise ValueError(
                f'the video is {minutes:.0f} minutes long; at most {self.limits.max_minutes:g} '
                'are encoded'
            )
