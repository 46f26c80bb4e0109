"""Subtitles: from folders and archives, with the errors of files made by hand."""

import contextlib
import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.io.srt import Subtitle, parse_srt, read_srt_files

_SOUND = (
    '1\n00:00:01,500 --> 01:02:03,004\ncrack_eggs\n\n2\n00:00:02.000 --> 00:00:01.000\nstir\nit\n'
)
_ENTRIES = [Subtitle(1500, 3_723_004, 'crack_eggs', 2), Subtitle(2000, 1000, 'stir it', 6)]


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (_SOUND.encode(), 'plain'),
        (b'\xef\xbb\xbf' + _SOUND.encode(), 'a byte order mark'),
        (_SOUND.replace('\n', '\r\n').encode(), 'line ends of Windows'),
        (_SOUND.replace('\n', '\r').encode(), 'line ends of old Macs'),
        (_SOUND.rstrip().encode(), 'no line end after the last line'),
        (_SOUND.replace('\n', ' \n').encode(), 'trailing blanks'),
    ],
)
def test_entries_are_read_however_they_were_saved(content, reason):
    assert parse_srt(content, where='v.srt') == _ENTRIES, reason


def test_blank_lines_may_be_many():
    content = b'\n\n' + _SOUND.replace('\n\n', '\n\n\n\n').encode()

    found = parse_srt(content, where='v.srt')

    assert [entry.text for entry in found] == ['crack_eggs', 'stir it']
    assert [entry.line for entry in found] == [4, 10]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('one\n00:00:01,000 --> 00:00:02,000\nx', r"v.srt:1: expected the number .* got 'one'"),
        ('\n1\n00:00:01 --> 00:00:02\nx', 'v.srt:3: expected "00:00:01,000 --> 00:00:02,500"'),
        ('1\n00:61:01,000 --> 00:00:02,000\nx', 'v.srt:2: expected "00'),
        ('1', 'v.srt:2: .* got nothing'),
        ('1\n00:00:01,000 --> 00:00:02,000\n\n2', 'v.srt:3: entry 1 has no text'),
        ('1\n00:00:01,000 --> 00:00:02,000\n\xff', 'v.srt:3: expected UTF-8'),
        (f'1\n{"9" * 5000}:00:01,000 --> 00:00:02,000\nx', 'v.srt:2: expected "00'),
    ],
)
def test_malformed_entries_are_named_with_their_line(content, message):
    with pytest.raises(ValueError, match=message):
        parse_srt(content.encode('latin1'), where='v.srt')


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=80)
    | st.text('0123456789:,.-> \r\n\ufeffax', max_size=120).map(lambda text: text.encode())
)
def test_any_bytes_give_entries_or_an_error_with_file_and_line(content):
    with contextlib.suppress(ValueError):
        try:
            assert all(entry.start_ms >= 0 for entry in parse_srt(content, where='v.srt'))
        except ValueError as error:
            if not str(error).startswith('v.srt:'):
                raise AssertionError from error
            raise


@pytest.fixture
def archive(tmp_path):
    """Write a packed archive of the files given by name."""

    def write(files, name='a.tar.gz'):
        with tarfile.open(tmp_path / name, 'w:gz') as packed:
            for file, content in files:
                member = tarfile.TarInfo(file)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        return tmp_path / name

    return write


def test_an_archive_is_read_where_it_lies(archive, tmp_path):
    path = archive([('./x/b.srt', _SOUND.encode()), ('./x/-a.srt', b''), ('./x/readme.txt', b'?')])

    assert read_srt_files(path) == {'-a': [], 'b': _ENTRIES}
    assert [file.name for file in tmp_path.iterdir()] == ['a.tar.gz']


def test_an_archive_cannot_write_or_read_outside_of_itself(tmp_path):
    (tmp_path / 'secret.srt').write_text(_SOUND)
    inside = tmp_path / 'inside'
    inside.mkdir()
    with tarfile.open(inside / 'a.tar', 'w') as packed:
        for name in ('../escaped.srt', str(tmp_path / 'absolute.srt'), 'x/../../up.srt'):
            member = tarfile.TarInfo(name)
            member.size = len(_SOUND)
            packed.addfile(member, io.BytesIO(_SOUND.encode()))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo('link.srt')
            link.type, link.linkname = kind, '../secret.srt'
            packed.addfile(link)

    found = read_srt_files(inside / 'a.tar')

    assert sorted(found) == ['absolute', 'escaped', 'up']  # read by name, links left out
    assert sorted(file.name for file in tmp_path.rglob('*')) == ['a.tar', 'inside', 'secret.srt']


def test_a_folder_gives_the_same_as_its_archive(archive, tmp_path):
    (tmp_path / 'srt').mkdir()
    (tmp_path / 'srt' / 'b.srt').write_text(_SOUND)

    assert read_srt_files(tmp_path / 'srt') == read_srt_files(archive([('b.srt', _SOUND.encode())]))


def test_a_file_that_is_there_twice_is_refused(archive):
    with pytest.raises(ValueError, match=r'holds v\.srt twice'):
        read_srt_files(archive([('a/v.srt', b''), ('b/v.srt', b'')]))


def test_errors_name_the_file_in_the_archive(archive):
    with pytest.raises(ValueError, match=r'a\.tar\.gz:x/v\.srt:1: expected the number'):
        read_srt_files(archive([('x/v.srt', b'?')]))


def test_a_damaged_archive_is_named(archive, tmp_path):
    whole = archive([('v.srt', _SOUND.encode() * 500)]).read_bytes()
    damaged = tmp_path / 'damaged.tar.gz'
    for content in (b'', b'no archive', whole[: len(whole) // 2], whole[:40] + b'\0' * 40):
        damaged.write_bytes(content)
        with pytest.raises(ValueError, match=r'damaged\.tar\.gz is a damaged archive or none'):
            read_srt_files(damaged)


_ONE = b'1\n00:00:00,000 --> 00:00:09,000\nstir_it'


def test_what_is_too_large_is_not_read(archive, monkeypatch):
    path = archive([('v.srt', _ONE), ('other.bin', b'x' * 200)])
    monkeypatch.setattr('stgr.io.srt.MAX_FILE_BYTES', 38)
    with pytest.raises(ValueError, match=r'v\.srt holds 39 bytes; subtitles have at most 38'):
        read_srt_files(path)
    monkeypatch.setattr('stgr.io.srt.MAX_FILE_BYTES', 39)
    monkeypatch.setattr('stgr.io.srt.MAX_ARCHIVE_BYTES', 100)
    with pytest.raises(ValueError, match=r'a\.tar\.gz holds 239 bytes; .* at most 100'):
        read_srt_files(path)


def test_nothing_to_read_is_an_error(archive, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'holds no \.srt file'):
        read_srt_files(archive([('v.txt', b'')]))
    with pytest.raises(FileNotFoundError, match='no folder or archive'):
        read_srt_files(tmp_path / 'nowhere')


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_of_an_archive_is_named(archive, tmp_path, data):
    content = bytearray(archive([('v.srt', _SOUND.encode())]).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / 'damaged.tar.gz'
    damaged.write_bytes(bytes(content))
    with contextlib.suppress(ValueError, FileNotFoundError):
        try:
            read_srt_files(damaged)
        except (ValueError, FileNotFoundError) as error:
            if 'damaged.tar.gz' not in str(error):
                raise AssertionError from error
            raise
