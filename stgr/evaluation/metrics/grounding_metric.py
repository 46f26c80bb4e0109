"""The grounding scores as an MMEngine metric."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stgr.evaluation.functional import (
    CONTROLS,
    TASKS,
    FrameFacts,
    PlaceSettings,
    TubeSettings,
    apply_control,
    read_class_groups,
    reduce_record,
    score_each_video,
    score_groups,
    score_task,
)
from stgr.evaluation.metrics.answers import record_of
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.io.atomic import write_atomically
from stgr.registry import METRICS

SYSTEM = 'system'


@METRICS.register_module()
class GroundingMetric(UnitMetric):
    """Scores of spatio-temporal grounding in untrimmed videos, trivial predictors beside them.

    One record per video (see ``record_from_mapping``), itself a data sample or under its key
    ``eval_record``. Records are reduced at once to a few numbers per frame, so memory and the
    exchange between ranks stay small.

    What the scores cover is stated under ``coverage/``, see ``UnitMetric``.

    Args:
        tasks: Names of ``TASKS``; ``pointing`` and ``spatial`` need places of the true labels.
        controls: Names of ``CONTROLS`` to score on the same records, keys ``control/task/key``.
        mask_threshold: Mask = upsampled heat map >= this (0.01: the paper).
        normalisation: Scaling of each map before that, see ``normalise_maps``.
        point_mode: See ``heatmap_points``.
        iou_threshold: Of the spatial hit rate (0.3: the paper).
        video_map: Arguments of ``TubeSettings``; None means the defaults.
        class_groups: JSON file of ``read_class_groups``; scores of each group come under
            ``groups/NAME``. None means no groups.
        seed: Of the random controls.
        per_video_path: JSON file for the settings and every video's own scores (undefined ones
            are null), for a paired bootstrap; None writes nothing. Main process only.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``grounding``.

    Raises:
        ValueError: If a name is unknown (the known ones are listed) or the groups cannot be read.
        FileNotFoundError: If there is no file of groups.
    """

    default_prefix = 'grounding'

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        controls: Sequence[str] = (),
        *,
        mask_threshold: float = 0.01,
        normalisation: str = 'none',
        point_mode: str = 'first',
        iou_threshold: float = 0.3,
        video_map: Mapping[str, Any] | None = None,
        class_groups: str | None = None,
        seed: int = 0,
        per_video_path: str | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        _check_names('tasks', tasks, TASKS)
        _check_names('controls', controls, tuple(CONTROLS))
        self.tasks = tuple(tasks)
        self.controls = tuple(controls)
        self.places = PlaceSettings(mask_threshold, normalisation, point_mode)
        self.tubes = TubeSettings(**(video_map or {}))
        self.iou_threshold = iou_threshold
        self.groups = None if class_groups is None else read_class_groups(class_groups)
        self.seed = seed
        self.per_video_path = per_video_path
        self.per_video: dict[str, dict[str, dict[str, float]]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each video's record, and its controls', to the facts the scores need.

        Args:
            data_batch: Not used.
            data_samples: Records, or mappings that hold one under ``eval_record``.
        """
        del data_batch
        for sample in data_samples:
            record = record_of(sample.get('eval_record', sample))
            facts = {SYSTEM: reduce_record(record, self.places)}
            for name in self.controls:
                changed = apply_control(record, CONTROLS[name], seed=self.seed)
                facts[name] = reduce_record(changed, self.places)
            self.results.append(facts)

    def compute_metrics(self, results: list[dict[str, FrameFacts]]) -> dict[str, float]:
        """Return every score of the system and of the controls, with denominators.

        Args:
            results: Facts of every video of every rank.

        Returns:
            ``task/key`` for the system, ``control/task/key`` for the controls,
            ``groups/NAME/key`` of ``score_groups``, ``coverage/key`` of ``Coverage``, and
            ``num_videos``, ``num_empty_boxes`` (annotated boxes without area in the frame, which
            nothing can hit) and the numeric settings. NaN where a score is undefined.

        Raises:
            ValueError: If a video comes twice, or more is scored than the data set says that it
                has annotated.
        """
        videos = {name: [facts[name] for facts in results] for name in (SYSTEM, *self.controls)}
        covered = self.cover([_unit(video) for video in videos[SYSTEM]])
        found: dict[str, float] = {}
        for name, facts in videos.items():
            start = '' if name == SYSTEM else f'{name}/'
            for task in self.tasks:
                found |= {f'{start}{task}/{k}': v for k, v in self._score(facts, task).items()}
        if self.groups is not None:
            grouped = score_groups(videos[SYSTEM], self.groups)
            found |= {f'groups/{key}': value for key, value in grouped.items()}
        empty = sum(int((v.action & (v.box_area_px == 0)).sum()) for v in videos[SYSTEM])
        found |= {'num_videos': float(len(results)), 'num_empty_boxes': float(empty)}
        found |= {'mask_threshold': self.places.mask_threshold}
        found |= covered
        self.per_video = {name: self._score_each(facts) for name, facts in videos.items()}
        if self.per_video_path is not None:
            self._write_per_video(Path(self.per_video_path))
        return found

    def _score(self, videos: list[FrameFacts], task: str) -> dict[str, float]:
        return score_task(videos, task, iou_threshold=self.iou_threshold, tubes=self.tubes)

    def _score_each(self, videos: list[FrameFacts]) -> dict[str, dict[str, float]]:
        return score_each_video(
            videos, self.tasks, iou_threshold=self.iou_threshold, tubes=self.tubes
        )

    def _write_per_video(self, path: Path) -> None:
        content = {
            'settings': {
                **asdict(self.places),
                'iou_threshold': self.iou_threshold,
                'video_map': asdict(self.tubes),
                'seed': self.seed,
            },
            'coverage': None if self.coverage is None else self.coverage.to_dict(),
            'videos': _nan_to_none(self.per_video),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1, allow_nan=False).encode())


def _check_names(what: str, names: Sequence[str], known: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown or isinstance(names, str):
        raise ValueError(f'{what} must be a list of {known}, but got {unknown or names!r}')


def _unit(video: FrameFacts) -> Unit:
    return Unit(video.video_id, len(video.gt_labels), int(video.action.sum()))


def _nan_to_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nan_to_none(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
