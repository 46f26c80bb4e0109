import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from stgr.structures import Span
from stgr.visualization import report, write_report
from stgr.visualization.curve_svg import thin_out


class Page(HTMLParser):
    """Collects the elements of a page and their attributes, and all its text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text = [], ''
        self.source = path.read_text('utf-8')
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag, name=None):
        return [a for t, a in self.elements if t == tag and (name is None or name in a)]


@pytest.fixture
def overlay(tmp_path):
    path = tmp_path / 'overlay & more.mp4'
    path.write_bytes(b'not really a video')
    return path


def write(result, tmp_path, **options):
    return Page(write_report(result, tmp_path / 'report.html', **options))


def test_every_query_has_a_row_with_its_answer_score_and_spans(result, tmp_path):
    page = write(result, tmp_path)

    buttons = page.all('button', 'data-start')
    assert [(float(b['data-start']), float(b['data-end'])) for b in buttons] == [(1.0, 2.0)]
    assert len(page.all('svg')) == 2
    for text in ('crack egg', 'fly a kite', 'not found', '0.800', '1 of 2 queries found'):
        assert text in page.text


def test_the_notice_of_the_model_is_an_alert(result, tmp_path):
    loud = write(result, tmp_path)
    calm = write(replace(result, model=replace(result.model, notice=None)), tmp_path)

    assert 'knows only TinyKitchen' in loud.text
    assert ('div', {'class': 'notice', 'role': 'alert'}) in loud.elements
    assert 'alert' not in {a.get('role') for _, a in calm.elements}


EVIL = '<script>alert(1)</script>"\' onmouseover=alert(1) x="&amp;{style}'


def test_text_of_users_is_escaped_everywhere(result, rename, tmp_path):
    evil = rename(result, EVIL, 'b')
    video = replace(evil.video, path=f'/x/{EVIL.replace("/", "")}.mp4', warnings=(EVIL,))
    evil = replace(evil, video=video, model=replace(evil.model, name=EVIL, notice=EVIL))
    evil = replace(evil, settings={EVIL: EVIL, 'threshold': 0.5})

    page = write(evil, tmp_path, truth={EVIL: [Span(0.5, 1.0, 1.0)]})

    assert len(page.all('script')) == 1
    assert not any(name.startswith('on') for _, a in page.elements for name in a)
    assert page.text.count(EVIL) >= 5


def test_nothing_is_fetched(result, tmp_path, overlay):
    page = write(result, tmp_path, overlay_path=overlay)

    addresses = [a[n] for _, a in page.elements for n in ('src', 'href') if n in a]
    assert all(address.startswith('data:') for address in addresses)
    assert not page.all('link')
    assert not re.search(r'https?://', page.source)
    assert 'url(' not in page.source.replace('createObjectURL(', '')
    (policy,) = [a['content'] for a in page.all('meta', 'http-equiv')]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_a_small_video_is_embedded_whole(result, tmp_path, overlay):
    page = write(result, tmp_path, overlay_path=overlay)

    (video,) = page.all('video')
    assert base64.b64decode(video['src'].partition(',')[2]) == overlay.read_bytes()


def test_a_large_video_is_linked_beside_the_report_with_a_note(result, tmp_path, overlay):
    page = write(result, tmp_path, overlay_path=overlay, embed_limit_bytes=5)

    (video,) = page.all('video')
    assert video['src'] == 'overlay%20%26%20more.mp4'
    assert 'too large for this file' in page.text


def test_without_a_video_the_report_says_so(result, tmp_path):
    page = write(result, tmp_path)

    assert not page.all('video')
    assert 'No overlay video' in page.text


def test_spans_are_buttons_and_curves_can_be_focused(result, tmp_path):
    page = write(result, tmp_path)

    sliders = [a for _, a in page.elements if a.get('role') == 'slider']
    assert [a['tabindex'] for a in sliders] == ['0', '0']
    assert sliders[0]['aria-label'] == 'Time in the curve of crack egg'
    assert float(sliders[0]['aria-valuemax']) == 3.0


def test_the_truth_is_shown_and_can_be_jumped_to(result, tmp_path):
    page = write(result, tmp_path, truth={'fly a kite': [Span(0.5, 1.5, 1.0)]})

    starts = [float(b['data-start']) for b in page.all('button') if b.get('class') == 'truth']
    assert starts == [0.5]
    with pytest.raises(KeyError, match='no such query'):
        write(result, tmp_path, truth={'no such query': []})


def test_the_curve_is_drawn_to_scale(result, tmp_path):
    page = write(result, tmp_path)

    paths = [a['d'] for a in page.all('path')]
    steps = re.findall(r'V([\d.]+)H([\d.]+)', paths[0])
    assert [float(x) for _, x in steps] == pytest.approx([1000 * k / 6 for k in range(1, 7)], abs=1)
    heights = np.array([float(y) for y, _ in steps])
    assert np.corrcoef(heights, result.queries[0].frame_scores)[0, 1] == pytest.approx(-1)


def test_long_curves_keep_their_peaks():
    scores = np.random.default_rng(0).random(50_000)
    edges = np.arange(50_001, dtype=float)

    thin_edges, thin_scores = thin_out(edges, scores, limit=200)

    assert len(thin_scores) <= 200
    assert len(thin_edges) == len(thin_scores) + 1
    assert (thin_scores.max(), thin_scores.min()) == (scores.max(), scores.min())
    assert np.all(np.diff(thin_edges) > 0)
    assert np.array_equal(scores[thin_edges[:-1].astype(int)], thin_scores)


def test_a_result_without_frames_or_queries_is_shown(result, tmp_path):
    empty = replace(result, times_sec=np.zeros(0), queries=())

    page = write(empty, tmp_path)

    assert '0 of 0 queries found' in page.text


def test_a_clock_stands_over_the_curves(result, tmp_path):
    page = write(result, tmp_path)  # of 3 seconds

    clock = re.search(r'<span class="clock">(.*?)</span></th>', page.source).group(1)
    assert re.findall(r'>([^<]+)<', clock) == ['0:00', '0:00.8', '0:01.5', '0:02.2', '0:03']


def test_of_many_queries_the_missed_ones_are_folded_below_the_found_ones(result, tmp_path):
    found, missed = result.queries
    queries = [replace(missed, query=f'missed {k}') for k in range(report.MOST_UNFOLDED)]
    queries.insert(30, found)

    page = write_report(replace(result, queries=tuple(queries)), tmp_path / 'r.html').read_text()

    fold = page.index('<details><summary>40 queries that were not found')
    assert page.index(f'</span>{found.query}</th>') < fold
    places = [page.index(f'</span>missed {k}</th>') for k in range(40)]
    assert fold < places[0]
    assert places == sorted(places)


def test_few_queries_are_shown_in_the_order_asked(result, tmp_path):
    found, missed = result.queries

    page = write_report(replace(result, queries=(missed, found)), tmp_path / 'r.html').read_text()

    assert 'queries that were not found' not in page
    assert page.index(f'</span>{missed.query}</th>') < page.index(f'</span>{found.query}</th>')
