"""Broken answers to sentences and broken matrices: an error in one line, never a traceback."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.io.predictions import read_query_tubes, read_similarities

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TUBE = {'query': 'q', 'video': 'v', 'span': [2, 5], 'frames': [2, 3], 'boxes': [[0, 0, 5, 5]] * 2}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def _read(reader, path):
    """Return what a reader finds, or the line that a user would see."""
    try:
        return reader(path)
    except (ValueError, FileNotFoundError) as error:
        line = str(error)
    assert path.name in line, 'the error does not name the file'
    return line


@FUZZ
@given(st.sampled_from(sorted(TUBE)), JSON)
def test_a_field_of_any_value_is_read_or_refused_by_line(tmp_path, field, value):
    path = tmp_path / 'tubes.jsonl'
    path.write_text(json.dumps(TUBE) + '\n' + json.dumps(TUBE | {field: value}) + '\n')

    found = _read(read_query_tubes, path)

    if isinstance(found, str):
        assert 'tubes.jsonl:2' in found
    else:
        (first, second), sound = found, (2.0, 5.0)
        assert first.span == sound
        for tube in found:
            assert np.isfinite(tube.boxes_px).all()
            assert len(tube.frames) == len(tube.boxes_px)
        assert field == 'span' or second.span == sound


@FUZZ
@given(st.binary(max_size=200))
@pytest.mark.parametrize('reader', [read_query_tubes, read_similarities])
def test_random_bytes_are_refused(tmp_path, reader, content):
    path = tmp_path / 'random'
    path.write_bytes(content)

    assert isinstance(_read(reader, path), str)


@FUZZ
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_or_cut_matrix_is_the_same_or_refused(tmp_path, position, change):
    path, matrix = tmp_path / 'matrix.npz', np.arange(12.0).reshape(3, 4)
    np.savez(path, similarity=matrix, texts=np.array(['a', 'b', 'c']))
    content = bytearray(path.read_bytes())
    place = position % len(content)
    if change:
        content[place] ^= change
    else:
        del content[place:]
    path.write_bytes(content)

    found = _read(read_similarities, path)

    if not isinstance(found, str):
        assert np.array_equal(found.similarity, matrix)
        assert found.texts in (('a', 'b', 'c'), None)
