"""Section of an evaluation's page: thresholds in time and reliability of the scores."""

import numpy as np

from stgr.apis.evaluation_report.data import ReportData
from stgr.evaluation.functional import (
    Reliability,
    binary_auc,
    score_reliability,
    sweep_temporal,
)
from stgr.visualization.evaluation_report import (
    Line,
    Section,
    draw_figures,
    draw_lines,
    draw_note,
    draw_reliability,
    format_share,
)

HISTOGRAM_BINS = 25


def draw_temporal(data: ReportData) -> Section:
    """Return the sweep of the background threshold and the reliability of scores."""
    title = 'When: threshold and reliability'
    intro = (
        'First: the scores if frames below another threshold were background, and how well scores '
        'tell actions from background. Then: whether frames of high score are right more often '
        '(dashed: as often right as the score says; grey: counts).'
    )
    thresholds = data.score_thresholds()
    if not len(thresholds):
        return Section(title, intro, draw_note('There are no frames.'))
    sweep = sweep_temporal(data.best_facts, thresholds)
    named = {
        'IoU+Point': sweep.iou_point,
        'temporal IoU': sweep.temporal_iou,
        'right labels': sweep.label_acc,
        'on actions': sweep.label_acc_action,
        'on background': sweep.label_acc_background,
    }
    lines = [
        Line(name, sweep.thresholds, values)
        for name, values in named.items()
        if not np.isnan(values).all()
    ]
    in_use = data.threshold_in_use
    mark = None if in_use is None else (in_use, 'in use')
    chart = draw_lines(lines, x_label='background threshold on the score', mark=mark)
    figures = [('Scores by background threshold', chart), _score_histogram(data, mark)]
    label = score_reliability(data.facts, num_bins=data.settings.num_bins)
    figures.append(_reliability('Frames with a predicted action: label right', label))
    if data.has_places:
        both = score_reliability(data.facts, with_point=True, num_bins=data.settings.num_bins)
        figures.append(_reliability('The same: label and point right', both))
    return Section(title, intro, draw_figures(figures) + _temporal_notes(data))


def _reliability(caption: str, found: Reliability) -> tuple[str, str]:
    error = format_share(found.error)
    note = f'; expected calibration error {error}\u00a0%' if error != '–' else ''
    if not found.counts.any():
        return f'{caption}: nothing was predicted', ''
    return caption + note, draw_reliability(found.edges, found.counts, found.scores, found.accuracy)


def _score_histogram(data: ReportData, mark: tuple[float, str] | None) -> tuple[str, str]:
    """Return how scores of frames with and without an action are spread."""
    scores = data.frame_scores
    action = np.concatenate([video.action for video in data.facts])
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
    lines = []
    for name, chosen in (('with an action', action), ('background', ~action)):
        counts = np.histogram(scores[chosen], edges)[0]
        if counts.any():
            steps = np.repeat(counts / counts.sum(), 2)
            lines.append(Line(name, np.repeat(edges, 2)[1:-1], steps))
    area = format_share(binary_auc(scores, action))
    chart = draw_lines(lines, x_label='score of the frame', y_label='% of the frames', mark=mark)
    return f'Scores of frames with and without an action; area under ROC {area}', chart


def _temporal_notes(data: ReportData) -> str:
    notes = []
    silent = any(record.pred_best_labels is None for record in data.records)
    if silent:
        notes.append(
            'The predictions do not say the best action of frames called background '
            '(pred_best_labels): those stay background at every threshold.'
        )
    unplaced = data.num_unplaced()
    if unplaced:
        notes.append(
            f'{unplaced} frames called background say a best action but no place: below the '
            'threshold in use IoU+Point counts them as misses.'
        )
    return ''.join(draw_note(note) for note in notes)
