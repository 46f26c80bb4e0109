"""Write a TinyKitchen: videos, subtitles, ground truth and a manifest with checksums."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from stgr.datasets.tiny_kitchen.annotations import (
    box_rows,
    caption_rows,
    segment_at,
    step_rows,
)
from stgr.datasets.tiny_kitchen.scene import render
from stgr.datasets.tiny_kitchen.sound import SAMPLE_RATE, synthesise
from stgr.datasets.tiny_kitchen.timeline import SPLITS, Script, video_name, write_script
from stgr.datasets.tiny_kitchen.vocabulary import class_groups

VERSION = 1
ENCODER: dict[str, Any] = {'quality': 27, 'preset': 'ultrafast'}  # most of the time


def split_sizes(n_videos: int) -> dict[str, int]:
    """Return how many videos each split gets: about 70, 10 and 20 %, at least one each.

    Raises:
        ValueError: If there are fewer than 4 videos.
    """
    if n_videos < 4:
        raise ValueError(f'TinyKitchen needs at least 4 videos, but got {n_videos}')
    val, test = max(1, n_videos // 10), max(1, n_videos // 5)
    return dict(zip(SPLITS, (n_videos - val - test, val, test), strict=True))


def make_tiny_kitchen(
    out_dir: str | Path,
    *,
    n_videos: int,
    seed: int = 0,
    n_workers: int = 1,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> Path:
    """Generate the world into a folder and return the path of its manifest.

    Videos that are there already with the right checksum are kept, so an interrupted call goes on
    where it stopped. Each split folder has ``videos/*.mp4`` with sound, ``captions.json``
    (narrations) and ``clean_captions.json`` in HowTo100M's format, ``box_anno.json``,
    ``seg.json``, ``vid2step.json``, ``id2wh.json`` and ``id2wh_new.json`` in GroundingYouTube's.
    ``groups.json`` names the steps to report apart: those that only motion tells apart, and the
    verb-noun pairs that no narration speaks of.

    Args:
        out_dir: Folder to fill.
        n_videos: Videos of all splits together, at least 4.
        seed: World to generate; another seed shares no video with this one.
        n_workers: Processes.
        progress: Wraps the iterator of finished videos, given with their number; None is silent.

    Raises:
        ValueError: If there are too few videos, the seed is negative or the folder holds another
            world.
    """
    out_dir = Path(out_dir)
    sizes = split_sizes(n_videos)
    if seed < 0:
        raise ValueError(f'seed must be at least 0, but got {seed}')
    settings = {'version': VERSION, 'seed': seed, 'videos': n_videos}
    _claim(out_dir, settings)
    jobs = [(split, index) for split, size in sizes.items() for index in range(size)]
    for split in sizes:
        (out_dir / split / 'videos').mkdir(parents=True, exist_ok=True)
    # Closed at once if the progress bar fails: the pool would go on with all that is left.
    with closing(_run(partial(_make_one, out_dir, seed), jobs, n_workers)) as records:
        done = list(records if progress is None else progress(records, len(jobs)))
    for split in sizes:
        _write_annotations(out_dir / split, [r for r in done if r['split'] == split])
    _write_json(out_dir / 'groups.json', class_groups())
    manifest = out_dir / 'manifest.json'
    _write_json(manifest, settings | {'files': _checksums(out_dir, done)})
    return manifest


def _claim(out_dir: Path, settings: dict[str, int]) -> None:
    """Mark a folder as this world's; refuse one that holds another."""
    out_dir.mkdir(parents=True, exist_ok=True)
    marker = out_dir / 'settings.json'
    if marker.exists() and json.loads(marker.read_text()) != settings:
        raise ValueError(
            f'{out_dir} holds a TinyKitchen made with {marker.read_text().strip()}, not '
            f'{json.dumps(settings)}; choose another folder or delete it'
        )
    _write_json(marker, settings)


def _run(
    make: Callable[[tuple[str, int]], dict], jobs: list[tuple[str, int]], n_workers: int
) -> Generator[dict, None, None]:
    if n_workers <= 1:
        yield from map(make, jobs)
        return
    # Not forked: the parent may have started threads that a forked child would wait for.
    with ProcessPoolExecutor(n_workers, mp_context=get_context('spawn')) as pool:
        yield from pool.map(make, jobs)


def _make_one(out_dir: Path, seed: int, job: tuple[str, int]) -> dict:
    """Write one video unless it is there; return its record of annotations."""
    split, index = job
    name, folder = video_name(seed, split, index), out_dir / split / 'videos'
    video, note = folder / f'{name}.mp4', folder / f'.{name}.json'
    if note.exists() and video.exists():
        record = json.loads(note.read_text())
        if record['sha256'] == _sha256(video):
            return record
    for stale in folder.glob(f'.{video.name}.*.part'):  # of a call that was killed
        stale.unlink()
    script = write_script(seed, split, index)
    boxes = write_one_video(script, video)
    record = {
        'split': split,
        'video_id': script.video_id,
        'size': list(script.size),
        'duration_sec': float(script.n_frames / script.rate),
        'narrations': caption_rows(script.narrations),
        'captions': caption_rows(script.captions),
        'steps': step_rows(script),
        'boxes': boxes,
        'sha256': _sha256(video),
    }
    _write_json(note, record)
    return record


def write_one_video(script: Script, path: Path) -> list[dict]:
    """Render and encode a video, segment by segment; return its box rows."""
    import cv2

    from stgr.io.video_writer import VideoWriter

    cv2.setNumThreads(0)  # one process per core does better than threads inside each
    sound = (synthesise(script), SAMPLE_RATE)
    boxes: list[dict] = []
    current, shot = None, None
    with VideoWriter(path, script.rate, script.size, audio=sound, **ENCODER) as writer:
        for k in range(script.n_frames):
            time_sec = float(k / script.rate)
            segment = segment_at(script, time_sec)
            if shot is None or segment is not current:
                current = segment
                shot = segment.shot(script.size, script.palette)[0]
                boxes += box_rows(script, segment, shot)
            writer.write(np.ascontiguousarray(render(shot, time_sec)))
    return boxes


def _write_annotations(folder: Path, records: list[dict]) -> None:
    """Write the files of one split in the formats of the real data sets."""
    ids = {record['video_id']: record for record in records}
    files = {
        'captions.json': {v: r['narrations'] for v, r in ids.items()},
        'clean_captions.json': {v: r['captions'] for v, r in ids.items()},
        'box_anno.json': {v: r['boxes'] for v, r in ids.items()},
        'seg.json': {v: r['steps'] for v, r in ids.items()},
        'vid2step.json': {
            v: [
                *dict.fromkeys(row['sentence'].replace('_', ' ') for row in r['steps']),
                'background',
            ]
            for v, r in ids.items()
        },
        'durations.json': {v: r['duration_sec'] for v, r in ids.items()},
        'id2wh.json': {v: r['size'] for v, r in ids.items()},
        'id2wh_new.json': {v: r['size'] for v, r in ids.items()},
    }
    for name, content in files.items():
        _write_json(folder / name, content)


def _checksums(out_dir: Path, records: list[dict]) -> dict[str, str]:
    sums = {f'{r["split"]}/videos/{r["video_id"]}.mp4': r['sha256'] for r in records}
    annotations = [path for split in SPLITS for path in (out_dir / split).glob('*.json')]
    for path in sorted([*annotations, out_dir / 'groups.json']):
        sums[path.relative_to(out_dir).as_posix()] = _sha256(path)
    return sums


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, content: object) -> None:
    from stgr.io.atomic import write_atomically

    write_atomically(path, json.dumps(content, separators=(',', ':')).encode())
