"""Turn folders of narrated videos into training data, and only what is new or changed."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from stgr.apis.contact_sheet import write_sheet
from stgr.apis.grounder import find_videos
from stgr.apis.preparation_jobs import PreparationJob, list_jobs, stray_subtitles, videos_by_id
from stgr.apis.prepared_data import PreparedData
from stgr.apis.user_errors import one_line
from stgr.io.atomic import write_atomically
from stgr.io.file_locks import only_writer
from stgr.preparation.cue_cleaning import CaptionLimits
from stgr.preparation.cues import Subtitles
from stgr.preparation.decoding import decode_text
from stgr.preparation.json_subtitles import read_json_subtitles
from stgr.preparation.language import language_code
from stgr.preparation.records import Record, RecordStore
from stgr.preparation.speech import SpeechRecogniser, heard_from
from stgr.preparation.splits import SPLITS, SplitRule, moved_videos, split_videos
from stgr.preparation.statistics import count_everything
from stgr.preparation.subtitle_files import read_subtitles
from stgr.preparation.video_preparation import PreparedVideo, prepare_video

VIDEOS, DURATIONS, STATISTICS = 'videos.json', 'durations.json', 'statistics.json'
RULE_FILE, FAILED_FILE, SHEET = 'splits.json', 'failed.jsonl', 'report.html'
Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Outcome = tuple[str, Record]


@dataclass(frozen=True)
class PreparationSettings:
    """How videos are prepared.

    Args:
        language: Wanted language of the captions, such as ``'en'``: subtitles of another are not
            taken, and a video whose captions are clearly in another is left out. None: any.
        limits: What a caption may be.
        split: How videos are divided.
        speech: Model of faster-whisper for videos without subtitles, see ``SpeechRecogniser``;
            None: such videos are left out.
        device: Where speech is recognised; None: a GPU if there is one.
        retry_failed: Try again what failed in earlier runs and has not changed.
        workers: Processes that read videos; speech is recognised in one.
    """

    language: str | None = None
    limits: CaptionLimits = field(default_factory=CaptionLimits)
    split: SplitRule = field(default_factory=SplitRule)
    speech: str | None = None
    device: str | None = None
    retry_failed: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f'there must be at least 1 worker, not {self.workers}')
        if self.language is not None and not (self.language.isalpha() and len(self.language) < 4):
            raise ValueError(f"a language is a code such as 'en', not {self.language!r}")
        if self.language is not None:  # 'EN' and 'eng' are the language that is guessed as 'en'
            object.__setattr__(self, 'language', language_code(self.language))


def prepare(
    folders: Sequence[str | Path],
    out: str | Path,
    settings: PreparationSettings | None = None,
    *,
    progress: Progress = lambda items, total: items,
) -> PreparedData:
    """Make training data of folders of videos with subtitles beside them.

    Written to ``out``: captions in HowTo100M's format (``train.json``, ``val.json`` and
    ``test.json``), ``videos.json`` (where each lies; they are not copied), ``durations.json``,
    ``splits.json``, ``statistics.json``, ``failed.jsonl``, the contact sheet ``report.html``, and
    in ``records``, ``pictures`` and ``transcripts`` what a later run takes up: it looks only at
    videos that are new, have changed, or are asked for with other settings. A killed run loses the
    video it was at. A second run that writes to the same folder meanwhile is refused.

    Args:
        folders: Folders of videos, or videos. The id of a video is its name without the ending.
        out: Folder of the training data, made if need be.
        settings: How; None for the defaults.
        progress: Wraps the iterator of outcomes, given with their number.

    Raises:
        FileNotFoundError: If a folder is not there or there are no videos.
        ImportError: If faster-whisper or pysubs2 is needed and not installed.
        ValueError: If ``out`` was divided by another rule, another process is writing to it, the
            speech model cannot be loaded, or no video can be used.
        OSError: If the disk is full.
    """
    settings, out = settings or PreparationSettings(), Path(out)
    missing = [path for path in map(Path, folders) if not path.exists()]
    if missing:
        raise FileNotFoundError(f'no such folder or video: {missing[0]}')
    found = [path.absolute() for path in find_videos(folders)]
    if not found:
        raise FileNotFoundError(f'no videos in {", ".join(map(str, folders))}')
    with only_writer(out):
        return _prepare(found, out, settings, progress, stray_subtitles(folders, found))


def _prepare(
    found: Sequence[Path],
    out: Path,
    settings: PreparationSettings,
    progress: Progress,
    strays: tuple[Path, ...],
) -> PreparedData:
    """Prepare what is open of these videos, and write the data anew."""
    pinned = _pinned(out, settings.split)
    store = RecordStore(out)
    store.make()
    videos, failed = videos_by_id(found)
    jobs, unnarrated, unreadable = list_jobs(
        videos,
        store.transcripts,
        language=settings.language,
        limits=settings.limits,
        speech=settings.speech,
    )
    failed |= unreadable
    retry = settings.retry_failed
    todo = [job for job in jobs if job.is_open(store.read(job.video_id), retry_failed=retry)]
    if settings.speech and any(job.subtitles.parent == store.transcripts for job in todo):
        _recogniser(settings).load()
    with closing(_run(partial(_prepare_one, out, settings), todo, settings.workers)) as outcomes:
        for _ in progress(outcomes, len(todo)):
            pass
    prepared: dict[str, PreparedVideo] = {}
    for job in jobs:
        record = store.read(job.video_id)
        if record is not None and record.prepared is not None:
            prepared[job.video_id] = record.prepared
        else:
            failed[job.video_id] = 'its record is damaged' if record is None else str(record.failed)
    gone = tuple(sorted(set(store.known()) - set(videos)))
    used = [video_id for video_id, video in prepared.items() if video.left_out is None]
    splits = split_videos(used, settings.split, pinned)
    statistics = count_everything(prepared, splits, failed=failed, unnarrated=len(unnarrated))
    result = PreparedData(statistics, splits, len(todo), failed, tuple(unnarrated), gone, strays)
    _write(out, videos, prepared, result, settings, store, pinned)
    if not used:
        raise ValueError(f'none of {len(found)} videos can be learned from: {_reasons(result)}')
    return result


def _pinned(out: Path, rule: SplitRule) -> dict[str, str]:
    """Return the videos whose split is fixed; refuse a folder divided by another rule."""
    path = out / RULE_FILE
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_bytes())
        found, pinned = document['rule'], dict(document['pinned'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is damaged; delete it, or take another --out') from error
    if found != rule.as_json():
        raise ValueError(
            f'{out} was divided by {found}, not {rule.as_json()}: videos scored before would be '
            'learned from; take another --out, or the same shares and seed'
        )
    return pinned


def _run(
    make: Callable[[PreparationJob], Outcome], jobs: list[PreparationJob], workers: int
) -> Generator[Outcome, None, None]:
    if workers == 1 or len(jobs) < 2:
        yield from map(make, jobs)
        return
    # Not forked: the parent may have started threads that a forked child would wait for.
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context('spawn')) as pool:
        yield from pool.map(make, jobs)


def _prepare_one(out: Path, settings: PreparationSettings, job: PreparationJob) -> Outcome:
    """Prepare a video and keep its record, also of a failure; a full disk or a bug ends the run."""
    store = RecordStore(out)
    try:
        found = _subtitles(store, settings, job)
        prepared, pictures = prepare_video(
            job.video, found, limits=settings.limits, language=settings.language
        )
        record = Record(job.made_from, prepared)
    except ValueError as error:  # VideoError is one
        record, pictures = Record(job.made_from, failed=one_line(error)), b''
    store.write(job.video_id, record, pictures)
    return job.video_id, record


def _subtitles(store: RecordStore, settings: PreparationSettings, job: PreparationJob) -> Subtitles:
    if 'speech' not in job.made_from:
        try:
            return read_subtitles(job.subtitles)
        except OSError as error:
            raise ValueError(f'{job.subtitles}: cannot be read ({error.strerror})') from error
    heard = {
        'video': job.made_from['video'], 'speech': settings.speech, 'language': settings.language
    }  # fmt: skip
    if heard_from(job.subtitles) != heard:
        _recogniser(settings).transcribe(job.video, job.subtitles, made_from=heard)
    text, _ = decode_text(job.subtitles.read_bytes(), where=str(job.subtitles))
    return read_json_subtitles(text, where=str(job.subtitles))  # silence is no error here


_recognisers: dict[tuple[str | None, ...], SpeechRecogniser] = {}


def _recogniser(settings: PreparationSettings) -> SpeechRecogniser:
    """Return the recogniser of these settings, one per process."""
    assert settings.speech is not None, 'asked for without a model'
    key = (settings.speech, settings.device, settings.language)
    if key not in _recognisers:
        _recognisers[key] = SpeechRecogniser(
            settings.speech, device=settings.device, language=settings.language
        )
    return _recognisers[key]


def _write(
    out: Path,
    videos: Mapping[str, Path],
    prepared: Mapping[str, PreparedVideo],
    result: PreparedData,
    settings: PreparationSettings,
    store: RecordStore,
    pinned: Mapping[str, str],
) -> None:
    """Write what training and people read, each file whole."""
    moved = dict(pinned) | moved_videos(result.splits, settings.split)
    _write_json(out / RULE_FILE, {'rule': settings.split.as_json(), 'pinned': moved})
    for split in SPLITS:
        captions = {v: _columns(prepared[v]) for v, of in result.splits.items() if of == split}
        _write_json(out / f'{split}.json', captions)
    _write_json(out / DURATIONS, {v: prepared[v].duration_sec for v in result.splits})
    _write_json(out / VIDEOS, {v: str(videos[v]) for v in result.splits})
    lines = [
        json.dumps({'video': v, 'path': str(videos.get(v, '')), 'reason': reason})
        for v, reason in sorted(_unused(result, prepared).items())
    ]
    write_atomically(out / FAILED_FILE, ''.join(f'{line}\n' for line in lines).encode())
    _write_json(out / STATISTICS, result.statistics)
    write_sheet(out / SHEET, prepared, result, store)


def _columns(video: PreparedVideo) -> dict[str, list[Any]]:
    return {
        'start': [caption.start_sec for caption in video.captions],
        'end': [caption.end_sec for caption in video.captions],
        'text': [caption.text for caption in video.captions],
    }


def _unused(result: PreparedData, prepared: Mapping[str, PreparedVideo]) -> dict[str, str]:
    left_out = {v: video.left_out for v, video in prepared.items() if video.left_out is not None}
    return result.failed | dict.fromkeys(result.unnarrated, 'no subtitles beside it') | left_out


def _reasons(result: PreparedData) -> str:
    counts = result.statistics['videos']
    named = [f'{n} {what}' for what, n in counts.items() if n and what not in ('found', 'used')]
    first = next(iter(result.failed.values()), None)
    return ', '.join(named) + (f' (first: {first})' if first else '')


def _write_json(path: Path, content: object) -> None:
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
