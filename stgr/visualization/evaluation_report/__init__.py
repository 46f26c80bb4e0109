"""The parts of the page that shows an evaluation: arrays and names in, HTML and SVG out.

Every text is escaped where it enters the page. Whoever composes the parts gives them to
``write_page``.
"""

from stgr.visualization.evaluation_report.density import PictureMark, draw_density
from stgr.visualization.evaluation_report.line_chart import Line, draw_lines, draw_small_lines
from stgr.visualization.evaluation_report.markup import (
    draw_facts,
    draw_figures,
    draw_folded,
    draw_note,
    format_share,
)
from stgr.visualization.evaluation_report.matrix import draw_matrix
from stgr.visualization.evaluation_report.page import Section, write_page
from stgr.visualization.evaluation_report.reliability_chart import draw_reliability
from stgr.visualization.evaluation_report.score_table import draw_scores
from stgr.visualization.evaluation_report.sortable_table import Column, draw_table
from stgr.visualization.evaluation_report.video_timeline import (
    VideoLabels,
    draw_key,
    draw_timeline,
    draw_videos_list,
)

__all__ = [
    'Column',
    'Line',
    'PictureMark',
    'Section',
    'VideoLabels',
    'draw_density',
    'draw_facts',
    'draw_figures',
    'draw_folded',
    'draw_key',
    'draw_lines',
    'draw_matrix',
    'draw_note',
    'draw_reliability',
    'draw_scores',
    'draw_small_lines',
    'draw_table',
    'draw_timeline',
    'draw_videos_list',
    'format_share',
    'write_page',
]
