"""What is to be annotated: videos, the steps to look for, and packages of frames."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, format_json, read_json

WORK_FORMAT = 'stgr-annotation-work/1'
WORK_FILE = 'work.json'
# What a person does in one go, at a few seconds a frame.
PACKAGE_FRAMES = 60


@dataclass(frozen=True, slots=True)
class Step:
    """An action to look for in some seconds of a video.

    Args:
        name: The action.
        first_sec: First second to look at.
        last_sec: Last second to look at.
        timed: Whether the file of actions said where to look; else all of the video is searched.
    """

    name: str
    first_sec: int
    last_sec: int
    timed: bool


@dataclass(frozen=True, slots=True)
class WorkVideo:
    """A video to annotate.

    Args:
        video_id: Its file name without suffix.
        path: The file.
        frame_size: Width and height of the frames shown, which clicks are measured in.
        duration_sec: Length.
        steps: Actions to look for; an answer is known by its position here, so the order stays.
    """

    video_id: str
    path: str
    frame_size: tuple[int, int]
    duration_sec: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """Frames of one step that are annotated in one go, one per second.

    Args:
        step: Position of the step in its video.
        first_sec: First frame.
        last_sec: Last frame.
    """

    step: int
    first_sec: int
    last_sec: int


def work_packages(video: WorkVideo, *, max_frames: int = PACKAGE_FRAMES) -> list[Package]:
    """Return the packages of a video: a step each, long steps in parts of nearly equal length.

    >>> video = WorkVideo('v', 'v.mp4', (64, 48), 9.0, (Step('stir', 2, 8, timed=True),))
    >>> [(package.first_sec, package.last_sec) for package in work_packages(video, max_frames=3)]
    [(2, 3), (4, 5), (6, 8)]
    """
    packages = []
    for index, step in enumerate(video.steps):
        frames = step.last_sec - step.first_sec + 1
        parts = -(-frames // max_frames)
        starts = [step.first_sec + frames * part // parts for part in range(parts + 1)]
        packages += [Package(index, starts[part], starts[part + 1] - 1) for part in range(parts)]
    return packages


def merge_work(known: Iterable[WorkVideo], given: Iterable[WorkVideo]) -> list[WorkVideo]:
    """Return the videos of a folder together with those of a new call.

    Raises:
        ValueError: If a video is in both with other steps, size or length: its answers would then
            belong to other frames.
    """
    videos = {video.video_id: video for video in known}
    for video in given:
        before = videos.get(video.video_id, video)
        if (before.steps, before.frame_size, before.duration_sec) != (
            video.steps, video.frame_size, video.duration_sec,
        ):  # fmt: skip
            raise ValueError(
                f'video {video.video_id!r} was begun with other steps, size or length; annotate it '
                'into another folder (--out)'
            )
        videos[video.video_id] = video
    return list(videos.values())


def write_work(folder: Path, videos: Iterable[WorkVideo]) -> Path:
    """Write what is annotated in a folder, whole or not at all; return the file."""
    document = {
        'format': WORK_FORMAT,
        'videos': [
            {
                'video_id': video.video_id,
                'path': video.path,
                'frame_size': list(video.frame_size),
                'duration_sec': video.duration_sec,
                'steps': [
                    {
                        'name': step.name,
                        'segment': [step.first_sec, step.last_sec],
                        'timed': step.timed,
                    }
                    for step in video.steps
                ],
            }
            for video in videos
        ],
    }
    return write_atomically(folder / WORK_FILE, (format_json(document) + '\n').encode())


def read_work(folder: Path) -> list[WorkVideo]:
    """Return the videos of a folder; empty if nothing was begun there.

    Raises:
        ValueError: If the file is malformed; the field is named.
    """
    path = folder / WORK_FILE
    if not path.is_file():
        return []
    document = read_json(path)
    if document['format'].text() != WORK_FORMAT:
        raise ValueError(f'{path}: expected format {WORK_FORMAT!r}')
    return [_video(node) for node in document['videos'].items()]


def _video(node: JsonNode) -> WorkVideo:
    size = [side.integer() for side in node['frame_size'].items()]
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f'{node.where}.frame_size must be a width and a height > 0, got {size}')
    video_id = node['video_id'].text()
    if not video_id or Path(video_id).name != video_id:  # it becomes the name of a file
        raise ValueError(f'{node.where}.video_id must be a file name, got {video_id!r}')
    return WorkVideo(
        video_id=video_id,
        path=node['path'].text(),
        frame_size=(size[0], size[1]),
        duration_sec=node['duration_sec'].number(),
        steps=tuple(_step(step) for step in node['steps'].items()),
    )


def _step(node: JsonNode) -> Step:
    ends = [end.integer() for end in node['segment'].items()]
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1]:
        raise ValueError(f'{node.where}.segment must be two ascending seconds >= 0, got {ends}')
    return Step(node['name'].text(), ends[0], ends[1], timed=node['timed'].flag())
