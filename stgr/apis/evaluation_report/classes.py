"""Sections of an evaluation's page: confusion, precision and recall, every class."""

from collections.abc import Sequence

import numpy as np

from stgr.apis.evaluation_report.data import NO_ACTION, ReportData
from stgr.evaluation.functional import (
    ClassScore,
    Mistake,
    count_confusion,
    largest_confusions,
    merge_rare_classes,
    precision_recall_per_class,
    precision_recall_pooled,
    score_each_class,
)
from stgr.structures import BACKGROUND_NAME
from stgr.visualization.evaluation_report import (
    Column,
    Line,
    Section,
    draw_figures,
    draw_folded,
    draw_lines,
    draw_matrix,
    draw_note,
    draw_small_lines,
    draw_table,
    format_share,
)

NO_PLACES = (
    'The predictions do not say where the predicted label is seen (heatmaps, or points and boxes), '
    'so there is nothing to draw here.'
)
NUM_MISTAKES = 12
MAX_LINES = 5  # more in one chart cannot be told apart


def draw_confusion(data: ReportData) -> Section:
    """Return the confusion matrix and the mistakes that cost most."""
    intro = (
        'Frames by true label (down) and predicted label (across). Shades are shares of a row: '
        'blue is right, orange is taken for something else. Grey numbers: true frames.'
    )
    confusion = count_confusion(data.facts)
    if not confusion.counts.any():
        return Section('Confusion of steps', intro, draw_note('There are no frames.'))
    merged = merge_rare_classes(confusion, data.settings.num_confused)
    mistakes = largest_confusions(confusion, confusion.counts.size)
    with_background = [m for m in mistakes if BACKGROUND_NAME in (m.truth, m.predicted)]
    between = [m for m in mistakes if BACKGROUND_NAME not in (m.truth, m.predicted)]
    content = draw_matrix(merged.names, merged.counts)
    if len(merged.names) < len(confusion.names):
        content += draw_note(
            f'Shown are the {data.settings.num_confused} classes with the most true frames. The '
            'cell of "other" with itself holds right frames and those confused among the others.'
        )
    tables = [
        ('Largest confusions between steps', between[:NUM_MISTAKES]),
        ('Largest confusions with background', with_background[:NUM_MISTAKES]),
    ]
    largest = [(caption, _mistake_table(found)) for caption, found in tables if found]
    return Section('Confusion of steps', intro, content + draw_figures(largest))


def draw_precision_recall(data: ReportData) -> Section:
    """Return precision and recall of ranked tubes: pooled, and of the largest classes."""
    settings = data.settings
    threshold = settings.tube_threshold
    intro = (
        f'Predicted tubes ranked by score, as in video mAP ({settings.tubes.tube} tubes, '
        f'{settings.tubes.overlap} overlap). Up: precision; right: recall.'
    )
    title = 'Precision and recall'
    if not data.has_places:
        return Section(title, intro, draw_note(NO_PLACES))
    curves = precision_recall_per_class(data.facts, settings.tubes, threshold=threshold)
    if not curves:
        return Section(title, intro, draw_note(NO_ACTION))
    mean = float(np.mean([curve.average_precision for curve in curves]))
    pooled = [
        (value, precision_recall_pooled(data.facts, settings.tubes, threshold=value))
        for value in settings.tubes.thresholds[:MAX_LINES]
    ]
    lines = [
        Line(f'{value:g}: AP {format_share(p.average_precision)}', p.recall, p.precision)
        for value, p in pooled
    ]
    chart = draw_lines(lines, x_label='recall', y_label='precision, %', x_range=(0, 1), y_max=1.0)
    content = draw_figures([('All classes in one ranking, by overlap threshold', chart)])
    found = [curve for curve in curves if curve.average_precision > 0]
    largest = sorted(found, key=lambda curve: -curve.num_truths)[: settings.num_curves]
    content += draw_note(
        f'At {threshold:g}: mean over {len(curves)} classes (mAP) {format_share(mean)}; '
        f'{len(curves) - len(found)} classes have no right tube. '
        + (f'The {len(largest)} most frequent others (true tubes): AP.' if largest else '')
    )
    thumbs = [
        (
            f'{curve.name} ({curve.num_truths}): {format_share(curve.average_precision)}',
            draw_small_lines(Line(curve.name, curve.recall, curve.precision)),
        )
        for curve in largest
    ]
    return Section(title, intro, content + draw_figures(thumbs, kind='small-figures'))


def draw_class_scores(data: ReportData) -> Section:
    """Return the best and worst classes, and folded a table of all."""
    title = 'Best and worst classes'
    intro = (
        f'Frames of all videos. Ranked by {data.score_name}; among equal ones, frequent classes '
        'come first. Classes that never truly happen are only in the whole table.'
    )
    scores = score_each_class(data.facts)
    if not scores:
        return Section(title, intro, draw_note(NO_ACTION))
    areas: dict[str, float] = {}
    if data.has_places:
        curves = precision_recall_per_class(
            data.facts, data.settings.tubes, threshold=data.settings.tube_threshold
        )
        areas = {curve.name: curve.average_precision for curve in curves}
    ranked = [one for one in scores if one.num_frames]
    num = min(2 * data.settings.num_cases, (len(ranked) + 1) // 2)
    best = sorted(ranked, key=lambda one: (-_rank_value(data, one), -one.num_frames))[:num]
    rest = [one for one in ranked if one not in best]
    worst = sorted(rest, key=lambda one: (_rank_value(data, one), -one.num_frames))[:num]
    content = ''
    for name, chosen in (('Best', best), ('Worst', worst)):
        if chosen:
            content += draw_figures([(name, _class_table(data, chosen, areas))])
    everything = _class_table(data, scores, areas)
    content += draw_folded(f'All {len(scores)} classes', everything)
    return Section(title, intro, content)


def _mistake_table(mistakes: Sequence[Mistake]) -> str:
    return draw_table(
        [
            Column('true', 'text', [m.truth for m in mistakes]),
            Column('taken for', 'text', [m.predicted for m in mistakes]),
            Column('frames', 'count', [m.count for m in mistakes]),
            Column('of the true', 'share', [m.share for m in mistakes]),
        ]
    )


def _rank_value(data: ReportData, score: ClassScore) -> float:
    return score.iou_point if data.has_places else score.iou


def _class_table(data: ReportData, scores: Sequence[ClassScore], areas: dict[str, float]) -> str:
    columns = [
        Column('class', 'text', [one.name for one in scores]),
        Column('true frames', 'count', [one.num_frames for one in scores]),
        Column('predicted', 'count', [one.num_predicted for one in scores]),
        Column('recall', 'share', [one.recall for one in scores]),
        Column('precision', 'share', [one.precision for one in scores]),
        Column('temporal IoU', 'share', [one.iou for one in scores]),
    ]
    if data.has_places:
        columns.append(Column('IoU+Point', 'share', [one.iou_point for one in scores]))
        name = f'AP@{data.settings.tube_threshold:g}'
        columns.append(Column(name, 'share', [areas.get(o.name, np.nan) for o in scores]))
    return draw_table(columns)
