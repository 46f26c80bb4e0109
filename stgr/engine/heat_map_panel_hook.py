"""Pictures of validation videos among the curves: where the model looks, and where it should."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from stgr.localizers import HeatMapSpatialLocalizer
from stgr.registry import HOOKS
from stgr.structures.grounding_sample import GroundingSample


@HOOKS.register_module()
class HeatMapPanelHook(Hook):
    """Adds a picture of each of the first validation videos to the run's visualizer.

    A row per moment: at the left what the model answers (its label, heat, box and point), at the
    right the true action (its heat in the model, and the true box). Moments are spread evenly over
    those that are annotated with a box, or over those with an action where no box is known, or over
    the video; so they are the same in every validation. They go to whatever ``vis_backends`` the
    config names (TensorBoard, Weights & Biases, files), under ``heat_maps_VIDEO``.

    Only the main process draws, of the videos that it validates. Where no backend takes pictures,
    nothing is decoded. A video that cannot be read costs its picture and a warning.

    Args:
        interval: Validations from one set of pictures to the next.
        num_videos: Pictures, one per video.
        num_frames: Moments of each.
        spatial: What makes boxes and points of heat maps; None for the default.

    Raises:
        ValueError: If a number is below 1.
    """

    priority = 'LOW'

    def __init__(
        self,
        interval: int = 1,
        *,
        num_videos: int = 2,
        num_frames: int = 4,
        spatial: HeatMapSpatialLocalizer | None = None,
    ) -> None:
        for name, value in (
            ('interval', interval), ('num_videos', num_videos), ('num_frames', num_frames)
        ):  # fmt: skip
            if value < 1:
                raise ValueError(f'{name} must be at least 1, but is {value}')
        self.interval = interval
        self.num_videos = num_videos
        self.num_frames = num_frames
        self.spatial = spatial or HeatMapSpatialLocalizer()
        self._validations = 0
        self._drawn = 0
        self._skip = True

    def before_val_epoch(self, runner: Any) -> None:
        """Decide whether this validation is drawn."""
        turn = self._validations % self.interval == 0
        self._validations += 1
        self._drawn = 0
        self._skip = not (turn and is_main_process() and runner.visualizer._vis_backends)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw the videos of a batch, until there are enough."""
        for sample in outputs or ():
            if self._skip or self._drawn >= self.num_videos:
                return
            self._drawn += 1  # also if it cannot be read: the same videos every time
            self._add(runner, sample)

    def _add(self, runner: Any, sample: GroundingSample) -> None:
        rows = self.moments(sample)
        path = sample.get('video_path')
        if path is None or not len(rows):
            runner.logger.warning(f'{sample.video_id}: no video to draw heat maps on')
            return
        from stgr.io import VideoError, open_video

        try:
            with open_video(path) as reader:
                frames = reader.read_at(_numpy(sample.frame_times_sec)[rows].astype('f8'))
        except VideoError as error:
            runner.logger.warning(f'{error}; its heat maps are not drawn')
            return
        name = 'heat_maps_' + re.sub(r'[^\w.-]', '_', sample.video_id)
        runner.visualizer.add_image(name, self.panel(sample, rows, frames), step=_step(runner))

    def moments(self, sample: GroundingSample) -> np.ndarray:
        """Return the frames of a sample that are drawn, ascending indices."""
        count = len(_numpy(sample.frame_times_sec))
        candidates = np.arange(count)
        for wanted in (_has_action(sample), _has_box(sample)):
            if wanted is not None and wanted[candidates].any():
                candidates = candidates[wanted[candidates]]
        picked = np.linspace(0, len(candidates) - 1, min(self.num_frames, len(candidates)))
        return candidates[np.round(picked).astype(int)]

    def panel(self, sample: GroundingSample, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Return the picture of a video.

        Args:
            sample: A validation video with its answer.
            rows: Which of its frames.
            frames: What the video shows then, (N, H, W, 3) uint8.
        """
        from stgr.visualization.heat_panels import draw_panel

        answers = self._answers(sample, rows, frames.shape[1:])
        return draw_panel(list(frames), answers, _truths(sample, rows, frames.shape[1:]))

    def _answers(self, sample: GroundingSample, rows: np.ndarray, shape: Sequence[int]) -> list:
        from stgr.visualization.heat_panels import PanelSide

        maps, labels = _numpy(sample.heatmaps)[rows], _numpy(sample.pred_labels)[rows]
        places = self.spatial(maps, width_px=shape[1], height_px=shape[0])
        sides = []
        for i, label in enumerate(labels):
            if label < 0:
                sides.append(PanelSide('nothing'))
                continue
            box = places.boxes_px[i] if places.visible[i] else None
            sides.append(PanelSide(sample.pool[label], maps[i], box, places.points_px[i]))
        return sides


def _truths(sample: GroundingSample, rows: np.ndarray, shape: Sequence[int]) -> list:
    from stgr.visualization.heat_panels import PanelSide

    if 'gt_labels' not in sample:
        return [PanelSide('truth not known') for _ in rows]
    names = [*sample.pool, *sample.get('unasked', [])]
    maps, labels = _numpy(sample.gt_heatmaps)[rows], _numpy(sample.gt_labels)[rows]
    width, height = sample.get('frame_size') or (shape[1], shape[0])
    scale = np.tile([shape[1] / width, shape[0] / height], 2)
    known = _has_box(sample)
    sides = []
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        if label < 0:
            sides.append(PanelSide('truth: nothing'))
            continue
        boxed = known is not None and bool(known[row])
        box = _numpy(sample.gt_boxes_px)[row] * scale if boxed else None
        sides.append(PanelSide(f'truth: {names[label]}', maps[i], box))
    return sides


def _has_action(sample: GroundingSample) -> np.ndarray | None:
    return np.asarray(_numpy(sample.gt_labels) >= 0) if 'gt_labels' in sample else None


def _has_box(sample: GroundingSample) -> np.ndarray | None:
    return np.asarray(_numpy(sample.gt_boxes_px).any(axis=1)) if 'gt_boxes_px' in sample else None


def _numpy(array: Any) -> np.ndarray:
    """Return an array of a sample on the host, as numpy."""
    return np.asarray(array.detach().cpu() if hasattr(array, 'detach') else array)


def _step(runner: Any) -> int:
    """Return where the run is, counted as its scores are."""
    by_epoch = isinstance(getattr(runner, '_train_loop', None), EpochBasedTrainLoop)
    return int(runner.epoch if by_epoch else runner.iter)
