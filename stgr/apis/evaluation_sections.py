"""The sections of an evaluation's page: numbers of ``evaluation`` drawn by ``visualization``."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stgr.apis.evaluation_report_data import ReportData
from stgr.evaluation.functional import (
    ClassScore,
    HeatPlaces,
    Mistake,
    Reliability,
    binary_auc,
    count_confusion,
    largest_confusions,
    merge_rare_classes,
    normalise_maps,
    point_density,
    precision_recall_per_class,
    precision_recall_pooled,
    score_each_class,
    score_labels,
    score_reliability,
    sweep_iou,
    sweep_spatial,
    sweep_temporal,
)
from stgr.evaluation.functional.known_places import known_places
from stgr.structures import BACKGROUND_NAME
from stgr.visualization.evaluation_report import (
    Column,
    Line,
    PictureMark,
    Section,
    VideoLabels,
    draw_density,
    draw_facts,
    draw_figures,
    draw_folded,
    draw_key,
    draw_lines,
    draw_matrix,
    draw_note,
    draw_reliability,
    draw_small_lines,
    draw_table,
    draw_timeline,
    draw_videos_list,
    format_share,
)

NO_PLACES = (
    'The predictions do not say where the predicted label is seen (heatmaps, or points and boxes), '
    'so there is nothing to draw here.'
)
NO_ACTION = 'No frame has a true action, so there is nothing to draw here.'
NUM_MISTAKES = 12
HISTOGRAM_BINS = 25
MAX_LINES = 5  # more in one chart cannot be told apart


def draw_cases(data: ReportData) -> Section:
    """Return the ranking of videos and the timelines of the best and worst."""
    intro = (
        f'Videos by {data.score_name}. Upper row: true labels; below: predicted ones, in the same '
        'colours, background grey. A press on "All videos" at the end shows the others.'
    )
    ranking = data.ranking
    if not ranking:
        return Section('Best and worst videos', intro, draw_note(NO_ACTION))
    num = min(data.settings.num_cases, (len(ranking) + 1) // 2)
    best, worst = ranking[:num], ranking[num:][-num:][::-1]
    content = draw_key(has_points=data.has_places)
    content += _cases(data, f'Best {data.score_name}', best)
    content += _cases(data, f'Worst {data.score_name}, the worst first', worst)
    if len(ranking) > 2:
        share = np.arange(len(ranking)) / (len(ranking) - 1)
        line = Line(data.score_name, share, data.video_scores[ranking])
        chart = draw_lines([line], x_label='share of videos, best first', x_range=(0, 1))
        caption = f'{data.score_name} of every video, best first'
        spread = draw_facts(_spread_of_videos(data.video_scores[ranking]))
        content = draw_figures([(caption, chart), ('Over videos, per cent', spread)]) + content
    return Section('Best and worst videos', intro, content)


def draw_videos(data: ReportData) -> Section:
    """Return a table of all videos and, folded, the timelines of all."""
    intro = 'Every video: its scores, and its labels over time.'
    if not data.facts:
        return Section('All videos', intro, draw_note('There are no videos.'))
    labels = [score_labels([video]) for video in data.facts]
    table = draw_table(
        [
            Column('video', 'text', [video.video_id for video in data.facts]),
            Column('frames', 'count', [len(video.gt_labels) for video in data.facts]),
            Column('with an action', 'count', [int(v.action.sum()) for v in data.facts]),
            Column('classes', 'count', [len(video.pool) for video in data.facts]),
            Column(data.score_name, 'share', data.video_scores.tolist()),
            Column('right labels', 'share', [one['label_acc'] for one in labels]),
            Column('on actions', 'share', [one['label_acc_action'] for one in labels]),
            Column('on background', 'share', [one['label_acc_background'] for one in labels]),
        ]
    )
    undefined = sorted(set(range(len(data.facts))) - set(data.ranking))
    timelines = draw_videos_list([_timeline(data, i) for i in [*data.ranking, *undefined]])
    content = draw_folded(f'Scores of all {len(data.facts)} videos', table)
    content += draw_folded(f'Timelines of all {len(data.facts)} videos, best first', timelines)
    return Section('All videos', intro, content)


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


def draw_spatial(data: ReportData) -> Section:
    """Return the sweeps of the mask threshold and of the overlap that counts as a hit."""
    title = 'Where: masks'
    intro = (
        'The action being known: the share of annotated frames whose mask overlaps the box enough, '
        'and the mean overlap, at every mask threshold.'
    )
    settings = data.settings
    normalisation = settings.places.normalisation
    thresholds = data.mask_thresholds(_map_values(data))
    figures = []
    sweep = sweep_spatial(
        data.records,
        thresholds,
        normalisation=normalisation,
        iou_threshold=settings.iou_threshold,
    )
    if sweep is not None:
        hit = f'IoU > {settings.iou_threshold:g}'
        lines = [
            Line(f'{hit}, all frames', sweep.thresholds, sweep.hit_micro),
            Line(f'{hit}, mean over classes', sweep.thresholds, sweep.hit_class),
            Line('mean IoU', sweep.thresholds, sweep.mean_iou),
        ]
        label = f'mask threshold (maps normalised: {normalisation})'
        mark = (settings.places.mask_threshold, 'in use')
        chart = draw_lines(lines, x_label=label, mark=mark)
        figures.append((f'By mask threshold, {sweep.num_frames} frames', chart))
    overlaps = np.linspace(0, 1, 2 * settings.num_thresholds + 1)
    hits = sweep_iou(data.facts, overlaps)
    if not np.isnan(hits).all():
        line = Line('share of frames', overlaps, hits)
        chart = draw_lines(
            [line],
            x_label='IoU threshold of a hit',
            x_range=(0, 1),
            y_max=1.0,
            mark=(settings.iou_threshold, 'in use'),
        )
        figures.append(('Share of frames above an overlap, mask threshold in use', chart))
    if not figures:
        reason = 'The predictions do not say where the true labels are seen, or no label is true.'
        return Section(title, intro, draw_note(reason))
    missing = '' if sweep else draw_note('Boxes or no maps: there is no mask threshold to vary.')
    return Section(title, intro, draw_figures(figures) + missing)


def draw_places(
    data: ReportData, background: NDArray[np.uint8] | None, num_pictured: int
) -> Section:
    """Return where points fall and where the true boxes are.

    Args:
        data: What is drawn.
        background: Mean frame, or None.
        num_pictured: Videos that it is the mean of.
    """
    title = 'Where: points and boxes'
    intro = (
        'Left: where the system points. Right: the share of true boxes that hold each place, which '
        'is what a constant point there scores.'
    )
    if num_pictured:
        intro += f' Behind them: the mean frame of {num_pictured} videos.'
    found = point_density(data.records, point_mode=data.settings.places.point_mode)
    if not found.num_points:
        return Section(title, intro, draw_note(f'{NO_ACTION} Or no place is said.'))
    rows, columns = found.boxes.shape
    row, column = np.unravel_index(int(found.boxes.argmax()), found.boxes.shape)
    centre = float(found.boxes[rows // 2, columns // 2])
    marks = [
        PictureMark(
            (float(column) + 0.5) / columns,
            (float(row) + 0.5) / rows,
            f'best constant point {format_share(float(found.boxes.max()))} %',
        )
    ]
    figures = [
        (f'{found.num_points} points', draw_density(found.points, background=background)),
        (
            f'True boxes of the same frames; the centre scores {format_share(centre)} %',
            draw_density(found.boxes, background=background, marks=marks),
        ),
    ]
    return Section(title, intro, draw_figures(figures))


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


def _spread_of_videos(scores: NDArray[np.float64]) -> dict[str, str]:
    low, median, high = np.quantile(scores, [0.25, 0.5, 0.75]).tolist()
    return {
        'mean': format_share(float(scores.mean())),
        'median': format_share(median),
        'middle half': f'{format_share(low)} to {format_share(high)}',
        'best': format_share(float(scores.max())),
        'worst': format_share(float(scores.min())),
        'videos at 0': f'{int((scores == 0).sum())} of {len(scores)}',
    }


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


def _cases(data: ReportData, caption: str, chosen: Sequence[int]) -> str:
    if not chosen:
        return ''
    return draw_figures(
        [(caption, ''.join(_timeline(data, i) for i in chosen))], kind='stacked-figures'
    )


def _timeline(data: ReportData, index: int) -> str:
    video, record = data.facts[index], data.records[index]
    accuracy = float((video.gt_labels == video.pred_labels).mean()) if video.gt_labels.size else 0
    return draw_timeline(
        VideoLabels(
            video_id=video.video_id,
            pool=video.pool,
            times_sec=record.times_sec,
            truth=video.gt_labels,
            predicted=video.pred_labels,
            hit=None if not data.has_places or video.pred is None else video.pred.hit,
            scores=[
                (data.score_name, float(data.video_scores[index])),
                ('right labels', accuracy),
            ],
        )
    )


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


def _map_values(data: ReportData) -> NDArray[np.float64]:
    """Return the values of all normalised maps of true labels, (N,)."""
    values = [np.zeros(0)]
    for record in data.records:
        known = known_places(record)
        if known is not None and isinstance(known[0], HeatPlaces):
            maps = normalise_maps(known[0].maps[known[1]], data.settings.places.normalisation)
            values.append(maps.reshape(-1))
    return np.concatenate(values)
