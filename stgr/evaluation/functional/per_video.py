"""Scores of every video on its own: what a bootstrap over videos resamples."""

from collections.abc import Sequence

from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.evaluation.functional.iou_point import score_iou_point
from stgr.evaluation.functional.labels import score_labels
from stgr.evaluation.functional.spatial import score_pointing, score_spatial
from stgr.evaluation.functional.tube_table import TubeSettings
from stgr.evaluation.functional.video_map import score_video_map

TASKS = ('labels', 'pointing', 'spatial', 'iou_point', 'video_map')


def score_task(
    videos: Sequence[FrameFacts],
    task: str,
    *,
    iou_threshold: float = 0.3,
    tubes: TubeSettings | None = None,
) -> dict[str, float]:
    """Return the scores of one named task.

    Args:
        videos: Facts of each video.
        task: One of ``TASKS``.
        iou_threshold: Of the spatial task.
        tubes: Reading of video mAP; None means the defaults.

    Returns:
        The keys of the task's function.

    Raises:
        ValueError: If the task is unknown, or the facts lack what it needs.
    """
    if task not in TASKS:
        raise ValueError(f'task must be one of {TASKS}, but got {task!r}')
    if task == 'labels':
        return score_labels(videos)
    if task == 'pointing':
        return score_pointing(videos)
    if task == 'spatial':
        return score_spatial(videos, iou_threshold=iou_threshold)
    if task == 'iou_point':
        return score_iou_point(videos)
    return score_video_map(videos, tubes)


def score_each_video(
    videos: Sequence[FrameFacts],
    tasks: Sequence[str] = TASKS,
    *,
    iou_threshold: float = 0.3,
    tubes: TubeSettings | None = None,
) -> dict[str, dict[str, float]]:
    """Return the scores of every video taken as a data set of its own.

    The mean of ``iou_point_video_class`` over videos is the data set's; that of micro scores and
    of mAP is not (their denominators differ between videos): use ``bootstrap_statistic`` there.

    Args:
        videos: Facts of each video.
        tasks: Names of ``TASKS``.
        iou_threshold: Of the spatial task.
        tubes: Reading of video mAP; None means the defaults.

    Returns:
        Video name -> ``task/key`` -> value; NaN where a video leaves a score undefined.
    """
    return {
        video.video_id: {
            f'{task}/{key}': value
            for task in tasks
            for key, value in score_task(
                [video], task, iou_threshold=iou_threshold, tubes=tubes
            ).items()
        }
        for video in videos
    }
