"""The reader of pickles: plain data comes back, everything else is refused and nothing is run."""

import contextlib
import os
import pickle
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.io.restricted_pickle import read_pickle

PROTOCOLS = range(6)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / 'data.pkl'
        path.write_bytes(content)
        return path

    return write


_ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
_HASHABLE = st.recursive(
    _ATOMS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
_PLAIN = st.recursive(
    _HASHABLE | st.sets(_HASHABLE, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_HASHABLE, inner, max_size=3),
    max_leaves=6,
)
_FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _read_or_refuse(path, **options):
    """Read a file that may be anything: the one error allowed names it."""
    with contextlib.suppress(_RefusedError):
        try:
            read_pickle(path, **options)
        except ValueError as error:
            raise (_RefusedError if path.name in str(error) else AssertionError)(error) from error


class _RefusedError(Exception):
    pass


@_FUZZ
@given(_PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_data_comes_back_as_it_was(write, data, protocol):
    assert read_pickle(write(pickle.dumps(data, protocol))) == data


@_FUZZ
@given(st.binary(max_size=300), st.booleans())
def test_garbage_gives_data_or_an_error_that_names_the_file(write, content, arrays):
    _read_or_refuse(write(content), arrays=arrays)


_SAMPLE = {
    'boxes': {(1, 2.5, 3): ['a', {'b'}]},
    'arrays': [np.arange(6.0).reshape(2, 3), np.float32(2)],
}


@_FUZZ
@given(st.sampled_from(PROTOCOLS), st.data())
def test_damaged_pickles_give_data_or_an_error_that_names_the_file(write, protocol, data):
    content = bytearray(pickle.dumps(_SAMPLE, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(write(bytes(content)), encoding='latin1', arrays=True)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_every_truncation_is_an_error(write, protocol):
    content = pickle.dumps({'v': {1: (1.5, 2, 3, 4)}, 's': {('v', 1, 2)}}, protocol)

    for length in range(len(content)):
        with pytest.raises(ValueError, match=r'data\.pkl .* is a damaged pickle or none'):
            read_pickle(write(content[:length]))


class _Calls:
    """Pickled as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def _marker(path):
    return f'open({str(path)!r}, "w").close()'


@pytest.mark.parametrize('arrays', [False, True])
@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_nothing_in_a_pickle_is_run(write, tmp_path, protocol, arrays):
    marker = tmp_path / 'was_run'
    attacks = {
        'system': _Calls(os.system, f'touch {marker}'),
        'eval': _Calls(eval, _marker(marker)),
        'exec': _Calls(exec, _marker(marker)),
        '__import__': _Calls(__import__, 'os'),
        'open': _Calls(open, str(marker), 'w'),
        'bytearray': _Calls(bytearray, 1 << 40),
        'Popen': _Calls(subprocess.Popen, ['touch', str(marker)]),
    }
    for name, attack in attacks.items():
        for data in (attack, [1, {'k': attack}], {'set': {1}, 'x': (attack,)}):
            with pytest.raises(ValueError, match=rf'data\.pkl asks for \w+\.{name}; only'):
                read_pickle(write(pickle.dumps(data, protocol)), arrays=arrays)
    assert not marker.exists()


@pytest.mark.parametrize(
    ('content', 'name'),
    [
        (b"cos\nsystem\n(S'true'\ntR.", 'os.system'),
        (b"(S'true'\nios\nsystem\n.", 'os.system'),
        (b"(cos\nsystem\nS'true'\no.", 'os.system'),
        (b"c__builtin__\neval\n(S'1'\ntR.", '__builtin__.eval'),
        (b'cbuiltins\ngetattr\n(cbuiltins\nset\nV__class__\ntR.', 'builtins.getattr'),
        (b'\x80\x04\x8c\x08builtins\x8c\x0bset.__new__\x93.', 'builtins.set.__new__'),
        (b'\x80\x04\x8c\x08builtins\x8c\x03int\x93.', 'builtins.int'),
        (b'ccopyreg\n_reconstructor\n.', 'copyreg._reconstructor'),
        (b'cnumpy\nload\n.', 'numpy.load'),
        (b'cnumpy.core.multiarray\nfromfile\n.', 'numpy.core.multiarray.fromfile'),
        (b'Pid\n.', "persistent object 'id'"),
        (b'\x80\x02\x82\x01.', 'registry of extensions'),
    ],
)
def test_every_way_to_name_a_global_is_refused(write, content, name):
    for arrays in (False, True):
        with pytest.raises(ValueError, match=r'data\.pkl') as caught:
            read_pickle(write(content), arrays=arrays)
        assert name in str(caught.value)


def test_a_pickle_cannot_change_the_makers(write):
    """BUILD with a pair sets attributes; on a set's maker it would last for the next file."""
    change = b'\x80\x02cbuiltins\nset\nN}X\x01\x00\x00\x00aK\x01s\x86b.'

    with pytest.raises(ValueError, match='may not set a'):
        read_pickle(write(change))
    assert read_pickle(write(b'\x80\x02cbuiltins\nset\n](K\x01K\x02e\x85R.')) == {1, 2}


def _in_little_memory(path):
    """Read a file in a process that may use 2 GiB; return what it prints."""
    code = (
        'import sys; from stgr.io.restricted_pickle import read_pickle\n'
        'try:\n    read_pickle(sys.argv[1], arrays=True)\n'
        'except ValueError as error:\n    print(error)\n'
        # not getrusage, whose maximum a child inherits from the process that started it
        'peak = [l for l in open("/proc/self/status") if l.startswith("VmHWM")]\n'
        'assert int(peak[0].split()[1]) < 200_000, peak\n'
    )
    return subprocess.run(
        [sys.executable, '-c', code, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31)),
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def _array_state(shape, content, code=b'f8', order=b'<'):
    """A pickle of an array with this state, in protocol 2."""

    def text(value):
        return b'X' + struct.pack('<I', len(value)) + value

    sides = b'(' + b''.join(b'\x8a\x08' + struct.pack('<q', side) for side in shape) + b't'
    return (
        b'\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R'
        b'(K\x01' + sides + b'cnumpy\ndtype\n' + text(code) + b'\x85R(K\x03' + text(order) + b'NNNJ'
        b'\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89B' + struct.pack('<I', len(content)) + content
        + b'tb.'
    )  # fmt: skip


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x80\x02Nr\xff\xff\xff\x07.', 'memo entry 134217727'),
        (b'\x80\x02}(' + b')' + b'\x85' * 1_000_000 + b'Nu.', 'nested more than 1000 deep'),
        (
            b'\x80\x02)' + b'q\x00\x85' * 2_000 + b'q\x01}h\x01Ns.',
            'nested more than 1000 deep',
        ),
        (b'\x80\x02})' + b'2\x86' * 34 + b'Ns.', 'repeat their parts without end'),
        (
            b'\x80\x02cbuiltins\nset\nq\x00](' + b'K\x01' * 90_000 + b'eq\x01'
            + b'h\x00h\x01\x85R' * 30_000 + b'.',
            'copies more than it holds',
        ),
        (b'\x80\x04\x8e' + struct.pack('<Q', 1 << 40) + b'.', 'expected 1099511627776 bytes'),
        (_array_state((1 << 40,), b'\0' * 8), '8 bytes do not fill an array'),
        (_array_state((1 << 32, 1 << 32), b''), '0 bytes do not fill an array'),
        (_array_state((1 << 40,), b'', b'S0', b'|'), 'things without size'),
        (_array_state((-1,), b''), '0 bytes do not fill an array'),
        (_array_state((1,), b'\0' * 8, b'O8', b'|'), 'not plain numbers or text'),
        (_array_state((1,), b'\0' * 8, b'V8', b'|'), 'not plain numbers or text'),
        (_array_state((1,), b'\0' * 8, b'f8,f8'), 'not plain numbers or text'),
    ],
    ids=lambda given: given if isinstance(given, str) else 'bytes',
)  # fmt: skip
def test_bombs_are_refused_in_little_memory(write, content, message):
    assert message in _in_little_memory(write(content))


def test_a_sound_array_is_what_the_bombs_are_made_from(write):
    content = _array_state((1, 2), struct.pack('<2d', 1.5, 2.5))

    assert read_pickle(write(content), arrays=True).tolist() == [[1.5, 2.5]]


def test_a_file_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr('stgr.io.restricted_pickle.MAX_BYTES', 10)

    with pytest.raises(ValueError, match='has 11 bytes; pickles of annotations have at most 10'):
        read_pickle(write(b'x' * 11))


_ARRAYS = {
    'floats': np.array([[0.1, 0.2, 0.9, 1.0]]),
    'column_major': np.asfortranarray(np.arange(6).reshape(2, 3)),
    'big_endian': np.array([1, -2], '>i2'),
    'empty': np.zeros((0, 4)),
    'single': np.array(3, 'u1'),
    'flags': np.array([True, False]),
    'texts': np.array(['Drinking', 'é']),
    'bytes': np.array([b'ab', b'\xff']),
    'scalar': np.float32(2.5),
    'flag': np.bool_(True),
    'text': np.str_('é'),
}


@pytest.mark.parametrize('protocol', range(5))
@pytest.mark.parametrize('name', _ARRAYS)
def test_arrays_come_back_where_they_are_allowed(write, name, protocol):
    path = write(pickle.dumps({name: _ARRAYS[name]}, protocol))

    found = read_pickle(path, arrays=True)[name]

    np.testing.assert_array_equal(found, _ARRAYS[name])
    assert found.dtype == _ARRAYS[name].dtype.newbyteorder('=')
    with pytest.raises(ValueError, match=r'asks for (numpy|_codecs).*arrays=True would allow it'):
        read_pickle(path)


def test_arrays_of_objects_are_refused(write):
    content = pickle.dumps(np.array([{'a': 1}], dtype=object))

    with pytest.raises(ValueError, match=r"arrays of type 'O8' are not plain"):
        read_pickle(write(content), arrays=True)


# What Python 2.7 and NumPy 1.x write (protocol 2) for {'café': array([[0.5, -1.]])}: bytes as str.
_PYTHON_2 = (
    b'\x80\x02}q\x00U\x04caf\xe9q\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n'
    b'q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x05U\x02f8K\x00K\x01\x87'
    b'Rq\x06(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10'
    + struct.pack('<2d', 0.5, -1)
    + b'tbs.'
)


def test_a_pickle_of_python_2_needs_latin1(write):
    path = write(_PYTHON_2)

    assert read_pickle(path, encoding='latin1', arrays=True)['café'].tolist() == [[0.5, -1]]
    with pytest.raises(ValueError, match="not ascii; give encoding='latin1'"):
        read_pickle(path, arrays=True)


def test_the_module_that_python_2_called_builtin_is_known(write):
    assert read_pickle(write(b'c__builtin__\nset\n((lI1\naI2\natR.')) == {1, 2}


def test_what_follows_the_end_is_named(write):
    with pytest.raises(ValueError, match='3 bytes follow its end'):
        read_pickle(write(pickle.dumps({1}) + b'abc'))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no pickle .*nothing\.pkl'):
        read_pickle(tmp_path / 'nothing.pkl')
