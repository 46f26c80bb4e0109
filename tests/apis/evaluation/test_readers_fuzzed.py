"""Random, cut and changed files: an error in one line, or exactly the scores of the file."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.apis.evaluation import PROTOCOLS, build_protocol, evaluate
from stgr.apis.user_errors import one_line

FUZZ = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def without_controls(monkeypatch):
    """Trivial predictors do not read the file: leave them out, they take most of the time."""
    module = importlib.import_module('stgr.apis.evaluation.seconds_protocol')
    monkeypatch.setattr(module, 'make_controls', lambda *args, **settings: {})


def _outcome(truth, path):
    """Return the document, or the line a user would see."""
    try:
        return evaluate(build_protocol(PROTOCOLS, 'exchange', {}), truth, path)
    except (ValueError, FileNotFoundError) as error:
        line = one_line(error)
        assert line, 'an error without a message'
        return line


@FUZZ
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(world, content):
    path = world.truth.with_name('random.bin')
    path.write_bytes(content)

    assert isinstance(_outcome(world.truth, path), str)


@FUZZ
@given(st.integers(0, 10**6))
def test_cut_archive_is_refused(world, position):
    content = world.write_npz().read_bytes()
    path = world.truth.with_name('cut.npz')
    path.write_bytes(content[: position % len(content)])

    assert isinstance(_outcome(world.truth, path), str)


@FUZZ
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_archive_with_a_changed_byte_is_refused_or_scores_the_same(world, position, change):
    source = world.write_npz()
    content = bytearray(source.read_bytes())
    content[position % len(content)] ^= change
    path = world.truth.with_name('p.npz')
    expected = _outcome(world.truth, source)['metrics']
    path.write_bytes(content)

    found = _outcome(world.truth, path)

    assert isinstance(found, str) or found['metrics'] == expected


@FUZZ
@given(st.integers(0, 10**6))
def test_cut_lines_are_refused_or_their_lost_seconds_counted(world, position):
    content = world.write([*world.rows('a'), *world.rows('b')]).read_bytes()
    path = world.truth.with_name('cut.jsonl')
    path.write_bytes(content[: position % len(content)])

    found = _outcome(world.truth, path)

    if not isinstance(found, str):
        lines = path.read_bytes().split(b'\n')
        assert found['coverage']['seconds_predicted'] == sum(bool(line) for line in lines)
        assert found['coverage']['boxes_annotated'] == 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FIELDS = ('video', 'second', 'label', 'score', 'box', 'point', 'mask', 'heatmap', 'log_probs')
EXTRA = ('classes', 'frame_size', 'query_box', 'seconds', 'labels')


@settings(FUZZ, max_examples=120)
@given(st.integers(0, 15), st.sampled_from(FIELDS + EXTRA), JSON)
def test_lines_with_a_changed_field_are_refused_or_keep_the_denominators(world, row, field, value):
    rows = [*world.rows('a'), *world.rows('b')]
    rows[row][field] = value
    path = world.truth.with_name('changed.jsonl')
    path.write_text(''.join(json.dumps(one) + '\n' for one in rows), encoding='utf-8')

    found = _outcome(world.truth, path)

    if not isinstance(found, str):
        assert found['coverage']['boxes_annotated'] == 10
        assert found['metrics']['frame_map']['num_gt'] == 10
        assert found['coverage']['videos_scored'] == 2


@FUZZ
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_ground_truth_with_a_changed_byte_never_gives_a_traceback(world, position, value):
    predictions = world.write([*world.rows('a'), *world.rows('b')])
    content = bytearray(world.truth.read_bytes())
    content[position % len(content)] = value
    path = world.truth.with_name('changed.json')
    path.write_bytes(content)

    _outcome(path, predictions)


@settings(FUZZ, max_examples=40)
@given(
    st.sampled_from(['a|label', 'a|score', 'a|heat', 'a|gtheat', 'a|logp', 'c|score']),
    st.sampled_from(['<f8', '<f4', '<i8', '<U3', '|b1', '<c16', '<M8[s]', '|S2', '<f2']),
    st.lists(st.integers(0, 9), max_size=4),
)
def test_array_of_another_shape_or_type_is_refused_or_counted(world, name, dtype, shape):
    path = world.write_npz(**{name: np.zeros(shape, dtype)})

    found = _outcome(world.truth, path)

    if not isinstance(found, str):
        assert found['coverage']['seconds_annotated'] == 16
        assert found['coverage']['boxes_annotated'] == 10


def test_results_that_were_cut_are_refused(world, tmp_path):
    folder = Path(tmp_path / 'answers' / 'a')
    folder.mkdir(parents=True)
    (folder / 'result.json').write_text('{"schema_version": 1, ')

    assert 'broken JSON' in _outcome(world.truth, folder.parent)
