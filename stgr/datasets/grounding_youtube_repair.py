"""Repair of the boxes of GroundingYouTube, whose clip limits were exchanged.

The released boxes are the clicks plus 100 px on each side, but x2 was limited to 480 (the height)
instead of 640 and y2 was not limited: 5,119 of the 17,316 majority boxes end at x2 = 480, 2,111
reach below the frame and 18 are empty. Published scores use the boxes as they are, so repairing is
never the default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from stgr.datasets.grounding_youtube_files import BoxedSecond, normalise_step_name
from stgr.io.checked_json import JsonNode, read_json

MARGIN_PX = 100
WRONG_X_LIMIT = 480
Clicks = dict[tuple[str, int, str], float]
Boxes = dict[str, dict[int, BoxedSecond]]


@dataclass(frozen=True)
class Repair:
    """Boxes after the repair, and what was done.

    Args:
        boxes: By video and second.
        flagged: Videos and seconds of the boxes cut at x2 = 480 whose clicks are not known: they
            were left so.
        num_y2_cut: Boxes that reached below the frame and now end with it.
        num_x2_moved: Boxes cut at x2 = 480 that now reach further.
        num_x2_kept: Boxes that end at x2 = 480 and, by their clicks, rightly do.
        num_empty: Boxes that are empty or inverted, after the repair.
    """

    boxes: Boxes
    flagged: frozenset[tuple[str, int]]
    num_y2_cut: int
    num_x2_moved: int
    num_x2_kept: int
    num_empty: int

    @classmethod
    def none(cls, boxes: Boxes) -> Self:
        """Return boxes as they were released, their empty ones counted."""
        empty = sum(_is_empty(boxed.box_px) for v in boxes.values() for boxed in v.values())
        return cls(boxes, frozenset(), 0, 0, 0, empty)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, for logs and reports."""
        return {
            'num_y2_cut': self.num_y2_cut,
            'num_x2_moved': self.num_x2_moved,
            'num_x2_kept': self.num_x2_kept,
            'num_x2_unknown': len(self.flagged),
            'num_empty': self.num_empty,
        }


def repair_boxes(boxes: Boxes, sizes: Mapping[str, tuple[int, int]], clicks: Clicks) -> Repair:
    """Undo the exchanged limits as far as the clicks tell.

    ``y2 = min(y2, H)``. In frames wider than 480, a box with ``x2 = 480`` whose mean click is known
    gets ``x2 = min(W, max(480, 2 * mean_x - (x1 + 100) + 100))``: the rightmost click is taken to
    lie as far right of the mean as the leftmost, ``x1 + 100``, lies left of it. Without that click
    x2 stays and the box is flagged.

    Args:
        boxes: As released, by video and second.
        sizes: Width and height of the frame of each video, pixels.
        clicks: Mean click, see ``read_clicks``; empty: every cut box is flagged.
    """
    repaired: Boxes = {}
    flagged: set[tuple[str, int]] = set()
    done = {'y2_cut': 0, 'x2_moved': 0, 'x2_kept': 0, 'empty': 0}
    for video_id, seconds in boxes.items():
        repaired[video_id] = {}
        width, height = sizes[video_id]
        for second, boxed in seconds.items():
            x1, y1, x2, y2 = boxed.box_px
            done['y2_cut'] += y2 > height
            if x2 == WRONG_X_LIMIT < width:
                mean_x = clicks.get((video_id, second, boxed.step_name))
                if mean_x is None:
                    flagged.add((video_id, second))
                else:
                    x2 = _right_edge(x1, mean_x, width)
                    done['x2_moved' if x2 > WRONG_X_LIMIT else 'x2_kept'] += 1
            box_px = (x1, y1, x2, min(y2, height))
            done['empty'] += _is_empty(box_px)
            repaired[video_id][second] = replace(boxed, box_px=box_px)
    numbers = {f'num_{name}': number for name, number in done.items()}
    return Repair(repaired, frozenset(flagged), **numbers)


def read_clicks(path: Path) -> Clicks:
    """Read the x of the mean click by video, second and step; images nobody clicked are left out.

    Args:
        path: ``[{"image_url", "x", "y"}]`` in pixels of the evaluation frame; a file is named
            ``<video_id>_<second>_<step>.jpg`` in a folder ``<video_id>``; x is null without clicks.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not follow the format, or an image comes twice.
    """
    clicks: Clicks = {}
    for entry in read_json(path).items():
        image = _image(entry['image_url'])
        if image in clicks:
            raise ValueError(f'{entry.where}: image {entry["image_url"].text()} comes twice')
        if entry['x'].value is not None:
            clicks[image] = entry['x'].number()
    return clicks


def _is_empty(box_px: tuple[float, float, float, float]) -> bool:
    return box_px[2] <= box_px[0] or box_px[3] <= box_px[1]


def _right_edge(x1: float, mean_x: float, width: int) -> float:
    symmetric = 2 * mean_x - (x1 + MARGIN_PX) + MARGIN_PX
    return min(float(width), max(float(WRONG_X_LIMIT), symmetric))


def _image(url: JsonNode) -> tuple[str, int, str]:
    """Return video, second and step of an image; a video id may hold ``_`` and digits."""
    folder, _, name = url.text().rpartition('/')
    video_id = folder.rpartition('/')[2]
    rest = re.fullmatch(r'_(\d+)_(.+)\.\w+', name.removeprefix(video_id))
    if not video_id or not name.startswith(video_id) or rest is None:
        raise ValueError(f'{url.where} must end in VIDEO/VIDEO_SECOND_STEP.jpg, but is {url.value}')
    return video_id, int(rest[1]), normalise_step_name(rest[2])
