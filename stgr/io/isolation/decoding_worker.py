"""The program of a decoding process: reads videos for its parent until the parent is gone."""

import os
import queue
import threading
from importlib import import_module

import numpy as np

from stgr.io.isolation.messages import Message, receive, send, timeline_to_message
from stgr.io.video_opening import open_video
from stgr.io.video_reader import VideoReader


def main() -> None:
    """Answer the commands that come on standard input; the answers go where its output went."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    commands: queue.Queue[tuple[Message, list]] = queue.Queue()
    threading.Thread(target=_listen, args=(commands,), daemon=True).start()
    worker = _Worker(answers)
    send(answers, {'ready': True})
    while True:
        message, arrays = commands.get()
        try:
            worker.answer(message, *arrays)
        except BrokenPipeError:
            return
        except Exception as error:
            send(answers, {'error': type(error).__name__, 'message': str(error)})


def _listen(commands: 'queue.Queue[tuple[Message, list]]') -> None:
    """Collect commands; end the process, whatever it is doing, when the parent is gone."""
    try:
        while True:
            commands.put(receive(0))
    except EOFError:
        os._exit(0)


class _Worker:
    """Holds the reader of the video that was asked for last."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._asked: object = None
        self._video: VideoReader | None = None

    def answer(self, message: Message, times: np.ndarray | None = None) -> None:
        """Send the timeline of a video, or pictures, the last one with the timeline as it is now.

        Args:
            message: The command.
            times: When the pictures are shown, (N,): the bits of float64 seconds as int64.
        """
        video = self._open(message)
        if times is None:
            send(self._answers, *timeline_to_message(video.timeline))
            return
        pictures = video._shown(times.view(np.float64), tuple(message['size']))
        for left, picture in zip(range(len(times) - 1, -1, -1), pictures, strict=True):
            timeline, arrays = ({}, []) if left else timeline_to_message(video.timeline)
            send(self._answers, timeline, [picture, *arrays])

    def _open(self, message: Message) -> VideoReader:
        asked = message['video'], message['reader'], message['changed']
        if self._asked != asked or self._video is None:
            self._asked = None
            import_module(message['module'])  # registers the reader
            self._video = open_video(message['video'], message['reader'])
            self._asked = asked
        return self._video


if __name__ == '__main__':
    main()
