from dataclasses import replace

import numpy as np
import pytest

from stgr.io import open_video
from stgr.structures import QueryResult
from stgr.visualization import painter as painter_module
from stgr.visualization import write_overlay
from stgr.visualization.common import query_colours
from stgr.visualization.drawing import make_label
from stgr.visualization.overlay import fit_size, overlay_times
from stgr.visualization.painter import OverlayPainter, last_at

GRAY = np.full((48, 64, 3), 100, dtype=np.uint8)


def streams(path):
    import av

    with av.open(str(path)) as container:
        video, *rest = container.streams.video
        assert not rest
        pts = [float(frame.pts * frame.time_base) for frame in container.decode(video)]
        audio = [stream.codec_context.name for stream in container.streams.audio]
        codec = video.codec_context
        return codec.name, codec.pix_fmt, (codec.width, codec.height), pts, audio


def test_the_overlay_keeps_clock_rate_and_sound_and_suits_a_browser(result, tmp_path):
    path = write_overlay(result, tmp_path / 'overlay.mp4')

    name, pixel_format, (width, height), pts, audio = streams(path)
    assert (name, pixel_format, audio) == ('h264', 'yuv420p', ['aac'])
    assert width == 64
    assert height > 48
    assert pts == pytest.approx(np.arange(30) / 10, abs=1e-3)
    content = path.read_bytes()
    assert content.index(b'moov') < content.index(b'mdat'), 'fast start'


def test_each_moment_shows_the_frame_that_the_original_shows(result, tmp_path):
    silent = replace(result, queries=())

    path = write_overlay(silent, tmp_path / 'overlay.mp4')

    times = np.arange(30) / 10 + 0.05
    with open_video(path) as reader:
        shown = reader.read_at(times)[:, :48].mean(axis=(1, 2, 3))
    assert shown == pytest.approx(40 + 6 * np.arange(30), abs=3)


def test_a_fast_video_is_thinned_in_time_not_slowed(result, tmp_path):
    path = write_overlay(replace(result, queries=()), tmp_path / 'overlay.mp4', max_fps=4)

    *_, pts, _ = streams(path)
    starts = [0, 0.3, 0.5, 0.8]  # the first frame of each quarter of a second
    expected = [second + start for second in range(3) for start in starts]
    assert pts == pytest.approx(expected, abs=1e-3)
    with open_video(path) as reader:
        (shown,) = reader.read_at(np.array([2.6]))[:, :48].mean(axis=(1, 2, 3))
    assert shown == pytest.approx(40 + 6 * 25, abs=3), 'the frame of 2.5 s'


def test_outside_spans_the_frame_is_untouched_and_inside_it_is_painted(result):
    painter = OverlayPainter(result, size=(64, 48))

    for time_sec, is_inside in ((0.99, False), (1.0, True), (1.99, True), (2.0, False)):
        picture = painter.paint(GRAY, time_sec)[:48]
        assert np.array_equal(picture, GRAY) != is_inside, time_sec


def test_the_box_is_drawn_along_its_edges_in_the_colour_of_the_query(result):
    picture = OverlayPainter(result, size=(64, 48)).paint(GRAY, 1.5)
    colour = query_colours(1)[0]

    for x, y in ((32, 30), (55, 30), (44, 39)):  # left, right and lower edge of 32, 16, 56, 40
        assert tuple(picture[y, x]) == colour
    assert tuple(picture[30, 20]) != colour


def test_the_box_scales_with_the_picture(result):
    big = np.full((96, 128, 3), 100, dtype=np.uint8)

    picture = OverlayPainter(result, size=(128, 96)).paint(big, 1.5)

    assert tuple(picture[60, 64]) == query_colours(1)[0]
    assert tuple(picture[60, 111]) == query_colours(1)[0]


def test_heat_is_strongest_in_its_cell_and_the_frame_shines_through(result):
    tube = replace(result.queries[0].tubes[0], visible=np.zeros(2, dtype=bool))
    query = replace(result.queries[0], tubes=(tube,))
    result = replace(result, queries=(query,))

    picture = OverlayPainter(result, size=(64, 48)).paint(GRAY, 1.5).astype(int)

    hot, cold = picture[24, 40], picture[40, 4]  # the centre of cell (1, 2) of 3 x 4, a corner
    expected = 0.45 * 100 + 0.55 * np.array(query_colours(1)[0])
    assert np.abs(hot - expected).max() < 12
    assert np.abs(cold - 100).max() <= 2


def test_a_box_that_is_not_visible_is_not_drawn_but_the_query_is_named(result):
    tube = replace(result.queries[0].tubes[0], visible=np.zeros(2, dtype=bool))
    query = replace(result.queries[0], tubes=(tube,), heatmaps=None)

    picture = OverlayPainter(replace(result, queries=(query,)), size=(64, 48)).paint(GRAY, 1.5)

    painted = (picture[:48] != 100).any(axis=2)
    assert painted.any()
    assert np.flatnonzero(painted.any(axis=1)).max() < 20, 'only the label at the top'
    assert (GRAY == 100).all(), 'the frame that came in is not changed'


def test_labels_of_two_queries_at_one_place_do_not_cover_each_other(result, rename):
    both = replace(result, queries=(result.queries[0], result.queries[0]))
    painter = OverlayPainter(rename(both, 'a', 'b'), size=(64, 48))
    painter.paint(GRAY, 1.5)

    first, second = painter._layers
    place = first.add_label(GRAY.copy(), 1.5, [])
    other = second.add_label(GRAY.copy(), 1.5, [place])
    assert other[1] >= place[3]


def many(result, count):
    """The first query again and again, each with a better span than the one before."""
    query = result.queries[0]
    copies = []
    for k in range(count):
        spans = tuple(replace(span, score=k / count) for span in query.spans)
        tubes = tuple(
            replace(tube, span=span) for tube, span in zip(query.tubes, spans, strict=True)
        )
        copies.append(replace(query, query=f'query {k}', spans=spans, tubes=tubes))
    return replace(result, queries=tuple(copies))


def test_of_many_queries_at_a_moment_the_best_are_painted_and_the_rest_are_counted(
    result, monkeypatch
):
    plates = []
    monkeypatch.setattr(
        painter_module,
        'make_label',
        lambda text, *rest, **settings: plates.append(text) or make_label(text, *rest, **settings),
    )
    painter = OverlayPainter(many(result, 20), size=(64, 48))

    painter.paint(GRAY, 1.5)

    drawn = [layer.query.query for layer in painter._layers if layer._heat is not None]
    assert drawn == [f'query {k}' for k in range(14, 20)]
    assert plates[-1] == '+14 more'


def test_heat_that_is_not_shown_takes_no_memory(result):
    painter = OverlayPainter(many(result, 3), size=(64, 48))

    painter.paint(GRAY, 1.5)
    assert all(layer._heat is not None for layer in painter._layers)
    painter.paint(GRAY, 2.5)

    assert all(layer._heat is None for layer in painter._layers)


def test_the_bar_shows_the_span_and_the_playhead(result):
    painter = OverlayPainter(result, size=(60, 48))
    frame = np.zeros((48, 60, 3), dtype=np.uint8)

    bar = painter.paint(frame, 0.5)[48:]

    coloured = (bar == query_colours(1)[0]).all(axis=2).any(axis=0)
    assert np.flatnonzero(coloured).tolist() == list(range(20, 40))
    assert np.flatnonzero((bar == 255).all(axis=(0, 2))).tolist() == [9, 10]


def test_any_text_is_drawn(result, rename):
    for text in ('x' * 300, '切る', 'a\nb', '', '$'):
        painter = OverlayPainter(rename(result, text, 'b'), size=(64, 48))
        assert painter.paint(GRAY, 1.5).shape == (*painter.picture_size[::-1], 3)


def test_a_video_without_sound_stays_silent(result, tmp_path, video_path):
    video = replace(result.video, has_audio=False)

    path = write_overlay(replace(result, video=video), tmp_path / 'overlay.mp4')

    assert streams(path)[-1] == []


@pytest.mark.parametrize(
    ('size', 'expected'),
    [((64, 48), (64, 48)), ((1920, 1080), (960, 540)), ((1080, 1920), (540, 960)),
     ((101, 51), (100, 52)), ((4000, 1), (960, 2))],
)  # fmt: skip
def test_pictures_are_even_and_fit(size, expected):
    assert fit_size(*size, 960) == expected


TIMES_CASES = [
    ([0, 0.04, 0.08], 0.12, 25, [0, 0.04, 0.08], 'a video at the limit keeps every frame'),
    ([0, 0.02, 0.04, 0.06], 0.08, 25, [0, 0.04], 'one twice as fast keeps every other'),
    ([0, 0.033, 0.1], 0.15, 25, [0, 0.1], 'frames keep their own, uneven times'),
    ([0, 0.5], 0.6, 25, [0, 0.2, 0.4, 0.5], 'a long frame is repeated'),
    ([0.3], 0.4, 25, [0, 0.2, 0.3], 'before a late start the first frame shows from 0'),
    ([0, 0.1, 0.2], 0.15, 25, [0, 0.1], 'nothing after the end'),
]


@pytest.mark.parametrize(('frames', 'duration', 'max_fps', 'expected', 'reason'), TIMES_CASES)
def test_pictures_come_at_the_times_worked_by_hand(frames, duration, max_fps, expected, reason):
    times = overlay_times(np.array(frames, dtype=float), duration, max_fps)

    assert times == pytest.approx(expected), reason


def test_boxes_hold_until_the_next_evaluated_frame():
    times = np.array([1.0, 1.5])

    assert [last_at(times, t) for t in (0.9, 1.0, 1.49, 1.5, 9.0)] == [-1, 0, 0, 1, 1]


def test_colours_differ_and_do_not_depend_on_how_many_there_are():
    colours = query_colours(40)

    assert query_colours(3) == colours[:3]
    assert len(set(colours)) == 40


def test_a_result_with_nothing_found_still_plays(result, tmp_path):
    query = QueryResult('fly a kite', False, 0.2, np.full(6, 0.2, dtype=np.float32))

    path = write_overlay(replace(result, queries=(query,)), tmp_path / 'overlay.mp4')

    assert len(streams(path)[3]) == 30


def test_a_missing_video_is_named_and_nothing_is_written(result, tmp_path):
    with pytest.raises(ValueError, match='gone'):
        write_overlay(result, tmp_path / 'overlay.mp4', video_path=tmp_path / 'gone.mp4')

    assert list(tmp_path.iterdir()) == []


def test_the_label_says_how_probable_a_calibrated_answer_is(result, monkeypatch):
    said = []
    monkeypatch.setattr(
        painter_module,
        'make_label',
        lambda text, *a, **kw: said.append(text) or make_label(text, *a, **kw),
    )
    first = result.queries[0]

    OverlayPainter(result, size=(64, 48))
    OverlayPainter(replace(result, queries=(replace(first, probability=0.5),)), size=(64, 48))

    assert said == [first.query, f'{first.query} (50 %)']
