"""What there is to prepare: videos by name, what is said beside them, and what is still open."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stgr.preparation.cue_cleaning import CaptionLimits
from stgr.preparation.records import RULES, Record, stamp
from stgr.preparation.subtitle_files import SUFFIXES, belongs_to, composed, find_subtitles


@dataclass(frozen=True)
class PreparationJob:
    """One video to prepare.

    Args:
        video_id: Its name without the ending.
        video: The video.
        subtitles: What is said in it, or where it will be written down.
        made_from: What its record will say it was made from.
    """

    video_id: str
    video: Path
    subtitles: Path
    made_from: dict[str, Any]

    def is_open(self, record: Record | None, *, retry_failed: bool) -> bool:
        """Return whether there is something to do, given what is known of the video."""
        if record is None or record.made_from != self.made_from:
            return True
        return record.failed is not None and retry_failed


def videos_by_id(files: Iterable[Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return videos by id, and of those that share one, why they are not used."""
    videos: dict[str, Path] = {}
    twice: dict[str, str] = {}
    for path in files:
        if path.stem in videos:
            twice[path.stem] = f'{videos[path.stem]} and {path} have the same name; rename one'
        videos.setdefault(path.stem, path)
    return {video_id: path for video_id, path in videos.items() if video_id not in twice}, twice


def list_jobs(
    videos: Mapping[str, Path],
    transcripts: Path,
    *,
    language: str | None,
    limits: CaptionLimits,
    speech: str | None,
) -> tuple[list[PreparationJob], list[str], dict[str, str]]:
    """Return a job per video, those that nobody says anything about, and why others cannot be read.

    Args:
        videos: By id.
        transcripts: Folder of what is recognised.
        language: Wanted language of the captions; None: any.
        limits: What a caption may be.
        speech: Model that listens to videos without subtitles; None: nobody does.
    """
    beside = _Beside()
    jobs, unnarrated, failed = [], [], {}
    for video_id, video in videos.items():
        subtitles = find_subtitles(video, beside.files(video), language)
        if subtitles is None and speech is None:
            unnarrated.append(video_id)
            continue
        made_from = {'rules': RULES, 'limits': asdict(limits), 'language': language}
        try:
            made_from['video'] = stamp(video)
            if subtitles is not None:
                made_from['subtitles'] = stamp(subtitles)
        except OSError as error:  # a link to a disk that is not there
            failed[video_id] = f'{error.filename}: cannot be opened ({error.strerror})'
            continue
        if subtitles is None:
            made_from['speech'] = speech
            subtitles = transcripts / f'{video_id}.json'
        jobs.append(PreparationJob(video_id, video, subtitles, made_from))
    return jobs, unnarrated, failed


def stray_subtitles(folders: Sequence[str | Path], videos: Iterable[Path]) -> tuple[Path, ...]:
    """Return the subtitle files below some folders that are called as no video beside them is.

    Files ``*.json`` are not looked at: they may be anything.

    Args:
        folders: Folders; videos among them are passed over.
        videos: All videos of the folders.
    """
    beside = defaultdict(list)
    for video in videos:
        beside[video.parent, composed(video.stem)].append(video)
    strays = []
    for folder in filter(Path.is_dir, map(Path, folders)):
        for file in sorted(folder.absolute().rglob('[!.]*')):
            if file.suffix.lower() not in SUFFIXES or file.suffix.lower() == '.json':
                continue
            stem = composed(file.stem)
            near = (beside.get((file.parent, name), ()) for name in (stem, stem.rpartition('.')[0]))
            if not any(belongs_to(file, video) for videos_near in near for video in videos_near):
                strays.append(file)
    return tuple(strays)


class _Beside:
    """The files of each folder by the beginning of their names, listed once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, list[Path]]] = {}

    def files(self, video: Path) -> list[Path]:
        """Return the files that may belong to a video."""
        folder = video.parent
        if folder not in self._folders:
            named: dict[str, list[Path]] = {}
            for file in sorted(folder.iterdir()):
                stem = composed(file.name.removesuffix(file.suffix))
                for name in {stem, stem.rpartition('.')[0]}:  # egg.srt, egg.en.srt
                    named.setdefault(name, []).append(file)
            self._folders[folder] = named
        return self._folders[folder].get(composed(video.stem), [])
