"""Sections of an evaluation's page: thresholds of masks, maps of points."""

import numpy as np
from numpy.typing import NDArray

from stgr.apis.evaluation_report.data import NO_ACTION, ReportData
from stgr.evaluation.functional import (
    HeatPlaces,
    normalise_maps,
    point_density,
    sweep_iou,
    sweep_spatial,
)
from stgr.evaluation.functional.known_places import known_places
from stgr.visualization.evaluation_report import (
    Line,
    PictureMark,
    Section,
    draw_density,
    draw_figures,
    draw_lines,
    draw_note,
    format_share,
)


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


def _map_values(data: ReportData) -> NDArray[np.float64]:
    """Return the values of all normalised maps of true labels, (N,)."""
    values = [np.zeros(0)]
    for record in data.records:
        known = known_places(record)
        if known is not None and isinstance(known[0], HeatPlaces):
            maps = normalise_maps(known[0].maps[known[1]], data.settings.places.normalisation)
            values.append(maps.reshape(-1))
    return np.concatenate(values)
