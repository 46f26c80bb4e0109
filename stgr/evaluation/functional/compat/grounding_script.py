"""What the released pointing scripts print, for GroundingYouTube and YouCook-Interactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, FloatArray, IntArray, mean_or_nan
from stgr.evaluation.functional.boxes import WIDE_AREA_PX
from stgr.evaluation.functional.compat.raster import compare_as_released
from stgr.evaluation.functional.place_facts import PlaceSettings
from stgr.evaluation.functional.places import BoxPlaces, HeatPlaces, MaskPlaces, Places
from stgr.evaluation.functional.records import GroundingRecord
from stgr.structures import BACKGROUND

SCRIPT_THRESHOLD = 1e-4
IOU_THRESHOLD = 0.3
CHUNK_FRAMES = 16  # clips are padded to a multiple of this with black frames


@dataclass(frozen=True)
class ScriptSettings:
    """What the scripts are run with.

    Args:
        mask_threshold: Mask = upsampled map >= this; the script's default, not the paper's 0.01.
        normalisation: Scaling of each map before it, see ``normalise_maps``; the scripts do none.
        black_map: The map that the model gives for a black frame, (h, w): with it the last second
            of every clip is scored as in the scripts, which see a black frame there (or, where
            end - start is a multiple of 16, still hold the last scored mask and point). None: the
            real map of that second, as in the worked example.
        second_offset: Place of second s is that of the record's frame s + this (0 for
            GroundingYouTube, -1 for YouCook-Interactions when places are per decoded frame).
    """

    mask_threshold: float = SCRIPT_THRESHOLD
    normalisation: str = 'none'
    black_map: FloatArray | None = None
    second_offset: int = 0


@dataclass(frozen=True)
class _Looked:
    """The seconds that the script's loop looks at, in its order, (M,) each."""

    seconds: IntArray
    sources: IntArray  # frame whose place is used; -1: the black frame


def score_grounding_script(
    videos: Sequence[tuple[GroundingRecord, Sequence[tuple[int, int]]]],
    settings: ScriptSettings | None = None,
) -> dict[str, float]:
    """Return what ``eval_mining_clip_iou`` prints.

    For every clip with end > start and every second start .. end, both inclusive, that has a box:
    IoU of the mask with the box as painted there (``released_raster``), the point in the closed
    box. Seconds that two clips share count twice; labels play no part; boxes are never rescaled.
    "meanAP" is the share of frames with IoU > 0.3: no classes, no ranking. Source: benchmarks,
    section 4, items 1 to 7.

    Args:
        videos: Record of each video (1 fps, places of the true labels) and its clips ``(start,
            end)`` in seconds; the record's frame size is that of the video file.
        settings: What the script is run with; None means its defaults.

    Returns:
        ``localization_accuracy``, ``meanAP``, ``iou_total`` (over all boxed seconds; an empty
        raster is a miss), ``iou_total_wide`` and ``iou_total_sat`` (rasters above and up to 50,000
        pixels, without empty ones), ``num_valid``, ``num_wide``, ``num_sat``.

    Raises:
        ValueError: If a record has no places of the true labels, its frames are not one per
            second from 0, or a black map meets places that are no maps.
    """
    settings = settings or ScriptSettings()
    parts = [_score_video(record, clips, settings) for record, clips in videos]
    hit = np.concatenate([np.zeros(0), *(part[0] for part in parts)])
    iou = np.concatenate([np.zeros(0), *(part[1] for part in parts)])
    area = np.concatenate([np.zeros(0), *(part[2] for part in parts)])
    wide, saturated = area > WIDE_AREA_PX, (area > 0) & (area <= WIDE_AREA_PX)
    return {
        'localization_accuracy': mean_or_nan(hit),
        'meanAP': mean_or_nan(iou > IOU_THRESHOLD),
        'iou_total': mean_or_nan(iou),
        'iou_total_wide': mean_or_nan(iou[wide]),
        'iou_total_sat': mean_or_nan(iou[saturated]),
        'num_valid': float(len(iou)),
        'num_wide': float(wide.sum()),
        'num_sat': float(saturated.sum()),
    }


def clips_by_position(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return the clips that the scripts look up: ``id`` taken as a position in the same list.

    Right for ``seg.json``; in ``ground_seg.json`` 948 ids differ from the position, so other clips
    are found, or none (there the scripts fail). Source: benchmarks, section 4, item 8.

    Args:
        rows: One video's list of the segment file, with ``id`` and ``segment``.

    Returns:
        ``(start, end)`` in seconds, one per row.

    Raises:
        ValueError: If an id is no position of the list.
    """
    beyond = [row['id'] for row in rows if not 0 <= row['id'] < len(rows)]
    if beyond:
        raise ValueError(
            f'id {beyond[0]} is no position in a list of {len(rows)} clips: the released scripts '
            f'fail on this file; use each row itself'
        )
    chosen = [rows[row['id']]['segment'] for row in rows]
    return [(int(start), int(end)) for start, end in chosen]


def youcook_script_size(video_size: tuple[int, int]) -> tuple[int, int]:
    """Return the frame that the YouCook-Interactions scripts take a video's boxes to live in.

    Width above 640 becomes 640 and height above 360 becomes 360, each on its own, so that 640x480
    videos are squashed and the 7 natively annotated ones are scored against the wrong frame.
    Source: benchmarks, section 4.

    Args:
        video_size: Width and height of the video file.

    Returns:
        Width and height in pixels.
    """
    width, height = video_size
    return min(width, 640), min(height, 360)


def _score_video(
    record: GroundingRecord, clips: Sequence[tuple[int, int]], settings: ScriptSettings
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return hit, IoU and raster area of every second looked at."""
    if record.query_places is None:
        raise ValueError(
            f'video {record.video_id!r}: the script needs places of the true label (gt_heatmaps, '
            f'or query_points_px and query_boxes_px)'
        )
    if not np.array_equal(record.times_sec, np.arange(record.num_frames)):
        raise ValueError(
            f'video {record.video_id!r}: the script counts seconds 0, 1, 2 .., but times are others'
        )
    looked = _look(record.gt_labels != BACKGROUND, clips, settings)
    num = len(looked.seconds)
    facts = compare_as_released(
        _places(record.query_places, looked.sources, settings, record.video_id),
        record.gt_boxes_px[looked.seconds],
        record.frame_size,
        used=np.ones(num, np.bool_),
        settings=PlaceSettings(settings.mask_threshold, settings.normalisation),
    )
    iou = np.where(facts.box_px > 0, facts.iou, 0.0)
    return facts.hit.astype(np.float64), iou, facts.box_px


def _look(boxed: BoolArray, clips: Sequence[tuple[int, int]], settings: ScriptSettings) -> _Looked:
    seconds: list[int] = []
    sources: list[int] = []
    for start, end in clips:
        for second in range(start, min(end, len(boxed) - 1) + 1 if end > start else start):
            if second < 0 or not boxed[second]:
                continue
            source = min(max(second + settings.second_offset, 0), len(boxed) - 1)
            if second == end and settings.black_map is not None:
                reused = (end - start) % CHUNK_FRAMES == 0 and sources
                source = sources[-1] if reused else -1
            seconds.append(second)
            sources.append(source)
    return _Looked(np.asarray(seconds, np.int64), np.asarray(sources, np.int64))


def _places(places: Places, sources: IntArray, settings: ScriptSettings, video_id: str) -> Places:
    if not isinstance(places, HeatPlaces):
        if settings.black_map is not None:
            raise ValueError(f'video {video_id!r}: a black map needs maps as places, not boxes')
        points = places.points_px[sources]
        if isinstance(places, MaskPlaces):
            return MaskPlaces(points, [places.masks[source] for source in sources])
        return BoxPlaces(points, places.boxes_px[sources])
    if settings.black_map is None:
        return HeatPlaces(places.maps[sources])
    black = np.asarray(settings.black_map, np.float64)
    if black.shape != places.maps.shape[1:]:
        raise ValueError(
            f'video {video_id!r}: the black map must be {places.maps.shape[1:]}, not {black.shape}'
        )
    return HeatPlaces(np.concatenate([places.maps, black[None]])[sources])  # -1 is the last
