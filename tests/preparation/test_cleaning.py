"""From cues to captions: rolling lines, tags, overlaps, lengths; everything left out is counted."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgr.io.captions import Caption
from stgr.preparation import CaptionLimits, Cue, Subtitles, Word, clean_cues, clean_text
from stgr.preparation.rolling import drop_rolling_lines
from stgr.preparation.splitting import split_cue
from stgr.preparation.webvtt import read_webvtt

# As YouTube writes them: each line while it is spoken, alone for 10 ms, then above the next one.
# A line of one blank is written as ~.
ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.230 align:start position:0%
~
today<00:00:00.480><c> we</c><00:00:00.640><c> crack</c>

00:00:02.230 --> 00:00:02.240 align:start position:0%
today we crack
~

00:00:02.240 --> 00:00:04.000 align:start position:0%
today we crack
an<00:00:02.500><c> egg</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
an egg
~
""".replace('~', ' ')
TEXTS = [
    ('Crack an egg', 'Crack an egg', 'as it is'),
    ('<i>Crack</i> <font color="#fff">an</font> egg', 'Crack an egg', 'HTML'),
    ('{\\an8}{\\pos(1,2)}Crack it', 'Crack it', 'positions'),
    ('Crack\nan egg', 'Crack an egg', 'lines'),
    ('[Music] crack it [Applause]', 'crack it', 'sounds'),
    ('[Music]', '', 'nothing but a sound'),
    ('(soft music playing)', '', 'a sound in parentheses'),
    ('crack it (gently)', 'crack it (gently)', 'a remark'),
    ('crack it (LAUGHS)', 'crack it', 'a sound in capitals'),
    ('bake at 350°F (175 °C)', 'bake at 350°F (175 °C)', 'a measure in parentheses'),
    ('add a cup (½)', 'add a cup (½)', 'a fraction in parentheses'),
    ('♪ la la la ♪', '', 'a song'),
    ('# la la la', '', 'a song, as some write it'),
    ('#1 is the salt', '#1 is the salt', 'a number'),
    ('>> ANN: crack it', 'crack it', 'a speaker'),
    ('- Crack it.\n- Why?', 'Crack it. Why?', 'two speakers'),
    ('Speaker 2: whisk it', 'whisk it', 'a numbered speaker'),
    ('Note: whisk it', 'Note: whisk it', 'no speaker'),
    ('2:30 is enough', '2:30 is enough', 'a time of day'),
    ('salt &amp; pepper&nbsp;please', 'salt & pepper please', 'entities'),
    ('cr\u200back it\ufeff', 'crack it', 'invisible characters'),
    ('damn this egg', 'damn this egg', 'profanity is left alone'),
    ('a < b and b > a', 'a < b and b > a', 'no markup'),
]


@pytest.mark.parametrize(('text', 'cleaned', 'reason'), TEXTS)
def test_cleaned_text(text, cleaned, reason):
    assert clean_text(text) == cleaned, reason


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_cleaned_text_is_one_trimmed_line(text):
    cleaned = clean_text(text)

    assert cleaned == ' '.join(cleaned.split())


def _captions(cues, duration_sec=100.0, **limits):
    captions, counts = clean_cues(cues, duration_sec, CaptionLimits(**limits))
    return [(c.start_sec, c.end_sec, c.text) for c in captions], dict(counts)


def test_rolling_captions_say_everything_once():
    found = read_webvtt(ROLLING, where='egg.vtt')

    captions, counts = _captions(found.cues)

    assert captions == [(0.16, 2.23, 'today we crack'), (2.24, 4.0, 'an egg')]
    assert counts == {'rolling lines taken out': 3}


def test_a_line_that_stays_through_a_pause_is_said_once():
    after = 'crack it\nwhisk<00:00:05.500><c> it</c>\n\n'
    vtt = f'WEBVTT\n\n00:00.000 --> 00:01.000\ncrack it\n\n00:05.000 --> 00:06.000\n{after}'

    captions, counts = _captions(read_webvtt(vtt, where='egg.vtt').cues)

    assert captions == [(0, 1, 'crack it'), (5, 6, 'whisk it')]
    assert counts == {'rolling lines taken out': 1}


def test_words_said_again_later_are_no_rolling_line():
    cues = [Cue(0, 1, 'stir it'), Cue(5, 6, 'stir it\nagain')]

    assert drop_rolling_lines(cues) == (cues, 0)


ROWS = {
    'reversed': ([Cue(5, 4, 'crack the egg')], [], {'ends before it begins': 1}),
    'before the video': ([Cue(-3, -1, 'crack the egg')], [], {'ends before it begins': 1}),
    'past the end': ([Cue(100, 101, 'crack the egg')], [], {'past the end of the video': 1}),
    'over the end': (
        [Cue(99, 101, 'crack the egg')],
        [(99, 100, 'crack the egg')],
        {'cut at the end of the video': 1},
    ),
    'out of order': (
        [Cue(3, 4, 'whisk it well'), Cue(1, 2, 'crack the egg')],
        [(1, 2, 'crack the egg'), (3, 4, 'whisk it well')],
        {},
    ),
    'overlap': (
        [Cue(1, 4, 'crack the egg'), Cue(3, 5, 'whisk it well')],
        [(1, 3, 'crack the egg'), (3, 5, 'whisk it well')],
        {'overlapping, cut': 1},
    ),
    'shown at once': (
        [Cue(1, 4, 'crack the egg'), Cue(1, 5, 'whisk it')],
        [(1, 5, 'crack the egg whisk it')],
        {'shown at once, joined': 1},
    ),
    'the same again': (
        [Cue(1, 2, 'crack the egg'), Cue(3, 4, 'crack the egg')],
        [(1, 4, 'crack the egg')],
        {'repeated': 1},
    ),
    'the same much later': (
        [Cue(1, 2, 'crack the egg'), Cue(4.5, 5, 'crack the egg')],
        [(1, 2, 'crack the egg'), (4.5, 5, 'crack the egg')],
        {},
    ),
    'one word': ([Cue(1, 2, 'okay')], [], {'too few words': 1}),
    'a flicker': ([Cue(1, 1.1, 'crack the egg')], [], {'too short': 1}),
    'a sound': ([Cue(1, 2, '[Music]')], [], {'nothing said': 1}),
    'shown for long': ([Cue(1, 60, 'the end')], [(1, 17, 'the end')], {}),
    'nothing': ([], [], {}),
}


@pytest.mark.parametrize('name', ROWS)
def test_cues_become_captions_and_the_rest_is_counted(name):
    cues, captions, counts = ROWS[name]

    assert _captions(cues) == (captions, counts)


def test_a_long_cue_is_cut_where_a_sentence_ends():
    cue = Cue(0, 10, 'Crack the egg now. Then whisk it well.')  # 19 letters of 39 come before

    captions, counts = _captions([cue], max_words=6)

    assert captions == [(0, 4.872, 'Crack the egg now.'), (4.872, 10, 'Then whisk it well.')]
    assert counts == {'long ones split': 1}


def test_times_of_words_place_the_cut_and_leave_the_pause_out():
    words = tuple(
        Word(start, start + 0.5, text)
        for start, text in [(0, 'crack'), (1, 'it,'), (7, 'whisk'), (8, 'it')]
    )

    captions, _ = _captions([Cue(0, 8.5, 'crack it, whisk it', words)], max_words=3)

    assert captions == [(0, 1.5, 'crack it,'), (7, 8.5, 'whisk it')]


def test_words_that_cleaning_took_out_leave_the_times_of_the_others():
    words = (Word(0, 1, '[Music]'), Word(2, 3, 'crack'), Word(4, 5, 'eggs'), Word(6, 7, 'well'))

    captions, _ = _captions([Cue(0, 7, '[Music] crack eggs well', words)], max_words=2, min_words=1)

    assert captions == [(0, 3, 'crack'), (4, 7, 'eggs well')]


TOKENS = st.text(st.characters(categories=['L', 'P']), min_size=1, max_size=8)


@settings(max_examples=50)
@given(
    words=st.lists(TOKENS, min_size=1, max_size=60),
    length_sec=st.floats(0.5, 200),
    max_words=st.integers(1, 12),
)
def test_pieces_keep_every_word_in_order_within_the_limits(words, length_sec, max_words):
    cue = Cue(3.0, 3.0 + length_sec, ' '.join(words))

    pieces = split_cue(cue, max_words=max_words, max_sec=16)

    assert ' '.join(piece.text for piece in pieces).split() == cue.text.split()
    assert all(len(piece.text.split()) <= max_words for piece in pieces)
    assert all(0 < piece.end_sec - piece.start_sec <= 16 + 1e-9 for piece in pieces)
    assert all(a.end_sec <= b.start_sec for a, b in pairwise(pieces))


TIMES = st.floats(-5, 120)


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            lambda start, end, texts, times: Cue(
                start, end, ' '.join(texts),
                tuple(Word(t, t + 1, x) for x, t in zip(texts, times, strict=False)),
            ),
            TIMES, TIMES, st.lists(TOKENS, max_size=8), st.lists(TIMES, max_size=8),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_captions_follow_each_other_inside_the_video_whatever_the_file_says(cues):
    captions, _ = clean_cues(cues, 100.0, CaptionLimits(max_words=3))

    for caption in captions:
        assert 0 <= caption.start_sec < caption.end_sec <= 100
        assert 2 <= len(caption.text.split()) <= 3
        assert isinstance(caption, Caption)
    starts = [caption.start_sec for caption in captions]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    'limits', [{'min_words': 0}, {'min_words': 5, 'max_words': 4}, {'max_sec': 0.0}]
)
def test_limits_that_nothing_fits_are_refused(limits):
    with pytest.raises(ValueError, match='captions need'):
        CaptionLimits(**limits)


def test_subtitles_without_counts_are_empty():
    assert Subtitles(()).skipped == {}
