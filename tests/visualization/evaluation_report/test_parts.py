"""The parts of the page: geometry worked by hand, empty cases, and texts that mean harm."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

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
    draw_lines,
    draw_matrix,
    draw_note,
    draw_reliability,
    draw_scores,
    draw_small_lines,
    draw_table,
    draw_timeline,
    write_page,
)
from stgr.visualization.evaluation_report.axes import Scale, round_ticks

EVIL = '<script>alert(1)</script>"\' onload=x &amp;\x00\n{style}\ud800'
VOID = {'meta', 'path', 'rect', 'image', 'input', 'br', 'i'}


class Markup(HTMLParser):
    """Collects elements and text, and complains about tags that do not match."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.text, self._open = [], '', []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def labels(truth, predicted, **changes):
    values = {
        'video_id': 'v',
        'pool': ('crack egg', 'fry egg'),
        'times_sec': np.arange(len(truth), dtype=float),
        'truth': np.array(truth, int),
        'predicted': np.array(predicted, int),
        'hit': np.ones(len(truth), bool),
    }
    return VideoLabels(**(values | changes))


def test_runs_of_labels_are_rectangles_of_their_seconds():
    page = Markup(draw_timeline(labels([0, 0, -1, 1], [-1, 0, 0, -1])))
    paths = [path['d'] for path in page.all('path')]
    assert paths == [
        'M0 0h2v18h-2z',  # true: class 0 from second 0 to 2
        'M3 0h1v18h-1z',
        'M1 20h2v18h-2z',  # predicted, one row below
        'M1 40h1v8h-1z',  # right at second 1
    ]
    fills = [path['fill'] for path in page.all('path')]
    assert fills[0] == fills[2] != fills[1]  # a class has one colour in both rows


def test_the_lowest_strip_tells_points_inside_from_points_outside():
    hit = np.array([True, False, True])
    page = Markup(draw_timeline(labels([0, 0, 0], [0, 0, -1], hit=hit)))
    good, near = page.all('path')[2:]
    assert (good['d'], near['d']) == ('M0 40h1v8h-1z', 'M1 40h1v8h-1z')
    silent = Markup(draw_timeline(labels([0, 0], [0, 0], hit=None)))
    assert [path['d'] for path in silent.all('path')][2:] == ['M0 40h2v8h-2z']


def test_a_timeline_starts_at_its_first_frame_and_ends_a_step_after_its_last():
    page = Markup(draw_timeline(labels([0, 0], [0, 0], times_sec=np.array([10.0, 10.5]))))
    assert page.all('svg')[0]['viewbox'] == '0 0 1 48'
    assert '0:10' in page.text
    assert '0:11' in page.text


def test_a_video_without_frames_is_named():
    assert 'no frames' in Markup(draw_timeline(labels([], []))).text


def test_ticks_are_round_and_inside():
    assert round_ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert round_ticks(0.13, 0.87) == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert Scale(0.001, 10, 0, 1, is_log=True).ticks() == pytest.approx([1e-3, 0.01, 0.1, 1, 10])


def test_scales_place_values_and_stop_at_the_border():
    straight, log = Scale(0, 2, 100, 300), Scale(1, 100, 0, 1, is_log=True)
    assert [straight.place(v) for v in (0, 1, 5)] == [100, 200, 300]
    assert [log.place(v) for v in (10, 0)] == pytest.approx([0.5, 0])


def test_an_undefined_value_interrupts_a_curve():
    line = Line('a', np.array([0, 0.25, 0.5, 1]), np.array([0, np.nan, 1, 0]))
    (curve,) = [p for p in Markup(draw_small_lines(line)).all('path') if p['class'] == 'curve']
    assert curve['d'] == 'M1 99h.01M75 1h.01L149 99'


def test_every_curve_has_its_name_and_the_setting_in_use_its_line():
    lines = [Line(name, np.array([0.0, 1.0]), np.array([0.2, 0.9])) for name in 'ab']
    page = Markup(draw_lines(lines, x_label='x', mark=(0.5, 'in use')))
    assert next(p for p in page.all('path') if p['class'] == 'mark')['d'] == 'M255 26V246'
    assert 'in use' in page.text
    assert len(page.all('li')) == 2
    outside = Markup(draw_lines(lines, x_label='x', mark=(5, 'in use')))
    assert 'in use' not in outside.text


@pytest.mark.parametrize(
    'lines',
    [[], [Line('a', np.zeros(0), np.zeros(0))], [Line('a', np.ones(1), np.full(1, np.nan))]],
    ids=['no curve', 'no point', 'one undefined point'],
)
def test_a_chart_of_nothing_has_axes_only(lines):
    page = Markup(draw_lines(lines, x_label='x'))
    assert 'nan' not in str(page.elements).lower()


def test_a_matrix_writes_counts_and_shades_shares():
    page = Markup(
        draw_matrix(['a', 'b', 'background'], np.array([[3, 1, 0], [0, 0, 0], [0, 0, 20_000]]))
    )
    fills = [rect['fill'] for rect in page.all('rect')]
    assert len(fills) == 3  # cells without frames stay white
    assert fills[2] == '#005a96'  # all of the row: the full colour
    assert '20k' in page.text
    assert 'a → b: 1 frames, 25.0 %' in page.text


def test_bars_are_as_high_as_the_accuracy():
    edges, counts = np.array([0, 0.5, 1]), np.array([4, 0])
    nan = np.nan
    page = Markup(draw_reliability(edges, counts, np.array([0.25, nan]), np.array([0.5, nan])))
    (bar,) = [rect for rect in page.all('rect') if rect['class'] == 'bar']
    full = 246 - 72  # from the foot of the chart to 100 %
    assert float(bar['height']) == pytest.approx(full / 2)
    assert 'score 0 to 0.5: 4 frames, mean score 0.250, 50.0 % right' in page.text


def test_the_diagonal_is_drawn_for_probabilities_only():
    for high, drawn in ((1.0, 1), (3.0, 0)):
        edges = np.linspace(0, high, 3)
        page = Markup(draw_reliability(edges, np.zeros(2, int), np.zeros(2), np.zeros(2)))
        assert len([p for p in page.all('path') if p['class'] == 'mark']) == drawn


def test_the_densest_cell_is_the_darkest():
    import base64
    import io

    from PIL import Image

    page = Markup(draw_density(np.array([[0, 1.0], [0.25, 0]])))
    (image,) = page.all('image')
    content = base64.b64decode(image['href'].partition(',')[2])
    opacity = np.asarray(Image.open(io.BytesIO(content)))[..., 3]
    assert opacity.tolist() == [[0, 215], [108, 0]]  # the root of a quarter is a half
    picture = np.zeros((4, 4, 3), np.uint8)
    assert len(Markup(draw_density(np.zeros((2, 2)), background=picture)).all('image')) == 2


def test_scores_that_trivial_predictors_pass_are_marked():
    columns = {
        'system': {'a/iou': 0.5, 'a/num_gt': 3.0, 'a/rank': 2.0, 'b/x': float('nan')},
        'centre': {'a/iou': 0.6, 'a/num_gt': 9.0, 'a/rank': 7.0},
        'chance': {'a/iou': 0.5},
        'oracle': {'a/iou': 1.0},
    }
    page = Markup(draw_scores(columns, ['a/iou', 'lacking'], ceilings=('oracle',)))
    cells = [cell['class'] for cell in page.all('td')]
    assert cells[:4] == ['number system', 'number beats', 'number', 'number']
    assert cells.count('number beats') == 2  # once in each table: counts and ranks are no marks
    for text in ('50.0', '60.0', '100.0', '–', 'All 4 scores'):
        assert text in page.text


def test_tables_write_fractions_in_per_cent_and_undefined_as_a_dash():
    columns = [Column('class', 'text', ['a', 'b']), Column('n', 'count', [12345, 0])]
    page = Markup(draw_table([*columns, Column('iou', 'share', [0.25, float('nan')])]))
    assert page.all('td')[2]['style'] == '--v:25.0%'
    assert page.all('td')[5]['data-v'] == '-1'  # sorted below 0
    assert '12 345' in page.text
    with pytest.raises(ValueError, match='share'):
        Column('x', 'percent', [])


def test_no_text_of_a_file_becomes_markup(tmp_path):
    x = np.array([0.0, 1.0])
    content = ''.join(
        [
            draw_timeline(labels([0], [1], video_id=EVIL, pool=(EVIL, 'b'), scores=[(EVIL, 0.5)])),
            draw_lines([Line(EVIL, x, x), Line('b', x, x)], x_label=EVIL, mark=(0.5, EVIL)),
            draw_small_lines(Line(EVIL, x, x)),
            draw_matrix([EVIL, 'background'], np.array([[1, 1], [1, 1]])),
            draw_density(np.ones((2, 2)), marks=[PictureMark(0.5, 0.5, EVIL)]),
            draw_scores({EVIL: {f'{EVIL}/{EVIL}': 0.5}}, []),
            draw_table([Column(EVIL, 'text', [EVIL])]),
            draw_facts({EVIL: EVIL}),
            draw_figures([(EVIL, '')]),
            draw_folded(EVIL, ''),
            draw_note(EVIL),
        ]
    )
    sections = [Section(EVIL, EVIL, content)]
    path = write_page(tmp_path / 'p.html', title=EVIL, facts=EVIL, sections=sections)

    page = Markup(path.read_text('utf-8'))
    assert len(page.all('script')) == 1
    assert not any(name.startswith('on') for _, attrs in page.elements for name in attrs)
    assert page.text.count('<script>alert(1)</script>') >= 15


def test_a_page_fetches_nothing(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    section = Section('a', 'b', draw_density(np.ones((2, 2)), background=picture))
    path = write_page(tmp_path / 'p.html', title='t', facts='f', sections=[section])

    page = Markup(path.read_text('utf-8'))
    addresses = [a[n] for _, a in page.elements for n in ('src', 'href') if n in a]
    assert all(address.startswith(('data:image/', '#')) for address in addresses)
    assert not re.search(r'https?://', path.read_text('utf-8'))
    (policy,) = [a['content'] for a in page.all('meta') if 'http-equiv' in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
