"""The README's picture: which moments are shown, the truth in its timeline, and the whole of it."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from stgr.structures import Span

_TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'make_result_picture.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('make_result_picture', _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_truth_is_half_open_and_holds_the_absent_action(tool):
    steps = [
        {'segment': [8, 14], 'sentence': 'slice_egg'},
        {'segment': [20, 20], 'sentence': 'slice_egg'},
    ]

    assert tool.true_spans(steps) == {
        'slice egg': [Span(8, 15, 1.0), Span(20, 21, 1.0)],
        'fly a kite': [],
    }


def test_best_moments_are_the_middles_of_the_best_spans_in_order(tool):
    class Answer:
        def __init__(self, *spans):
            self.spans = spans

    class Result:
        queries = (
            Answer(Span(0, 2, 0.1)),
            Answer(Span(10, 14, 0.9), Span(50, 60, 0.2)),
            Answer(),
            Answer(Span(4, 6, 0.8)),
            Answer(Span(30, 34, 0.7)),
        )

    assert tool.best_moments(Result) == [5, 12, 32]


def test_frames_stand_in_a_row_above_the_timeline_scaled_to_their_width(tool):
    frames = [Image.new('RGB', (100, 50), colour) for colour in ('red', 'blue')]

    page = tool.stack(frames, Image.new('RGB', (424, 80), 'green'))

    assert page.size == (100 + 12 + 100, 50 + 12 + 40)
    assert page.getpixel((99, 49)) == (255, 0, 0)
    assert page.getpixel((112, 0)) == (0, 0, 255)
    assert page.getpixel((0, 61)) == (255, 255, 255)
    assert page.getpixel((211, 62)) == (0, 128, 0)


@pytest.mark.slow
def test_picture_is_drawn_from_a_generated_world(tool, tmp_path):
    from stgr.cli import main

    assert main(['make-tiny-kitchen', str(tmp_path / 'world'), '--videos', '4']) == 0
    assert tool.main([str(tmp_path / 'world' / 'test'), '--out', str(tmp_path / 'it.png')]) == 0

    drawn, kept = (
        Image.open(tmp_path / 'it.png'),
        Image.open(_TOOL.parents[1] / 'docs/images/result.png'),
    )
    assert drawn.size == kept.size
