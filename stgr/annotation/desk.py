"""What the annotation page asks for, without HTTP: the work, an answer saved, the last undone."""

import threading
from pathlib import Path
from typing import Any

from stgr.annotation.answers import (
    Answer,
    answers_path,
    check_annotator,
    check_answer,
    current_answers,
    read_history,
    write_history,
)
from stgr.annotation.work import WorkVideo, work_packages


class AnnotationDesk:
    """Gives out work and saves each answer before it says so.

    Each call begins with what the file holds (read again if anybody has changed it) and ends with
    the file written whole, so that a crash or a second window loses no answer that was
    acknowledged.

    Args:
        folder: Where the clicks go.
        videos: What is annotated.
    """

    def __init__(self, folder: Path, videos: list[WorkVideo]) -> None:
        self.folder = folder
        self.videos = videos
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, ...] | None, list[Answer]]] = {}

    def work(self, annotator: str) -> dict[str, Any]:
        """Return all packages and what the annotator has answered so far, ready for JSON.

        Raises:
            ValueError: If the name or a file of answers is malformed.
        """
        check_annotator(annotator)
        with self._lock:
            videos = [self._state(annotator, video) for video in self.videos]
        return {'annotator': annotator, 'videos': videos}

    def save(self, annotator: str, video_idx: int, answer: Answer) -> dict[str, Any]:
        """Save an answer; return it as it counts now. An answer given twice is saved once.

        Raises:
            LookupError: If there is no such video.
            ValueError: If the answer does not fit the video.
            OSError: If it cannot be written.
        """
        video = self._video_at(video_idx)
        check_answer(answer, video)
        with self._lock:
            history = self._history(annotator, video)
            frame = (answer.step, answer.second)
            before = current_answers(history).get(frame, Answer(*frame, 'open'))
            if before != answer:
                self._write(annotator, video, [*history, answer])
        return _shown(answer)

    def undo(self, annotator: str, video_idx: int) -> dict[str, Any] | None:
        """Take back the annotator's last answer in a video; return what counts for its frame now.

        None if there is nothing to undo.

        Raises:
            LookupError: If there is no such video.
            OSError: If it cannot be written.
        """
        video = self._video_at(video_idx)
        with self._lock:
            history = self._history(annotator, video)
            if not history:
                return None
            *rest, last = history
            self._write(annotator, video, rest)
        frame = (last.step, last.second)
        return _shown(current_answers(rest).get(frame, Answer(*frame, 'open')))

    def _history(self, annotator: str, video: WorkVideo) -> list[Answer]:
        path = answers_path(self.folder, annotator, video.video_id)
        found = _signature(path)
        known, history = self._known.get(path, (None, []))
        if known != found:
            history = read_history(self.folder, annotator, video)
            self._known[path] = found, history
        return history

    def _write(self, annotator: str, video: WorkVideo, history: list[Answer]) -> None:
        path = write_history(self.folder, annotator, video, history)
        self._known[path] = _signature(path), history

    def _video_at(self, video_idx: int) -> WorkVideo:
        if not 0 <= video_idx < len(self.videos):
            raise LookupError(f'no video {video_idx}; there are {len(self.videos)}')
        return self.videos[video_idx]

    def _state(self, annotator: str, video: WorkVideo) -> dict[str, Any]:
        answers = current_answers(self._history(annotator, video))
        return {
            'id': video.video_id,
            'width': video.frame_size[0],
            'height': video.frame_size[1],
            'packages': [
                {
                    'step': package.step,
                    'name': video.steps[package.step].name,
                    'first': package.first_sec,
                    'last': package.last_sec,
                }
                for package in work_packages(video)
            ],
            'answers': [_shown(answer) for answer in answers.values()],
        }


def _signature(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written, by whomever; empty without a file."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return ()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _shown(answer: Answer) -> dict[str, Any]:
    x, y = answer.point_px or (None, None)
    return {'step': answer.step, 'second': answer.second, 'status': answer.status, 'x': x, 'y': y}
