"""Scores of groups of classes, beside what a model that looks at single frames can reach."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stgr.evaluation.functional.arrays import BoolArray, mean_or_nan
from stgr.evaluation.functional.frame_facts import FrameFacts
from stgr.structures import BACKGROUND


@dataclass(frozen=True)
class ClassGroups:
    """Named groups of classes, which may overlap.

    Args:
        groups: Group name -> names of its classes.
        alike: Sets of classes that no single frame tells apart, such as two motions of one tool.
    """

    groups: Mapping[str, frozenset[str]]
    alike: Sequence[frozenset[str]] = field(default=())


def read_class_groups(path: str | Path) -> ClassGroups:
    """Read ``{"groups": {name: [class, ...]}, "alike": [[class, class], ...]}``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such JSON.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        groups = {str(name): frozenset(classes) for name, classes in content['groups'].items()}
        return ClassGroups(groups, tuple(map(frozenset, content.get('alike', ()))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path}: expected {{"groups": {{name: [class, ...]}}, "alike": [[class, ...], ...]}}, '
            f'but got {type(error).__name__}: {error}'
        ) from None


def score_groups(videos: Sequence[FrameFacts], groups: ClassGroups) -> dict[str, float]:
    """Return scores over the frames whose true class is in a group.

    Args:
        videos: Facts of each video.
        groups: The groups.

    Returns:
        For each group: ``NAME/label_acc_action``; ``NAME/label_acc_best``, before the background
        threshold (NaN unless every video says it); ``NAME/pointing_acc`` (NaN without places of
        the true labels); ``NAME/frame_ceiling``, the expected ``label_acc_best`` of a guess among
        the classes of the video's pool that look like the true one in a single frame; and
        ``NAME/num_frames``. Fractions.
    """
    found: dict[str, float] = {}
    for name, classes in groups.groups.items():
        scores = [_score_video(video, classes, groups.alike) for video in videos]
        for key in ('label_acc_action', 'label_acc_best', 'pointing_acc', 'frame_ceiling'):
            values = np.concatenate([np.zeros(0), *(score[key] for score in scores)])
            found[f'{name}/{key}'] = mean_or_nan(values)
        found[f'{name}/num_frames'] = float(len(values))
    return found


def _score_video(
    video: FrameFacts, classes: frozenset[str], alike: Sequence[frozenset[str]]
) -> dict[str, np.ndarray]:
    """Return a value per frame of the group for each key."""
    kept = _frames_of(video, classes)
    labels = video.gt_labels[kept]
    nothing = np.full(len(labels), np.nan)
    best, places = video.pred_best_labels, video.query
    twins = [_n_alike(name, video.pool, alike) for name in video.pool]
    return {
        'label_acc_action': (video.pred_labels[kept] == labels).astype(float),
        'label_acc_best': nothing if best is None else (best[kept] == labels).astype(float),
        'pointing_acc': nothing if places is None else places.hit[kept].astype(float),
        'frame_ceiling': 1 / np.array(twins, float)[labels] if len(labels) else nothing,
    }


def _frames_of(video: FrameFacts, classes: frozenset[str]) -> BoolArray:
    member = np.array([*(name in classes for name in video.pool), False], np.bool_)
    assert BACKGROUND == -1, 'background reads the last entry'
    return member[video.gt_labels]


def _n_alike(name: str, pool: Sequence[str], alike: Sequence[frozenset[str]]) -> int:
    """Return how many classes of the pool look like this one, itself included."""
    lookalikes = frozenset({name}).union(*(one for one in alike if name in one))
    return sum(other in lookalikes for other in pool)
