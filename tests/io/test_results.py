import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stgr.io.results import load_result, save_result
from stgr.structures import (
    GroundingResult,
    HeatMaps,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)


def make_result():
    rng = np.random.default_rng(0)
    times = np.arange(6) / 3  # not representable in few decimals
    span = Span(times[1], times[4], 0.1 + 0.2)
    inside = times[1:4]
    tube = Tube(
        span,
        inside,
        np.array([[1 / 3, 0, 20.5, 30], [0, 0, 0, 0], [2, 3, 63.7, 47.9]], dtype=np.float32),
        rng.random((3, 2)).astype(np.float32) * 60,
        np.array([True, False, True]),
    )
    maps = HeatMaps(inside, rng.random((3, 7, 5)).astype(np.float32), 'none')
    scores = rng.normal(size=(2, 6)).astype(np.float32)
    return GroundingResult(
        video=VideoFacts('a "video".mp4', 64, 48, 2.0, 29.97, True, 'pyav', ('damaged',)),
        model=ModelFacts('ours_tiny', 'ab' * 32, 'knows only TinyKitchen'),
        times_sec=times,
        queries=(
            QueryResult('crack ‘an’ egg 蛋', True, 0.7, scores[0], (span,), (tube,), maps),
            QueryResult('fly a kite', False, -0.1, scores[1]),
        ),
        settings={'threshold': 0.5, 'exclusive': False, 'fps': 3, 'note': None, 'profile': 'paper'},
    )


def assert_same(ours, theirs):
    """Equal in value, type and dtype, all the way down."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    elif isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif hasattr(ours, '__dataclass_fields__'):
        for name in ours.__dataclass_fields__:
            assert_same(getattr(ours, name), getattr(theirs, name))
    else:
        assert ours == theirs


@pytest.fixture
def saved(tmp_path):
    save_result(make_result(), tmp_path / 'out')
    return tmp_path / 'out'


def edit(folder, change):
    """Apply ``change`` to the parsed document and write it back."""
    document = json.loads((folder / 'result.json').read_text())
    change(document)
    (folder / 'result.json').write_text(json.dumps(document))


def test_a_result_comes_back_value_for_value(saved):
    expected = make_result()
    span = expected.queries[0].spans[0]
    plain = Span(float(span.start_sec), float(span.end_sec), span.score)
    tube = replace(expected.queries[0].tubes[0], span=plain)
    first = replace(expected.queries[0], spans=(plain,), tubes=(tube,))

    assert_same(load_result(saved), replace(expected, queries=(first, expected.queries[1])))


def test_every_float32_comes_back_bit_for_bit(tmp_path):
    bits = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint32)
    scores = bits.view(np.float32)
    scores = scores[np.isfinite(scores)]
    times = np.arange(len(scores), dtype=float)
    query = QueryResult('any', False, 0.0, scores)
    result = replace(make_result(), times_sec=times, queries=(query,))

    save_result(result, tmp_path)

    back = load_result(tmp_path).queries[0].frame_scores
    assert np.array_equal(back.view(np.uint32), scores.view(np.uint32))


def test_the_document_has_the_fields_of_the_schema(saved):
    document = json.loads((saved / 'result.json').read_text())
    found, missed = document['queries']

    assert document['schema_version'] == 1
    assert document['model']['notice'] == 'knows only TinyKitchen'
    assert (found['found'], missed['found']) == (True, False)
    assert found['tubes'][0]['visible'] == [True, False, True]
    assert missed['heatmaps'] is None
    assert found['heatmaps'] == {'key': 'query_0', 'normalisation': 'none', 'shape': [3, 7, 5]}


def test_every_field_of_the_document_is_documented(saved):
    page = (Path(__file__).parents[2] / 'docs' / 'result_schema.md').read_text()

    def names(value):
        if isinstance(value, dict):
            return set(value) | set().union(*map(names, value.values()))
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    document = json.loads((saved / 'result.json').read_text())
    document['settings'] = {}
    assert {name for name in names(document) if f'`{name}`' not in page} == set()


def test_an_empty_result_comes_back(tmp_path):
    result = replace(make_result(), times_sec=np.zeros(0), queries=(), settings={})

    save_result(result, tmp_path)

    assert_same(load_result(tmp_path), result)


def test_writing_twice_gives_the_same_bytes_and_leaves_no_other_file(saved):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    save_result(make_result(), saved)

    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert set(before) == {'result.json', 'heatmaps.npz'}


def nan_score(result):
    return replace(result.queries[1], score=float('nan'))


def nan_frame(result):
    return replace(result.queries[1], frame_scores=np.full(6, np.inf, dtype=np.float32))


@pytest.mark.parametrize(
    ('spoil', 'field'), [(nan_score, r'queries\[1\].score'), (nan_frame, r'frame_scores\[0\]')]
)
def test_a_nan_is_refused_by_name_and_nothing_is_written(tmp_path, spoil, field):
    result = make_result()
    result = replace(result, queries=(result.queries[0], spoil(result)))

    with pytest.raises(ValueError, match=field):
        save_result(result, tmp_path / 'out')

    assert not (tmp_path / 'out').exists()


def test_a_failed_write_keeps_the_old_result_and_no_partial_file(saved, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full_disk(_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(OSError, match='No space'):
        save_result(replace(make_result(), settings={'threshold': 0.9}), saved)

    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def drop(*path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


def put(value, *path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


DAMAGES = [
    (put(2, 'schema_version'), 'schema_version is 2, but this version of stgr reads 1'),
    (drop('schema_version'), 'schema_version is missing'),
    (drop('queries', 0, 'spans', 0, 'end_sec'), r'queries\[0\].spans\[0\].end_sec is missing'),
    (drop('model', 'notice'), 'model.notice is missing'),
    (put('yes', 'queries', 1, 'found'), r'queries\[1\].found must be true or false, but got "yes"'),
    (put([['a'] * 4], 'queries', 0, 'tubes', 0, 'boxes_px'), 'boxes_px must be a list of rows'),
    (put([[1, 2, 3]], 'queries', 0, 'tubes', 0, 'boxes_px'), 'boxes_px must be a list of rows'),
    (put([None], 'times_sec'), 'times_sec must be a list of numbers'),
    (put([0.0], 'times_sec'), r'has scores \(6,\) for \(1,\) frames'),
    (put(True, 'queries', 1, 'found'), r'queries\[1\]: found=True but 0 spans'),
    (put('query_7', 'queries', 0, 'heatmaps', 'key'), "no arrays of 'query_7'"),
    (put('0' * 64, 'heatmaps_sha256'), 'different runs'),
    (put(3, 'queries'), 'queries must be a list, but got 3'),
    (put(1.5, 'video', 'width'), 'width must be a whole number'),
]


@pytest.mark.parametrize(('damage', 'message'), DAMAGES)
def test_a_damaged_document_is_refused_by_file_and_field(saved, damage, message):
    edit(saved, damage)

    with pytest.raises(ValueError, match=message) as caught:
        load_result(saved)

    assert str(saved) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_broken_json_is_refused_by_file_and_line(saved):
    path = saved / 'result.json'
    lines = path.read_text().splitlines()
    lines[4] = '  "video" {'
    path.write_text('\n'.join(lines))

    with pytest.raises(ValueError, match=r'result\.json:5: broken JSON at column 11'):
        load_result(saved)


def test_a_number_too_long_for_python_is_refused_by_file(saved):
    path = saved / 'result.json'
    path.write_text(path.read_text().replace('"score": 0.7', '"score": ' + '9' * 5000, 1))

    with pytest.raises(ValueError, match=r'^\S*result\.json: Exceeds the limit'):
        load_result(saved)


@pytest.mark.parametrize('text', ['NaN', '-Infinity', '1e999', '9' * 400])
@pytest.mark.parametrize('field', ['"score": 0.7', '"fps": 29.97', '"times_sec": [0.0'])
def test_a_number_that_is_not_finite_is_refused_on_reading(saved, field, text):
    path = saved / 'result.json'
    number = field.split()[-1].lstrip('[')
    path.write_text(path.read_text().replace(field, field.replace(number, text), 1))

    with pytest.raises(ValueError, match=r'finite|a list of numbers'):
        load_result(saved)


@pytest.mark.parametrize('name', ['result.json', 'heatmaps.npz'])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()

    with pytest.raises(FileNotFoundError, match=name):
        load_result(saved)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ('exploded',))


@pytest.mark.parametrize('how', ['npy object', 'bare pickle'])
def test_a_pickle_in_the_side_file_is_never_run(saved, tmp_path, monkeypatch, how):
    import hashlib

    monkeypatch.chdir(tmp_path)
    path = saved / 'heatmaps.npz'
    if how == 'bare pickle':
        path.write_bytes(pickle.dumps(Bomb()))
    else:
        np.savez(path, query_0_values=np.array([Bomb()], dtype=object))
    edit(saved, put(hashlib.sha256(path.read_bytes()).hexdigest(), 'heatmaps_sha256'))

    with pytest.raises(ValueError, match=r'not a plain \.npz'):
        load_result(saved)

    assert not (tmp_path / 'exploded').exists()


def test_results_load_without_torch():
    import subprocess
    import sys

    code = 'import sys, stgr.io.results; assert "torch" not in sys.modules, "torch was imported"'
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.parametrize('text', ['NaN', '1e999'])
def test_a_setting_that_is_not_finite_is_refused_on_reading(saved, text):
    path = saved / 'result.json'
    path.write_text(path.read_text().replace('"threshold": 0.5', f'"threshold": {text}'))

    with pytest.raises(ValueError, match='finite'):
        load_result(saved)
