"""One HTML page of pictures for an evaluation: what the numbers are made of."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stgr.apis.evaluation_report.classes import (
    draw_class_scores,
    draw_confusion,
    draw_precision_recall,
)
from stgr.apis.evaluation_report.data import ReportData, ReportSettings
from stgr.apis.evaluation_report.mean_frame import mean_frame
from stgr.apis.evaluation_report.videos import draw_cases, draw_videos
from stgr.apis.evaluation_report.when import draw_temporal
from stgr.apis.evaluation_report.where import draw_places, draw_spatial
from stgr.evaluation.functional import CONTROLS, GroundingRecord
from stgr.visualization.evaluation_report import (
    Section,
    draw_facts,
    draw_note,
    draw_scores,
    write_page,
)

CEILINGS = ('oracle',)
MAIN_SCORES = (
    'iou_point/iou_point_video_class',
    'iou_point/iod_point_video_class',
    'iou_point/temporal_iou_video_class',
    'iou_point/iou_point_micro',
    'video_map/mAP@0.1',
    'video_map/mAP@0.3',
    'video_map/mAP@0.5',
    'video_map/mAP@0.1:0.5',
    'labels/label_acc',
    'labels/label_acc_action',
    'labels/label_acc_background',
    'labels/action_auc',
    'pointing/pointing_acc',
    'pointing/pointing_acc_class',
    'spatial/iou_hit_class',
    'spatial/iou_hit_micro',
    'spatial/ap_class_all',
    'spatial/mean_iou',
)


def write_evaluation_report(
    records: Sequence[GroundingRecord],
    scores: Mapping[str, float] | Mapping[str, Mapping[str, float]],
    out_dir: str | os.PathLike[str],
    *,
    title: str,
    videos_dir: str | os.PathLike[str] | None = None,
    settings: ReportSettings | None = None,
    facts: Mapping[str, object] | None = None,
    main_scores: Sequence[str] = MAIN_SCORES,
    notes: Sequence[str] = (),
) -> Path:
    """Write ``report.html``: scores, timelines, confusion, curves, sweeps, reliability, maps.

    One file that needs no network and no script (scripts only sort, search and show the time
    below the pointer). What the records do not say is named where its picture would be.

    Args:
        records: Truth and predictions of each video.
        scores: Name of a system -> ``task/key`` -> value, the evaluated one first, its controls
            behind it; or one dictionary as ``GroundingMetric`` returns it (``task/key`` and
            ``control/task/key``, with or without the prefix ``grounding/``).
        out_dir: Folder of the page, made if it is not there.
        title: Heading, such as the names of system and data set.
        videos_dir: Videos to lay the maps over (their mean frame); None: plain maps.
        settings: Thresholds and sizes; None means the defaults. They should be those of
            ``scores``.
        facts: More to put down below the page (files, coverage, version), by name.
        main_scores: ``task/key`` of the first table; the others are folded below it.
        notes: What a reader must know before the scores, a sentence each.

    Returns:
        The path of the page.

    Raises:
        ValueError: If a video comes twice.
        FileNotFoundError: If there is no folder ``videos_dir``.
    """
    settings = settings or ReportSettings()
    _check_unique(records)
    data = ReportData.of(records, settings)
    background, num_pictured = None, 0
    if videos_dir is not None:
        background, num_pictured = mean_frame(
            Path(videos_dir), [record.video_id for record in records]
        )
    sections = [
        _scores_section(scores, main_scores, notes),
        draw_cases(data),
        draw_confusion(data),
        draw_precision_recall(data),
        draw_temporal(data),
        draw_spatial(data),
        draw_places(data, background, num_pictured),
        draw_class_scores(data),
        draw_videos(data),
        _settings_section(settings, facts or {}),
    ]
    out_path = Path(out_dir) / 'report.html'
    out_path.parent.mkdir(parents=True, exist_ok=True)
    return write_page(out_path, title=title, facts=_summary(records), sections=sections)


def score_columns(
    scores: Mapping[str, float] | Mapping[str, Mapping[str, float]],
) -> dict[str, dict[str, float]]:
    """Return scores by system, the evaluated one first.

    Args:
        scores: As in ``write_evaluation_report``.

    Returns:
        Name of the system -> ``task/key`` -> value. Values that are no numbers are left out.
    """
    columns: dict[str, dict[str, float]] = {}
    flat: dict[str, float] = {}
    for name, value in scores.items():
        if isinstance(value, Mapping):
            columns[name] = {key: float(v) for key, v in value.items() if _is_number(v)}
        elif _is_number(value):
            flat[name.removeprefix('grounding/')] = float(value)
    if not flat:
        return columns
    split: dict[str, dict[str, float]] = {'system': {}}
    for key, value in flat.items():
        head, _, rest = key.partition('/')
        if head in CONTROLS and rest:
            split.setdefault(head, {})[rest] = value
        else:
            split['system'][key] = value
    return split | columns


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _check_unique(records: Sequence[GroundingRecord]) -> None:
    names = [record.video_id for record in records]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f'{len(twice)} videos come more than once, such as {twice[0]!r}')


def _summary(records: Sequence[GroundingRecord]) -> str:
    frames = sum(record.num_frames for record in records)
    boxed = sum(int((record.gt_labels >= 0).sum()) for record in records)
    classes = {record.pool[i] for record in records for i in np.unique(record.gt_labels) if i >= 0}
    return (
        f'{len(records)} videos · {frames} frames, {boxed} of them with an action · '
        f'{len(classes)} classes'
    )


def _scores_section(
    scores: Mapping[str, float] | Mapping[str, Mapping[str, float]],
    main_scores: Sequence[str],
    notes: Sequence[str],
) -> Section:
    columns = score_columns(scores)
    intro = (
        'Per cent. Beside the evaluated system stand trivial predictors of the same frames; a '
        'triangle marks one that passes the system: that score alone says little for it.'
    )
    if len(columns) < 2:
        intro = 'Per cent.'
    warnings = ''.join(draw_note(note) for note in notes)
    table = draw_scores(columns, main_scores, ceilings=CEILINGS)
    return Section('Scores', intro, warnings + table)


def _settings_section(settings: ReportSettings, facts: Mapping[str, object]) -> Section:
    rows = {
        'mask threshold': settings.places.mask_threshold,
        'normalisation of heat maps': settings.places.normalisation,
        'point of a heat map': settings.places.point_mode,
        'IoU of a spatial hit': settings.iou_threshold,
        **{f'tubes: {name}': value for name, value in asdict(settings.tubes).items()},
        **facts,
    }
    return Section('Settings', 'What the pictures above were made with.', draw_facts(rows))
