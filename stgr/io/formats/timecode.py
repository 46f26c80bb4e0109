"""SMPTE timecode: hours, minutes, seconds and frames of a counted rate.

Rates of 1000/1001 are counted as the next whole number. At 29.97 and 59.94 the first 2 (4) numbers
of every minute but each tenth are dropped, so the clock keeps up with time (drop-frame); at 23.976
nothing is dropped.
"""

RATES = (23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0)
_EXACT = {23.976: 24000 / 1001, 29.97: 30000 / 1001, 59.94: 60000 / 1001}


def known_rate(fps: float) -> float:
    """Return the exact rate next to ``fps``.

    Raises:
        ValueError: If no rate of film and television is within 0.01 of it.
    """
    near = min(RATES, key=lambda rate: abs(rate - fps))
    if abs(near - fps) > 0.01:
        raise ValueError(
            f'timecode counts {", ".join(f"{rate:g}" for rate in RATES)} frames per second, not '
            f'{fps:g}; give the rate of your project with --fps'
        )
    return _EXACT.get(near, near)


def drops_frames(fps: float) -> bool:
    """Return whether a rate is counted with drop-frame timecode."""
    return round(fps, 2) in (29.97, 59.94)


def to_timecode(frame: int, fps: float) -> str:
    """Return the timecode of a frame counted from 0, with ``;`` where numbers are dropped.

    >>> to_timecode(90, 25.0), to_timecode(1800, 30000 / 1001)
    ('00:00:03:15', '00:01:00;02')
    """
    counted, drop = round(fps), drops_frames(fps)
    if drop:
        dropped = counted // 15
        per_minute, per_ten = counted * 60 - dropped, counted * 600 - 9 * dropped
        tens, rest = divmod(frame, per_ten)
        minutes = max(rest - dropped, 0) // per_minute
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, counted)
    mark = ';' if drop else ':'
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f'{hours:02d}:{minutes:02d}:{seconds % 60:02d}{mark}{frames:02d}'


def from_timecode(text: str, fps: float, *, drop: bool) -> int:
    """Return the frame, from 0, of a timecode.

    >>> from_timecode('00:01:00;02', 30000 / 1001, drop=True)
    1800

    Raises:
        ValueError: If it is no timecode, or its frames are not below the rate.
    """
    parts = text.replace(';', ':').split(':')
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        raise ValueError(f'expected a timecode such as 00:00:03:15, but got {text!r}')
    hours, minutes, seconds, frames = map(int, parts)
    counted = round(fps)
    if frames >= counted or seconds >= 60 or minutes >= 60:
        raise ValueError(f'{text} is no timecode at {fps:g} frames per second; give another --fps')
    minutes += 60 * hours
    frame = (minutes * 60 + seconds) * counted + frames
    return frame - (counted // 15 * (minutes - minutes // 10) if drop else 0)
