"""What is known of the videos besides the file that is written or read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stgr.io.formats.frame_clock import FrameClock, clock_of
from stgr.structures.video_answers import VideoAnswers


@dataclass(frozen=True, eq=False)
class KnownVideos:
    """Facts of video files, for formats that count frames or do not say what they are about.

    Args:
        facts: Answers without queries, one per video file.
        frame_times_sec: Time of each frame by video id; a video that is not there has evenly spaced
            frames.
        fps: Frames per second that the other tool counts with; None: those of the video.
    """

    facts: tuple[VideoAnswers, ...] = ()
    frame_times_sec: Mapping[str, np.ndarray] = field(default_factory=dict)
    fps: float | None = None

    def complete(self, answers: VideoAnswers) -> VideoAnswers:
        """Return answers with what is known of their video where they do not say it."""
        for facts in self.facts:
            if facts.video_id == answers.video_id:
                return answers.with_facts(facts)
        return answers

    def clock(self, answers: VideoAnswers) -> FrameClock:
        """Return the clock of a video: by its frames, or by ``fps`` where that is given.

        Raises:
            ValueError: If its length is not known, or no rate.
        """
        answers = self.complete(answers)
        if self.fps is not None:
            return clock_of(replace(answers, fps=self.fps))
        return clock_of(answers, self.frame_times_sec.get(answers.video_id))

    def name_of(self, path: Path) -> str:
        """Return the video of a file that does not name it: the one known, else called as it."""
        return self.facts[0].video if len(self.facts) == 1 else path.stem
