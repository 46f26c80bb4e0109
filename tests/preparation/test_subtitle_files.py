"""Subtitles of every format, redone by hand; and files that are broken, huge or hostile."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgr.preparation import Cue, Word, find_subtitles, read_subtitles
from stgr.preparation.subtitle_files import MAX_FILE_BYTES, SUFFIXES

SRT = """1
00:00:01,000 --> 00:00:02,500
Crack the egg
into a <i>bowl</i>

2
00:01:00,040 --> 00:00:59,000
whisk it
"""
VTT = """WEBVTT
Kind: captions

NOTE made by hand
00:00:09.000 is no cue

STYLE
::cue { color: red }

intro
01:02.500 --> 01:00:04.000 align:start position:0%
Crack <c.yellow>the</c> egg

00:00:05.000 -> 00:00:06.000
an arrow too short

00:00:07.000 --> 00:00:08.0
two digits too few
"""
ASS = """[Script Info]
Title: eggs

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,ANN,0,0,0,,{\\pos(10,20)}Crack it,\\Nslowly
Comment: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,not shown
"""
YOUTUBE = {
    'events': [
        {'tStartMs': 0, 'dDurationMs': 9000, 'id': 1},
        {
            'tStartMs': 160,
            'dDurationMs': 2000,
            'segs': [
                {'utf8': 'crack'},
                {'utf8': ' an', 'tOffsetMs': 320},
                {'utf8': ' egg', 'tOffsetMs': 840},
            ],
        },
        {'tStartMs': 2160, 'dDurationMs': 10, 'aAppend': 1, 'segs': [{'utf8': '\n'}]},
        {'tStartMs': 'soon', 'segs': [{'utf8': 'broken'}]},
    ]
}  # fmt: skip
WHISPER = {
    'text': 'Crack an egg.',
    'segments': [
        {
            'start': 0.5, 'end': 1.5, 'text': ' Crack it.',
            'words': [
                {'word': ' Crack', 'start': 0.5, 'end': 0.9},
                {'word': ' it.', 'start': 1.0, 'end': 1.5},
            ],
        },
        {'start': 2.0, 'end': float('nan'), 'text': 'no time'},
        {'start': 3, 'end': 4, 'text': 'Whisk it'},
    ],
}  # fmt: skip
WHISPER_CPP = {'transcription': [{'offsets': {'from': 250, 'to': 1250}, 'text': ' Crack it'}]}
FILES = {
    'srt': (
        SRT, [Cue(1, 2.5, 'Crack the egg\ninto a <i>bowl</i>'), Cue(60.04, 59, 'whisk it')], {}
    ),
    'vtt': (VTT, [Cue(62.5, 3604, 'Crack the egg')], {'unreadable times': 1}),
    'ass': (ASS, [Cue(1, 2.5, 'Crack it,\nslowly')], {}),
    'json3': (
        json.dumps(YOUTUBE),
        [
            Cue(
                0.16, 2.16, 'crack an egg',
                (Word(0.16, 0.48, 'crack'), Word(0.48, 1.0, 'an'), Word(1.0, 2.16, 'egg')),
            )
        ],
        {'unreadable entries': 1},
    ),
    'json': (
        json.dumps(WHISPER),
        [
            Cue(0.5, 1.5, ' Crack it.', (Word(0.5, 0.9, 'Crack'), Word(1.0, 1.5, 'it.'))),
            Cue(3, 4, 'Whisk it'),
        ],
        {'unreadable entries': 1},
    ),
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def writer(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


@pytest.mark.parametrize('suffix', FILES)
def test_cues_of_each_format_are_those_read_by_hand(write, suffix):
    content, cues, skipped = FILES[suffix]

    found = read_subtitles(write(f'egg.{suffix}', content))

    assert list(found.cues) == cues
    assert dict(found.skipped) == skipped
    assert found.notes == ()


def test_whisper_cpp_counts_milliseconds(write):
    found = read_subtitles(write('egg.json', json.dumps(WHISPER_CPP)))

    assert found.cues == (Cue(0.25, 1.25, ' Crack it'),)


def test_words_of_whisper_timestamped_are_called_text(write):
    words = [{'text': 'Crack', 'start': 0.5, 'end': 1.0}, {'text': 'it.', 'start': 1.0, 'end': 1.5}]
    segment = {'start': 0.5, 'end': 1.5, 'text': ' Crack it.', 'words': words}

    found = read_subtitles(write('egg.json', json.dumps({'segments': [segment]})))

    assert found.cues == (
        Cue(0.5, 1.5, ' Crack it.', (Word(0.5, 1.0, 'Crack'), Word(1.0, 1.5, 'it.'))),
    )


def test_the_content_counts_more_than_the_suffix(write):
    assert read_subtitles(write('egg.srt', VTT)).cues == tuple(FILES['vtt'][1])
    assert read_subtitles(write('soup.srt', ASS)).cues == tuple(FILES['ass'][1])


SUBSTATION = {
    'place and slant': (r'{\pos(320,40)}Crack {\i1}an{\i0} egg\Ninto it', 'Crack an egg\ninto it'),
    'karaoke': (r'{\k20}whi{\k30}sk {\kf40}it', 'whisk it'),
    'comment': ('fry{or poach?} the fish', 'fry the fish'),
    'hard blank': (r'chop\hit', 'chop it'),
    'drawing': (r'{\p1}m 0 0 l 100 0{\p0}slice{\pos(1,2)} it', 'slice it'),
    'drawing to the end': (r'whisk {\an8\p2\pbo3}m 0 0 l 9 9', 'whisk '),
    'long outline': (r'{\clip(' + 'm 0 0 ' * 200 + ')}fry it', 'fry it'),
}


@pytest.mark.parametrize('name', SUBSTATION)
def test_of_substation_only_what_a_player_shows_is_read(name, write):
    text, shown = SUBSTATION[name]
    event = f'Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{text}\n'

    assert read_subtitles(write('egg.ass', ASS + event)).cues[-1].text == shown


def test_times_between_words_of_vtt_are_those_of_the_words(write):
    vtt = (
        'WEBVTT\n\n00:00:00.160 --> 00:00:02.230 align:start\n \n'
        'today<00:00:00.480><c> we</c><00:00:01.640><c> crack</c>\n\n'
    )

    (cue,) = read_subtitles(write('egg.vtt', vtt)).cues

    assert cue.text.split() == ['today', 'we', 'crack']
    assert cue.words == (
        Word(0.16, 0.48, 'today'), Word(0.48, 1.64, 'we'), Word(1.64, 2.23, 'crack'),
    )  # fmt: skip


ENCODINGS = {
    'utf-8': (b'', 'utf-8', ()),
    'utf-8 with a mark': (b'', 'utf-8-sig', ()),
    'utf-16': (b'', 'utf-16', ()),
    'utf-16 big endian': (b'\xfe\xff', 'utf-16-be', ()),
    'windows': (b'', 'cp1252', ('egg.srt: no UTF-8, read as Windows-1252',)),
}


@pytest.mark.parametrize('name', ENCODINGS)
def test_encodings_are_recognised_and_a_guess_is_said(write, name):
    mark, encoding, notes = ENCODINGS[name]
    text = '1\r\n00:00:01,000 --> 00:00:02,000\r\ncrème brûlée\r\n'

    found = read_subtitles(write('egg.srt', mark + text.encode(encoding)))

    assert found.cues == (Cue(1, 2, 'crème brûlée'),)
    assert found.notes == notes


BROKEN = {
    'empty': ('egg.srt', b'', 'no subtitle'),
    'utf-16 without a mark': ('egg.srt', SRT.encode('utf-16-le'), 'save it as UTF-8'),
    'a picture': ('egg.srt', b'\xff\xd8\xff\xe0\0\0\0\0', 'zero bytes'),
    'neither encoding': ('egg.srt', b'\xff\x81 text', 'save it as UTF-8'),
    'cut in the middle of a UTF-16 letter': ('egg.srt', 'ab'.encode('utf-16')[:-1], 'utf-16'),
    'no times': ('egg.srt', b'crack an egg\n', 'no subtitle'),
    'VTT without its first line': ('egg.vtt', b'00:01.000 --> 00:02.000\nx\n', 'WEBVTT'),
    'cut JSON': ('egg.json3', b'{"events": [', 'broken JSON'),
    'JSON that is nested too deep': ('egg.json', b'[' * 100_000, 'broken JSON'),
    'JSON of something else': ('egg.json', b'{"eggs": 3}', 'found neither'),
    'JSON of a number': ('egg.json', b'3', 'found neither'),
    'huge': ('egg.srt', b'\n' * (MAX_FILE_BYTES + 1), 'at most'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_a_broken_file_is_named_with_the_reason_on_one_line(write, name):
    file_name, content, reason = BROKEN[name]

    with pytest.raises(ValueError, match=reason) as caught:
        read_subtitles(write(file_name, content))

    assert file_name in str(caught.value)


@pytest.mark.parametrize(
    'content',
    [
        '1\n00:00:01,000 --> 00:00:02,000\n' + '<a' * 200_000,
        '1\n00:00:01,000 --> 00:00:02,000\n' + '\n' * 400_000 + '<b>',
        '1\n00:00:01,000 --> 00:00:02,000\n' + '{' * 400_000,
        '1\n00:00:01,000 --> 00:00:02,000\n' + '[' * 400_000,
    ],
)
def test_hostile_text_costs_no_more_than_its_length(write, content):
    from stgr.preparation import clean_text

    for cue in read_subtitles(write('egg.srt', content)).cues:  # hours, if a pattern were quadratic
        clean_text(cue.text)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from(SUFFIXES),
    start=st.sampled_from([b'', b'WEBVTT\n\n', b'[Events]\n', b'{"events": [', b'{"segments": [']),
    content=st.binary(max_size=300)
    | st.text(st.characters(codec='utf-8'), max_size=200).map(str.encode),
)  # fmt: skip
def test_any_bytes_are_cues_or_a_named_error(tmp_path, suffix, start, content):
    path = tmp_path / f'egg{suffix}'
    path.write_bytes(start + content)

    try:
        found = read_subtitles(path)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found.cues


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.sampled_from(['events', 'segments', 'transcription']),
    entries=st.lists(
        st.dictionaries(
            st.sampled_from(
                ['tStartMs', 'dDurationMs', 'segs', 'start', 'end', 'text', 'words', 'offsets']
            ),
            JSON_VALUES,
        ),
        max_size=4,
    ),
)  # fmt: skip
def test_any_json_is_cues_or_a_named_error(tmp_path, key, entries):
    path = tmp_path / 'egg.json'
    path.write_text(json.dumps({key: entries}))

    try:
        found = read_subtitles(path)
    except ValueError as error:
        assert path.name in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(cue.text, str) for cue in found.cues)


def _chosen(names, language=None):
    found = find_subtitles(Path('egg.mp4'), map(Path, names), language)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ('names', 'language', 'chosen', 'reason'),
    [
        (['egg.vtt', 'egg.srt'], None, 'egg.srt', 'made by people'),
        (['egg.vtt', 'egg.json3'], None, 'egg.json3', 'times of words in every line'),
        (['egg.de.srt', 'egg.en.vtt'], None, 'egg.en.vtt', 'English before others'),
        (['egg.en.srt', 'egg.vtt'], None, 'egg.vtt', 'that of the video itself'),
        (['egg.srt', 'egg.en-US.vtt'], 'en', 'egg.en-US.vtt', 'the language asked for'),
        (['egg.de.srt'], 'en', None, 'another language'),
        (['egg.ger.srt', 'egg.eng.srt'], 'en', 'egg.eng.srt', 'three letters'),
        (['egg.vtt', 'egg.en.srt'], 'ENG', 'egg.en.srt', 'however it is asked for'),
        (['egg.info.json', 'eggs.srt', 'egg.txt'], None, None, 'not subtitles of this video'),
        (['EGG.srt'], None, None, 'another name'),
        (['egg.de.srt', 'egg.mp4.srt'], 'en', 'egg.mp4.srt', 'the whole name of the video'),
        (['egg.mkv.srt', 'egg.mp4.en.srt'], 'en', None, 'of another file'),
        ([], None, None, 'nothing there'),
    ],
)
def test_the_best_subtitles_beside_a_video_are_taken(names, language, chosen, reason):
    assert _chosen(names, language) == chosen, reason
    assert _chosen(names[::-1], language) == chosen, reason


def test_missing_pysubs2_is_a_command(write, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'pysubs2', None)

    with pytest.raises(ImportError, match=r"pip install 'stgr\[prepare\]'"):
        read_subtitles(write('egg.srt', SRT))
