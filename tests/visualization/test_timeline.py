from dataclasses import replace

import numpy as np
import pytest

from stgr.structures import QueryResult, Span
from stgr.visualization import write_timeline
from stgr.visualization.timeline import choose_queries


def pixels(path):
    from PIL import Image

    return np.array(Image.open(path).convert('RGB')).astype(int)


def many(result, count):
    """The two queries of the result and ``count - 2`` more that are not found."""
    others = tuple(
        QueryResult(f'action {i}', False, i / 1000, np.full(6, i / 1000, dtype=np.float32))
        for i in range(count - 2)
    )
    return replace(result, queries=result.queries + others)


def test_the_span_is_coloured_where_it_happens_and_nowhere_else(result, tmp_path):
    picture = pixels(write_timeline(result, tmp_path / 'timeline.png'))

    height, width = picture.shape[:2]
    row = picture[int(height * 0.35)]  # inside the first row
    left, right = 0.24 * width, 0.89 * width
    orange = (row[:, 0] - row[:, 2]) > 40
    xs = np.flatnonzero(orange)
    assert (xs.min() - left) / (right - left) == pytest.approx(1 / 3, abs=0.01)
    assert (xs.max() - left) / (right - left) == pytest.approx(2 / 3, abs=0.01)


def test_the_truth_adds_ink_only_where_it_is(result, tmp_path):
    without = pixels(write_timeline(result, tmp_path / 'a.png', truth={'fly a kite': []}))
    truth = {'fly a kite': [Span(0.0, 1.5, 1.0)]}

    with_truth = pixels(write_timeline(result, tmp_path / 'b.png', truth=truth))

    _, width = np.nonzero((without != with_truth).any(axis=2))
    middle = (0.24 + (0.89 - 0.24) / 2) * with_truth.shape[1]
    changed_right_of_truth = np.count_nonzero(width > middle + 2)
    assert len(width) > 1000
    assert changed_right_of_truth < len(width) * 0.2, 'only its name in the legend'


def test_forty_queries_get_a_legible_row_each(result, tmp_path):
    picture = pixels(write_timeline(many(result, 40), tmp_path / 'many.png'))

    assert picture.shape[0] / 40 >= 50, 'pixels per row; a letter has 12'


def test_more_queries_than_rows_are_chosen_by_found_then_score_in_the_order_asked(result):
    found, *others = many(result, 60).queries

    chosen = choose_queries([replace(found, score=-0.5), *others], 4)

    assert chosen == [0, 1, 58, 59]


def test_the_title_says_how_many_queries_are_not_drawn(result, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    said = []
    monkeypatch.setattr(Figure, 'text', lambda self, x, y, text, **_: said.append(text))

    write_timeline(many(result, 60), tmp_path / 'a.png')
    write_timeline(result, tmp_path / 'b.png')

    few, many_said = said[2:], said[:2]
    assert '40 of 60 queries drawn' in many_said[0]
    assert '20 not drawn, 59 of all not found' in many_said[0]
    assert not any('not drawn' in text for text in few)
    assert any('knows only TinyKitchen' in text for text in few)


@pytest.mark.parametrize('name', ['$\\frac{1}{$', 'a\nb\x00c', 'x' * 500, '$', '切る卵'])
@pytest.mark.filterwarnings('error')
def test_any_text_is_drawn_as_it_is(result, rename, tmp_path, name):
    path = write_timeline(rename(result, name, 'b'), tmp_path / 'timeline.png')

    assert pixels(path).shape[1] == 1200


@pytest.mark.parametrize('frames', [0, 1])
def test_no_frames_and_no_queries_are_drawn(result, tmp_path, frames):
    scores = np.full(frames, 0.2, dtype=np.float32)
    query = QueryResult('fly a kite', False, 0.2, scores)
    empty = replace(result, times_sec=np.zeros(frames), queries=(query,))

    write_timeline(empty, tmp_path / 'a.png')
    write_timeline(replace(empty, queries=()), tmp_path / 'b.png')

    assert pixels(tmp_path / 'a.png').min() < 100


def test_truth_of_a_query_that_was_not_asked_is_refused(result, tmp_path):
    with pytest.raises(KeyError, match='fly a plane'):
        write_timeline(result, tmp_path / 'a.png', truth={'fly a plane': []})

    assert list(tmp_path.iterdir()) == []


def test_a_calibrated_answer_says_how_probable_it_is(result, tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    said = []
    draw = Axes.text
    monkeypatch.setattr(
        Axes,
        'text',
        lambda self, x, y, text, **kw: said.append(text) or draw(self, x, y, text, **kw),
    )
    first, *others = result.queries
    probable = replace(first, probability=0.806)

    write_timeline(replace(result, queries=(probable, *others)), tmp_path / 'a.png')

    assert 'found 81 %' in said
    assert f'not found {others[0].score:.2f}' in said  # not calibrated: its similarity
