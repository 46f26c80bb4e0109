"""Timecode of film and television, by hand and against every frame of some minutes."""

import pytest

from stgr.io.formats.timecode import from_timecode, known_rate, to_timecode

NTSC = 30000 / 1001


@pytest.mark.parametrize(
    ('frame', 'fps', 'text'),
    [
        (0, 25.0, '00:00:00:00'),
        (3600 * 25 + 24, 25.0, '01:00:00:24'),
        (1799, NTSC, '00:00:59;29'),
        (1800, NTSC, '00:01:00;02'),  # numbers 00 and 01 of the minute are dropped
        (17982, NTSC, '00:10:00;00'),  # but not of the tenth: 10 minutes are 17,982 frames
        (107892, NTSC, '01:00:00;00'),  # an hour of 29.97 frames per second, to 3.6 ms
        (3600, 60000 / 1001, '00:01:00;04'),
        (1440, 24000 / 1001, '00:01:00:00'),  # nothing is dropped at 23.976
    ],
)
def test_timecodes_by_hand(frame, fps, text):
    assert to_timecode(frame, fps) == text
    assert from_timecode(text, fps, drop=';' in text) == frame


@pytest.mark.parametrize('fps', [25.0, NTSC, 60000 / 1001])
def test_every_frame_has_its_own_timecode_and_they_ascend(fps):
    codes = [to_timecode(frame, fps) for frame in range(round(fps * 60 * 11))]

    assert codes == sorted(set(codes))
    drop = ';' in codes[0]
    assert [from_timecode(code, fps, drop=drop) for code in codes[::97]] == [
        *range(0, len(codes), 97)
    ]


def test_the_nearest_rate_is_exact():
    assert known_rate(29.9700003) == NTSC
    assert known_rate(25.004) == 25
    with pytest.raises(ValueError, match=r'not 15; give the rate of your project with --fps'):
        known_rate(15.0)


@pytest.mark.parametrize('text', ['1:2:3', '00:00:00:25', '00:00:61:00', 'aa:bb:cc:dd'])
def test_what_is_no_timecode_is_refused(text):
    with pytest.raises(ValueError, match='timecode'):
        from_timecode(text, 25.0, drop=False)
