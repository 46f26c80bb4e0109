"""The folder that ``stgr prepare`` makes, as training sees it."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stgr.apis.prepare import DURATIONS, VIDEOS
from stgr.io.checked_json import read_json
from stgr.preparation.splits import SPLITS

ANNOTATIONS = 'annotations'
BOXES = 'box_anno.json'
# Contrast needs others to tell apart: of fewer clips each is seen so often that it is learned by
# heart.
MIN_CLIPS = 8
MIN_VIDEOS = 2


@dataclass(frozen=True)
class OwnData:
    """Prepared videos, and clicks in ``annotations`` if somebody has made some.

    Args:
        root: The folder.

    Raises:
        FileNotFoundError: If it was not made by ``stgr prepare``.
    """

    root: Path

    def __post_init__(self) -> None:
        needed = (VIDEOS, DURATIONS, *(f'{split}.json' for split in SPLITS))
        missing = [name for name in needed if not (self.root / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f'{self.root} has no {missing[0]}; make it with: stgr prepare DIR --out {self.root}'
            )

    @cached_property
    def num_captions(self) -> Mapping[str, Mapping[str, int]]:
        """How many captions each video of each split has."""
        return {split: _count(self.root / f'{split}.json') for split in SPLITS}

    @property
    def num_clips(self) -> int:
        """How many clips there are to learn from.

        Raises:
            ValueError: If they are too few.
        """
        videos = self.num_captions['train']
        clips = sum(videos.values())
        if clips < MIN_CLIPS or len(videos) < MIN_VIDEOS:
            raise ValueError(
                f'{self.root} has {clips} captions of {len(videos)} videos to learn from; at '
                f'least {MIN_CLIPS} of {MIN_VIDEOS} are needed: prepare more videos, or give less '
                'of them to --val and --test'
            )
        return clips

    @cached_property
    def boxes(self) -> dict[str, dict[str, Any]]:
        """What was clicked in the prepared videos, by split and video, as in ``box_anno.json``.

        Raises:
            ValueError: If there are clicks that nobody has merged, or the file is malformed.
        """
        folder = self.root / ANNOTATIONS
        path = folder / BOXES
        if not path.is_file():
            if (folder / 'clicks').is_dir():
                raise ValueError(
                    f'{folder} holds clicks, but no {BOXES}; make it with: stgr annotate --merge '
                    f'--out {folder}'
                )
            return {split: {} for split in SPLITS}
        document = read_json(path)
        if not isinstance(document.value, dict):
            raise ValueError(f'{path} must be an object of video ids')
        clicked = {video_id: rows for video_id, rows in document.value.items() if rows}
        return {
            split: {v: rows for v, rows in clicked.items() if v in self.num_captions[split]}
            for split in SPLITS
        }

    def scored_boxes(self, split: str, leave_out: Collection[str] = ()) -> dict[str, Any]:
        """Return what was clicked in the videos of a split that can be read."""
        return {v: rows for v, rows in self.boxes[split].items() if v not in leave_out}

    @property
    def sha256(self) -> str:
        """Checksum of what is said in the videos, of their splits and of the clicks that count."""
        said = {split: (self.root / f'{split}.json').read_text('utf-8') for split in SPLITS}
        clicked = {split: self.boxes[split] for split in ('val', 'test')}
        text = json.dumps([said, clicked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _count(path: Path) -> dict[str, int]:
    document = read_json(path)
    return {video_id: len(document[video_id]['text'].items()) for video_id in document.value}
