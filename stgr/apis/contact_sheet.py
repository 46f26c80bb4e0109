"""The contact sheet of prepared training data: numbers, pictures and captions on one page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgr.apis.prepared_data import PreparedData
from stgr.preparation.records import RecordStore
from stgr.preparation.video_preparation import PreparedVideo
from stgr.visualization.contact_sheet import Numbers, SheetVideo, write_contact_sheet

MAX_VIDEOS = 200  # some 10 MB of pictures
MAX_FAILURES = 50


def write_sheet(
    path: Path,
    prepared: Mapping[str, PreparedVideo],
    result: PreparedData,
    store: RecordStore,
) -> Path:
    """Write the sheet; of more than ``MAX_VIDEOS`` videos it shows, and says, an even sample."""
    names = sorted(prepared)
    step = -(-len(names) // MAX_VIDEOS) or 1
    shown = names[::step]
    return write_contact_sheet(
        path,
        title=f'{len(result.splits)} narrated videos',
        tables=_tables(result.statistics),
        videos=[_sheet_video(v, prepared[v], result.splits.get(v), store) for v in shown],
        notes=_notes(prepared, result, shown=len(shown)),
    )


def _tables(statistics: Mapping[str, Any]) -> dict[str, Numbers]:
    columns = {'all': statistics['all'], **statistics['splits']}
    return {
        'Videos': statistics['videos'],
        **{name: numbers for name, numbers in columns.items() if numbers['videos']},
        'Cues': statistics['cues'],
        'Languages': statistics['languages'],
        'Commonest words': dict(list(statistics['commonest words'].items())[:12]),
    }


def _sheet_video(
    video_id: str, video: PreparedVideo, split: str | None, store: RecordStore
) -> SheetVideo:
    width, height = video.frame_size
    facts = (
        f'{split}, {video.duration_sec / 60:.1f} min, {width} x {height}, '
        f'{len(video.captions)} captions, language {video.language or "unknown"}'
    )
    return SheetVideo(
        video_id,
        '; '.join([facts, *video.notes]),
        [(caption.start_sec, caption.end_sec, caption.text) for caption in video.captions],
        store.read_pictures(video_id) if video.picture_sec else b'',
        video.picture_sec,
        video.left_out,
    )


def _notes(prepared: Mapping[str, PreparedVideo], result: PreparedData, *, shown: int) -> list[str]:
    notes = []
    if shown < len(prepared):
        notes.append(f'{shown} of {len(prepared)} videos are shown, evenly spread by name')
    failed = sorted(result.failed.items())
    notes += [f'{video_id}: {reason}' for video_id, reason in failed[:MAX_FAILURES]]
    if len(failed) > MAX_FAILURES:
        notes.append(f'and {len(failed) - MAX_FAILURES} more that failed, see failed.jsonl')
    if result.unnarrated:
        names = ', '.join(result.unnarrated[:5]) + (', ...' if result.unnarrated[5:] else '')
        notes.append(f'{len(result.unnarrated)} videos without subtitles: {names}')
    return notes
