import json
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.io.captions import Caption, read_captions


def write(tmp_path, content):
    path = tmp_path / 'captions.json'
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_captions_keep_the_order_of_the_file_and_lose_outer_blanks(tmp_path):
    content = {
        'b': {'start': [3, 1.5], 'end': [4, 2.5], 'text': [' crack an egg\n', 'é']},
        'a': {'start': [0], 'end': [0.5], 'text': ['']},
    }

    captions = read_captions(write(tmp_path, content))

    assert list(captions.items()) == [
        ('b', [Caption(3.0, 4.0, 'crack an egg'), Caption(1.5, 2.5, 'é')]),
        ('a', [Caption(0.0, 0.5, '')]),
    ]


@pytest.mark.parametrize(
    ('row', 'reason'),
    [
        ((2, 1, 'x'), 'end before start'),
        ((2, 2, 'x'), 'nothing lasts no time'),
        ((-1, 2, 'x'), 'the clock starts at 0'),
        ((None, 2, 'x'), 'no number'),
        (('1', 2, 'x'), 'a string is no number'),
        ((True, 2, 'x'), 'True is no time'),
        ((float('nan'), 2, 'x'), 'not a number'),
        ((0, float('inf'), 'x'), 'never ends'),
        ((0, 10**400, 'x'), 'beyond any float'),
        ((0, 1, None), 'no text'),
    ],
)
def test_a_broken_row_is_skipped_and_named(tmp_path, row, reason):
    start, end, text = row
    content = {'vid': {'start': [0, start], 'end': [1, end], 'text': ['good', text]}}
    path = write(tmp_path, content)

    with pytest.warns(UserWarning, match=r"1 unusable .*1 rows kept.*'vid' row 1") as caught:
        captions = read_captions(path)

    assert captions == {'vid': [Caption(0.0, 1.0, 'good')]}, reason
    assert str(path) in str(caught[0].message)


def test_columns_of_different_lengths_lose_the_video_not_the_file(tmp_path):
    content = {
        'bad': {'start': [0], 'end': [1, 2], 'text': ['x']},
        'worse': {'start': 0},
        'good': {'start': [0], 'end': [1], 'text': ['x']},
    }

    with pytest.warns(UserWarning, match='1 starts, 2 ends, 1 texts') as caught:
        captions = read_captions(write(tmp_path, content))

    assert captions == {'bad': [], 'worse': [], 'good': [Caption(0.0, 1.0, 'x')]}
    assert 'worse' in str(caught[0].message)


def test_many_broken_rows_give_one_warning_with_their_number(tmp_path):
    content = {'vid': {'start': [5] * 100, 'end': [1] * 100, 'text': ['x'] * 100}}

    with pytest.warns(UserWarning, match='100 unusable') as caught:
        read_captions(write(tmp_path, content))

    assert len(caught) == 1
    assert len(str(caught[0].message)) < 500


@pytest.mark.parametrize('content', [b'', b'{"a": ', b'\xff\xfe', b'[1]', b'3', b'[' * 100_000])
def test_a_file_that_is_no_caption_file_is_named(tmp_path, content):
    path = write(tmp_path, content)

    with pytest.raises(ValueError, match=r'captions\.json'):
        read_captions(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'nowhere\.json: no such caption file .* data_root'
    ):
        read_captions(tmp_path / 'nowhere.json')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
COLUMN = st.lists(st.integers(-2, 9) | st.floats() | st.text(max_size=3) | st.none(), max_size=3)
NEAR_MISS = st.dictionaries(
    st.text(max_size=3),
    st.fixed_dictionaries({}, optional={'start': COLUMN, 'end': COLUMN, 'text': COLUMN}),
    max_size=3,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=JSON | NEAR_MISS | st.binary())
def test_any_file_gives_sound_captions_or_an_error_that_names_it(tmp_path, content):
    path = write(tmp_path, content)

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            captions = read_captions(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            return

    for rows in captions.values():
        assert all(0 <= row.start_sec < row.end_sec < float('inf') for row in rows)
        assert all(isinstance(row.text, str) for row in rows)
