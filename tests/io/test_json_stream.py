"""A huge object is read in pieces as json reads it whole, and faults are placed."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgr.io.json_stream import stream_object

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(content, chunk_bytes=7):
    content = content if isinstance(content, bytes) else content.encode()
    return list(stream_object(io.BytesIO(content), name='big.json', chunk_bytes=chunk_bytes))


@settings(max_examples=200, deadline=None)
@given(
    document=st.dictionaries(st.text(), _JSON, max_size=4),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    chunk_bytes=st.integers(1, 40),
)
def test_pieces_give_what_json_gives(document, ascii_only, indent, chunk_bytes):
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    pairs = read(text.encode('utf-8', 'replace' if not ascii_only else 'strict'), chunk_bytes)

    expected = json.loads(text.encode('utf-8', 'replace'))
    assert pairs == list(expected.items())


@pytest.mark.parametrize('chunk_bytes', range(1, 20))
def test_no_cut_tears_a_number_an_escape_or_a_character(chunk_bytes):
    text = (
        '\ufeff{"a": -12.5e+10, "é😀": "\\ud83d\\ude00 \\"", "n": [-Infinity, 1234567], "l": 12 }\n'
    )

    assert read(text, chunk_bytes) == [
        ('a', -12.5e10),
        ('é😀', '😀 "'),
        ('n', [float('-inf'), 1234567]),
        ('l', 12),
    ]


@settings(max_examples=300, deadline=None)
@given(
    content=st.binary(max_size=40)
    | st.text('{}[]",:0123456789.eE+-tfnrul\\ \n', max_size=40).map(str.encode),
    chunk_bytes=st.integers(1, 40),
)
def test_anything_is_read_like_json_or_refused_by_name(content, chunk_bytes):
    try:
        expected = json.loads(content.decode('utf-8-sig'))
    except (ValueError, RecursionError):
        expected = None
    if isinstance(expected, dict):
        assert str(dict(read(content, chunk_bytes))) == str(expected)  # NaN is not equal to itself
        return
    with pytest.raises(ValueError, match=r'^big\.json:'):
        read(content, chunk_bytes)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"a": 1,\n "b": [1,\n 2 3]}', 'big.json:3: broken JSON at column 4: Expecting'),
        ('{"a": 1\n "b": 2}', 'big.json:2: broken JSON at column 2: expected "," or "}"'),
        ('{"a": 1, 5: 2}', 'column 10: expected a name in double quotes'),
        ('{"a" 1}', 'column 6: expected ":" after a name, but got \'1\''),
        ('{"a": 1}\n\n{', 'big.json:3: broken JSON at column 1: expected nothing after'),
        ('[1]', 'column 1: expected an object, beginning with "{", but got'),
        ('', 'column 1: expected an object, beginning with "{", but it ends here'),
        ('{"a": "x\n', 'big.json:1: broken JSON at column [79]: (Unterminated|Invalid control)'),
        ('{"a": [1, 2', 'column 12: Expecting'),
        ('{"a": ' + '1' * 5000 + '}', 'column 7: Exceeds the limit'),
        ('{"a": ' + '[' * 100_000, 'column 7: maximum recursion'),
        (b'{"a": "0123456789\xff"}', 'big.json: expected UTF-8 text, but byte 17 is not'),
        (b'{"a": "\xc3', 'byte 7 is not'),
    ],
)
@pytest.mark.parametrize('chunk_bytes', [3, 1000])
def test_fault_is_named_with_its_place(content, message, chunk_bytes):
    with pytest.raises(ValueError, match=message):
        read(content, chunk_bytes)


class Endless:
    """An object without end, whose second value is broken."""

    def __init__(self):
        self.read_bytes = 0

    def read(self, size):
        content = b'{"a": [1, oops' if not self.read_bytes else b', 2'
        self.read_bytes += size
        return content.ljust(size)


def test_broken_value_is_refused_without_reading_on():
    file = Endless()

    with pytest.raises(ValueError, match='column 11: Expecting value'):
        list(stream_object(file, name='big.json', chunk_bytes=100))

    assert file.read_bytes == 100
