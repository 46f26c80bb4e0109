"""What the page does, without the page: encode a video once, then answer in milliseconds."""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from stgr.apis.grounder import Grounder
from stgr.demo_page.videos import Progress, plays_in_browsers, write_preview
from stgr.io.atomic import write_atomically
from stgr.io.closing import Closing
from stgr.structures import GroundingResult, Span, VideoFacts
from stgr.structures.video_answers import answers_of_result

if TYPE_CHECKING:
    from stgr.apis.encoded_video import EncodedVideo

MOST_ENCODED = 4  # videos whose features are kept on the disk
MOST_ANSWERS = 32  # answers whose threshold can still be moved
MOST_SHOWN = 64  # videos that browsers may still ask for


class GoneError(LookupError):
    """What the page refers to is not kept any more."""


@dataclass(frozen=True)
class ShownVideo:
    """A video as the page shows it.

    Args:
        key: What the page calls it.
        path: The file asked about.
        playable: The file that browsers play: the same, or a copy.
        facts: Of the file asked about.
    """

    key: str
    path: Path
    playable: Path
    facts: VideoFacts


@dataclass(frozen=True)
class Answer:
    """An answer with what was asked.

    Args:
        key: What the page calls it.
        video: The video.
        result: What was found.
        folder: Where its files are written.
    """

    key: str
    video: ShownVideo
    result: GroundingResult
    folder: Path

    @property
    def exclusive(self) -> bool:
        """Whether the queries are a pool that competes."""
        return self.result.settings['mode'] == 'actions'


class GroundingDesk(Closing):
    """Answers questions about videos; a context manager that leaves no features behind.

    One question is worked on at a time; moving a threshold waits for nobody.

    Args:
        grounder: The model.
        folder: For previews and answers; emptied by whoever made it.
    """

    def __init__(self, grounder: Grounder, folder: Path) -> None:
        self.grounder = grounder
        self.folder = folder
        self._encoded: OrderedDict[tuple[str, int, int], EncodedVideo] = OrderedDict()
        self._shown: OrderedDict[str, ShownVideo] = OrderedDict()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def close(self) -> None:
        """Let go of the features of encoded videos."""
        with self._one_at_a_time:
            while self._encoded:
                self._encoded.popitem()[1].close()

    def show(self, video: Path, *, progress: Progress | None = None) -> ShownVideo:
        """Return a video with a file that browsers play, which is written if need be.

        Raises:
            VideoError: If it cannot be read.
        """
        from stgr.io import open_video

        with open_video(video) as reader:
            facts = reader.facts()
        key = token_urlsafe(16)
        playable = video
        with self._one_at_a_time:
            if not plays_in_browsers(video):
                playable = write_preview(
                    video, self.folder / f'preview-{key}.mp4', progress=progress
                )
            shown = ShownVideo(key, video, playable, facts)
            self._shown[key] = shown
            if len(self._shown) > MOST_SHOWN:
                _, old = self._shown.popitem(last=False)
                if old.playable != old.path:
                    old.playable.unlink(missing_ok=True)
        return shown

    def shown(self, key: str) -> ShownVideo:
        """Return a video that was shown.

        Raises:
            GoneError: If it is not kept any more.
        """
        try:
            return self._shown[key]
        except KeyError:
            raise GoneError('this video is not kept any more; choose it again') from None

    def ask(
        self,
        video: ShownVideo,
        queries: Sequence[str],
        *,
        exclusive: bool,
        threshold: float | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Answer queries about a video; its first question encodes it.

        Args:
            video: What ``show`` returned.
            queries: Free texts.
            exclusive: True if they are a pool of which each frame shows at most one.
            threshold: Similarity from which a frame counts; None for the model's.
            progress: Wraps the iterator of encoded frames.

        Raises:
            ValueError: If a query is empty, over-long or given twice, or the model knows no word of
                it.
            VideoError: If the video cannot be read.
        """
        inferencer = self.grounder.inferencer
        if threshold is not None:
            inferencer = inferencer.with_threshold(threshold)
        queries = inferencer.check(queries)
        with self._one_at_a_time:
            encoded = self._encode(video.path, progress)
            result = inferencer.ground(encoded, queries, exclusive=exclusive)
            return self._keep(video, result)

    def spans_at(self, key: str, threshold: float) -> list[tuple[Span, ...]]:
        """Return the spans of an answer's queries at another threshold.

        Raises:
            GoneError: If the answer is not kept any more.
            ValueError: If the threshold is no finite number.
        """
        inferencer = self.grounder.inferencer.with_threshold(threshold)
        return inferencer.spans_of(self.answer(key).result)

    def move(self, key: str, threshold: float) -> Answer:
        """Return an answer asked again at another threshold.

        Raises:
            GoneError: If the answer is not kept any more.
            ValueError: If the threshold is no finite number.
        """
        old = self.answer(key)
        texts = [query.query for query in old.result.queries]
        return self.ask(old.video, texts, exclusive=old.exclusive, threshold=threshold)

    def answer(self, key: str) -> Answer:
        """Return an answer that was given.

        Raises:
            GoneError: If it is not kept any more.
        """
        try:
            return self._answers[key]
        except KeyError:
            raise GoneError('this answer is not kept any more; press Find again') from None

    def files(self, answer: Answer, *, overlay: bool = False) -> list[Path]:
        """Write an answer's files and return their paths.

        Args:
            answer: What ``ask`` returned.
            overlay: Whether ``overlay.mp4`` is written too, which takes as long as the video is.

        Raises:
            OSError: If the disk is full.
        """
        from stgr.io.formats import KnownVideos, csv_table
        from stgr.io.results import save_result
        from stgr.visualization import write_overlay

        # An upload lies in a folder nobody else knows: the file's name says more.
        video = replace(answer.result.video, path=answer.video.path.name)
        result = replace(answer.result, video=video)
        save_result(result, answer.folder)
        table = csv_table.write([answers_of_result(result)], KnownVideos())
        write_atomically(answer.folder / 'answers.csv', table)
        names = ['result.json', 'heatmaps.npz', 'answers.csv']
        if overlay:
            with self._one_at_a_time:
                write_overlay(result, answer.folder / 'overlay.mp4', video_path=answer.video.path)
            names.append('overlay.mp4')
        return [answer.folder / name for name in names]

    def _encode(self, video: Path, progress: Progress | None) -> 'EncodedVideo':
        """Return a video's features, of as many videos as are kept."""
        state = video.stat()
        key = (str(video), state.st_size, state.st_mtime_ns)
        if key not in self._encoded:
            self._encoded[key] = self.grounder.encode(video, progress=progress)
        self._encoded.move_to_end(key)
        while len(self._encoded) > MOST_ENCODED:
            self._encoded.popitem(last=False)[1].close()
        return self._encoded[key]

    def _keep(self, video: ShownVideo, result: GroundingResult) -> Answer:
        key = token_urlsafe(16)
        answer = Answer(key, video, result, self.folder / f'answer-{key}')
        self._answers[key] = answer
        while len(self._answers) > MOST_ANSWERS:
            _, old = self._answers.popitem(last=False)
            shutil.rmtree(old.folder, ignore_errors=True)
        return answer
