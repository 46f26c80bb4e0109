"""Answers for the tools people have: results in, a file of another tool out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stgr.io.atomic import folder_written_whole, write_atomically
from stgr.io.formats import Format, KnownVideos, find_format
from stgr.structures.video_answers import VideoAnswers, answers_of_result


def load_answers(path: Path) -> list[VideoAnswers]:
    """Return the answers of a result, or of several.

    Args:
        path: A folder written by ``stgr ground``, of one video or of several; a ``result.json``;
            or a file written by ``stgr export --to json``.

    Raises:
        FileNotFoundError: If there is no result.
        ValueError: If a file is damaged, or its heat maps are of another run.
    """
    from stgr.io.formats import own_json
    from stgr.io.results import RESULT_FILE, load_result

    if path.is_dir():
        here = path / RESULT_FILE
        files = [here] if here.is_file() else sorted(path.glob(f'*/{RESULT_FILE}'))
        if not files:
            raise FileNotFoundError(f'{path}: neither {RESULT_FILE} nor folders that hold one')
        return [answers_of_result(load_result(file)) for file in files]
    if not path.is_file():
        raise FileNotFoundError(f'no result {path}; give a folder that stgr ground wrote')
    if path.name == RESULT_FILE:
        return [answers_of_result(load_result(path))]
    return own_json.read(path, KnownVideos())


def export_answers(
    answers: Sequence[VideoAnswers],
    to: str,
    out: Path,
    *,
    known: KnownVideos | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write answers for another tool, each file whole or not at all.

    Args:
        answers: Of one video or several.
        to: Name of a format; ``stgr.io.formats.FORMATS`` is the table.
        out: The file; the folder, where the format is one, or has one file per video and there are
            several. Folders are made if need be.
        known: Frame rates and times to count with; None: what the answers say.
        overwrite: Whether to replace what is there.

    Returns:
        What was written, files or a folder.

    Raises:
        ValueError: If the format is unknown, there are no answers or two of one video, or the
            format needs facts that are not known.
        FileExistsError: If something is there and ``overwrite`` is False.
    """
    kind, known = find_format(to), known or KnownVideos()
    _check_videos(answers)
    videos = [known.complete(one) for one in answers]
    if kind.many or len(videos) == 1:
        contents = {out: kind.write(videos, known)}
    else:
        contents = {
            out / f'{one.video_id}{kind.suffix}': kind.write([one], known) for one in videos
        }
    for path in contents:
        _check_free(path, kind, overwrite=overwrite)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    return list(contents)


def default_name(answers: Sequence[VideoAnswers], to: str) -> str:
    """Return what a file is called if nobody says: after the video, and the format if in doubt.

    A player finds ``kitchen.srt`` beside ``kitchen.mp4``; of the JSON files each says its format.
    """
    kind = find_format(to)
    if len(answers) > 1 and not kind.many:
        return to  # a folder
    stem = answers[0].video_id if len(answers) == 1 else 'answers'
    return f'{stem}{kind.suffix}' if kind.suffix == f'.{to}' else f'{stem}.{to}{kind.suffix}'


def _check_videos(answers: Sequence[VideoAnswers]) -> None:
    if not answers:
        raise ValueError('there are no answers to export')
    names = [one.video_id for one in answers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f'several results are of videos called {", ".join(twice)}; export them one by one'
        )


def _check_free(path: Path, kind: Format, *, overwrite: bool) -> None:
    """Raise unless a path may be written; a folder is replaced only if nothing else is in it."""
    if not path.exists():
        return
    if not overwrite:
        raise FileExistsError(f'{path} exists already; give --overwrite or another --out')
    if path.is_dir() == bool(kind.suffix):
        expected = 'a file' if kind.suffix else 'a folder'
        raise FileExistsError(f'{path} is there and is not {expected}; give another --out')
    if path.is_dir() and (others := {one.name for one in path.iterdir()} - {
        'manifest.json', 'labels'
    }):  # fmt: skip
        raise FileExistsError(f'{path} holds {min(others)} too; remove it or give another --out')


def _write(path: Path, content: bytes | Mapping[str, bytes]) -> None:
    if isinstance(content, bytes):
        write_atomically(path, content)
        return
    with folder_written_whole(path, overwrite=True) as folder:  # ``_check_free`` looked
        for name, part in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(part)


def facts_of_videos(files: Sequence[Path], fps: float | None = None) -> KnownVideos:
    """Return what video files say: size, length, rate, and when each frame is shown.

    Args:
        files: The videos.
        fps: Frames per second that the other tool counts with; None: the frames of the videos.

    Raises:
        VideoError: If one cannot be read.
        ValueError: If ``fps`` is not > 0.
    """
    from stgr.io import open_video

    if fps is not None and not 0 < fps < 1e6:
        raise ValueError(f'--fps must be > 0, but is {fps}')
    facts, times = [], {}
    for file in files:
        with open_video(file) as reader:
            found = reader.facts()
            one = VideoAnswers(
                str(file), (), found.width, found.height, found.duration_sec, found.fps
            )
            facts.append(one)
            times[one.video_id] = reader.timeline.times_sec
    return KnownVideos(tuple(facts), times, fps)
