"""Sections of an evaluation's page: single videos, the best and worst first."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stgr.apis.evaluation_report.data import NO_ACTION, ReportData
from stgr.evaluation.functional import (
    score_labels,
)
from stgr.visualization.evaluation_report import (
    Column,
    Line,
    Section,
    VideoLabels,
    draw_facts,
    draw_figures,
    draw_folded,
    draw_key,
    draw_lines,
    draw_note,
    draw_table,
    draw_timeline,
    draw_videos_list,
    format_share,
)


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
