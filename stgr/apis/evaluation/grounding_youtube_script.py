"""What the released GroundingYouTube script prints, its errors included: for comparison only."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.coverage import Coverage
from stgr.apis.evaluation.grounding_youtube import SEGMENTS, SIZES, truth_from_item
from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Counts, Ratio, ScoreGroup, Scores
from stgr.apis.evaluation.seconds_protocol import PlacesProtocol
from stgr.apis.evaluation.truth import NamedSegment, VideoTruth
from stgr.datasets.grounding_youtube import GroundingYouTube
from stgr.datasets.grounding_youtube_files import normalise_step_name
from stgr.evaluation.functional import HeatPlaces
from stgr.evaluation.functional.arrays import FloatArray
from stgr.evaluation.functional.compat import (
    ScriptSettings,
    clips_by_position,
    score_grounding_script,
)
from stgr.evaluation.functional.compat.grounding_script import SCRIPT_THRESHOLD
from stgr.io.checked_json import JsonNode, read_json
from stgr.io.predictions import VideoPrediction
from stgr.io.predictions.npz_layout import read_arrays

BLACK = 'heat'  # the array of a file of the black map


@dataclass(frozen=True)
class GroundingYouTubeScriptProtocol(PlacesProtocol):
    """Clips of ``seg.json``, both ends in, over any of the released sets of boxes.

    Its rules are those of ``score_grounding_script``: shared seconds count twice, boxes are painted
    one column late, labels play no part, "meanAP" is a hit rate. A protocol of its own, because
    nothing that it prints is a score of ``grounding_youtube``. The point is the first maximum
    (``point_mode`` 'first'), IoU > 0.3 as in the script.

    Args:
        mask_threshold: The script's default is 1e-4, not the paper's 0.01.
        sizes: None: ``id2wh_new.json`` beside the boxes.
        segments: None: ``seg.json`` beside the boxes.
        durations: JSON file ``{video_id: seconds}``.
        pad_sec: Seconds after the last annotated one, where no length is known.
        clip_lookup: ``'position'``: the ``id`` of a step is taken for its place in the list, as
            released (an error for ``ground_seg.json``); ``'row'``: the step itself.
        black_map: ``.npz`` file with the array ``heat`` (h, w), the system's map of a black frame:
            then the last second of each clip is scored with it, as in the script. None: with the
            real map of that second.
    """

    mask_threshold: float = SCRIPT_THRESHOLD
    sizes: str | None = None
    segments: str | None = None
    durations: str | None = None
    pad_sec: int = 7
    clip_lookup: str = 'position'
    black_map: str | None = None

    name: ClassVar[str] = 'grounding_youtube_script'
    summary: ClassVar[str] = 'what the released script prints (id2xy_box.json), for comparison'
    headline: ClassVar[dict[str, str]] = {
        'script/localization_accuracy': 'localization',
        'script/meanAP': 'meanAP (hit rate)',
        'script/iou_total': 'mean IoU',
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice('clip_lookup', ('position', 'row'))
        for name, fixed in (('point_mode', 'first'), ('iou_threshold', 0.3)):
            if getattr(self, name) != fixed:
                raise ValueError(f'the released script has {name}={fixed!r}; leave it')

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read boxes and the clips that the script loops over."""
        sizes, segments = self._files(path)
        dataset = GroundingYouTube(
            '.',
            str(path),
            str(sizes),
            segments=str(segments),
            videos_dir=None,
            durations=self.durations,
            pad_sec=self.pad_sec,
        )
        rows = read_json(segments)
        return [
            self._truth(dataset[index], rows[video_id])
            for index, video_id in enumerate(dataset.video_ids)
        ]

    def truth_files(self, path: Path) -> list[Path]:
        """Return boxes, sizes, clips and lengths."""
        named = (path, *self._files(path), self.durations, self.black_map)
        return [Path(file) for file in named if file is not None]

    def _files(self, path: Path) -> tuple[Path, Path]:
        sizes = Path(self.sizes) if self.sizes else path.parent / SIZES
        return sizes, Path(self.segments) if self.segments else path.parent / SEGMENTS

    def _truth(self, item: dict[str, Any], rows: JsonNode) -> VideoTruth:
        truth = truth_from_item(item)
        steps = [(s.first_sec, s.last_sec) for s in item['segments']]
        if self.clip_lookup == 'position':
            listed = [
                {'id': row['id'].integer(), 'segment': step}
                for row, step in zip(rows.items(), steps, strict=True)
            ]
            try:
                steps = clips_by_position(listed)
            except ValueError as error:
                raise ValueError(f'{rows.where}: {error} (--clip-lookup row)') from error
        clips = [NamedSegment(first, last, '') for first, last in steps]
        return VideoTruth(**{**vars(truth), 'segments': [], 'clips': clips})

    def normalise_label(self, label: str) -> str:
        """Return the name without the spelling slips of the released files."""
        return normalise_step_name(label)

    def match(
        self, truths: Sequence[VideoTruth], predictions: Sequence[VideoPrediction]
    ) -> tuple[list[MatchedVideo], Coverage]:
        """Match seconds.

        Raises:
            ValueError: If there is a black map and a prediction is no heat map.
        """
        matched, coverage = super().match(truths, predictions)
        for one in predictions if self.black_map is not None else ():
            if one.query_places is None or one.query_places.heatmaps is None:
                raise ValueError(
                    f'{one.source}: video {one.video_id!r} has no query_heatmaps (gtheat); a black '
                    'map needs them'
                )
        return matched, coverage

    @cached_property
    def _black(self) -> FloatArray | None:
        if self.black_map is None:
            return None
        arrays = read_arrays(Path(self.black_map))
        if BLACK not in arrays or arrays[BLACK].ndim != 2:
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(f'{self.black_map}: expected an array {BLACK!r} (h, w), got {shapes}')
        return arrays[BLACK].astype(np.float64)

    def reduce(self, video: MatchedVideo) -> Scores:
        """Return the sums over the seconds that the script looks at."""
        has_maps = isinstance(video.record.query_places, HeatPlaces)
        settings = ScriptSettings(
            self.mask_threshold,
            self.heatmap_norm,
            black_map=self._black if has_maps else None,  # trivial predictors have boxes
        )
        if video.record.query_places is None:
            return {}
        clips = [(int(clip.first), int(clip.last)) for clip in video.truth.clips]
        found = score_grounding_script([(video.record, clips)], settings)
        shares = {key: found[key] for key in ('num_valid', 'num_wide', 'num_sat')}
        for key, of in _DENOMINATORS.items():
            shares[key] = found[key] * found[of] if found[of] else 0.0
        return shares

    def groups(self) -> list[ScoreGroup]:
        """Return what the script prints."""
        return [ScoreGroup('script', _score, ('query_points', 'query_areas'))]

    def count(self, reduced: Scores) -> Counts:
        """Return the sums under one name: labels play no part."""
        return {'every frame': reduced} if reduced else {}

    def ratios(self) -> dict[str, Ratio]:
        """Return the scores as ratios of sums."""
        return {f'script/{key}': Ratio(key, of, 'all') for key, of in _DENOMINATORS.items()}


_DENOMINATORS = {
    'localization_accuracy': 'num_valid',
    'meanAP': 'num_valid',
    'iou_total': 'num_valid',
    'iou_total_wide': 'num_wide',
    'iou_total_sat': 'num_sat',
}


def _score(videos: Sequence[Scores]) -> Scores:
    sums = {
        key: sum(video[key] for video in videos) for key in ('num_valid', 'num_wide', 'num_sat')
    }
    shares = {
        key: sum(video[key] for video in videos) / sums[of] if sums[of] else float('nan')
        for key, of in _DENOMINATORS.items()
    }
    return {**shares, **sums}
