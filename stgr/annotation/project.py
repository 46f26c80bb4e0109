"""A folder of annotations: begun with videos and actions, or taken up again."""

from collections.abc import Sequence
from pathlib import Path

from stgr.annotation.actions import read_steps
from stgr.annotation.work import WorkVideo, merge_work, read_work, write_work
from stgr.io import open_video


def begin_work(folder: Path, videos: Sequence[Path], actions: Path) -> list[WorkVideo]:
    """Return what is annotated in a folder after adding videos to it, and note it there.

    Args:
        folder: Where ``work.json`` is kept and the clicks go; made if it is not there.
        videos: Video files; they are known by their names without suffix.
        actions: What to look for in them, see ``stgr.annotation.actions.read_steps``.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a video is unreadable, two have one name, the actions are malformed, or a
            video was begun in the folder with other steps.
    """
    names = [video.stem for video in videos]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f'two videos are called {twice!r}; their answers would be mixed up')
    facts = {}
    for video in videos:
        with open_video(video) as reader:
            facts[video.stem] = reader.facts()
    steps = read_steps(actions, {name: fact.duration_sec for name, fact in facts.items()})
    given = [
        WorkVideo(
            video_id=video.stem,
            path=str(video.resolve()),
            frame_size=(facts[video.stem].width, facts[video.stem].height),
            duration_sec=facts[video.stem].duration_sec,
            steps=steps[video.stem],
        )
        for video in videos
    ]
    merged = merge_work(read_work(folder), given)
    folder.mkdir(parents=True, exist_ok=True)
    write_work(folder, merged)
    return merged
