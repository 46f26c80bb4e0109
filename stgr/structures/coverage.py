"""How much of a benchmark a score speaks of."""

import math
from dataclasses import asdict, dataclass

# What becomes of an annotated video that has no prediction.
MISSING_RULES = {
    'error': 'a missing video is an error',
    'left_out': 'missing videos are left out of the score',
    'counted_wrong': 'missing videos count as wrong',
}


@dataclass(frozen=True)
class Coverage:
    """The denominators of a score: what is annotated, what was there, what was scored.

    A score on fewer videos than annotated is another benchmark; it must not look like the whole.

    Args:
        videos_annotated: Videos that the annotations speak of.
        videos_scored: Those of them that the score is over, with ``missing='counted_wrong'`` also
            those without a prediction.
        missing: What was done about the others, a key of ``MISSING_RULES``.
        videos_found: Videos that have a file; None: nobody looked (a file of predictions is scored
            without videos).
        videos_readable: Videos that could be opened; None: nobody tried.
        boxes_annotated: Boxes of all annotated videos; None: unknown, or the task has no boxes.
        boxes_scored: Boxes the score is over; None likewise.
        frames_annotated: Frames (seconds) of all annotated videos; None: unknown.
        frames_scored: Frames the score is over; None: unknown.

    Raises:
        ValueError: If a count is negative or no whole number, exceeds what it is a part of, or
            ``missing`` is no known rule.
    """

    videos_annotated: int
    videos_scored: int
    missing: str = 'error'
    videos_found: int | None = None
    videos_readable: int | None = None
    boxes_annotated: int | None = None
    boxes_scored: int | None = None
    frames_annotated: int | None = None
    frames_scored: int | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING_RULES:
            known = ', '.join(MISSING_RULES)
            raise ValueError(f'missing={self.missing!r} is no rule; choose one of: {known}')
        for name, count in self._counts().items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ValueError(f'{name} must be a whole number >= 0, but is {count!r}')
        for part, whole in (
            ('videos_scored', 'videos_annotated'),
            ('videos_found', 'videos_annotated'),
            ('videos_readable', 'videos_annotated'),
            ('videos_readable', 'videos_found'),
            ('boxes_scored', 'boxes_annotated'),
            ('frames_scored', 'frames_annotated'),
        ):
            self._check_part(part, whole)

    @property
    def share(self) -> float:
        """Share of the annotated videos that the score is over, NaN if none is annotated."""
        return self.videos_scored / self.videos_annotated if self.videos_annotated else math.nan

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is annotated, and counted here, is missing from the score."""
        pairs = (
            (self.videos_scored, self.videos_annotated),
            (self.boxes_scored, self.boxes_annotated),
            (self.frames_scored, self.frames_annotated),
        )
        return all(part == whole for part, whole in pairs if None not in (part, whole))

    def to_dict(self) -> dict[str, int | float | str]:
        """Return the known counts by name, ``share`` (if defined) and ``missing``, for JSON."""
        share = {} if math.isnan(self.share) else {'share': self.share}
        return {**self._counts(), **share, 'missing': self.missing}

    def to_scores(self, prefix: str = 'coverage/') -> dict[str, float]:
        """Return the known counts and ``share`` as scores: ``coverage/videos_annotated`` ..."""
        numbers = {**self._counts(), 'share': self.share}
        return {f'{prefix}{name}': float(number) for name, number in numbers.items()}

    def describe(self) -> str:
        """Return one line for people.

        >>> Coverage(250, 231, 'left_out', boxes_annotated=17316, boxes_scored=16002).describe()
        '231 of 250 videos (92.4 %), 16002 of 17316 boxes; missing videos are left out of the score'
        """
        share = '' if math.isnan(self.share) else f' ({100 * self.share:.1f} %)'
        line = f'{self.videos_scored} of {self.videos_annotated} videos{share}'
        for what, scored, annotated in (
            ('boxes', self.boxes_scored, self.boxes_annotated),
            ('frames', self.frames_scored, self.frames_annotated),
        ):
            if scored is not None:
                line += f', {scored}' + ('' if annotated is None else f' of {annotated}')
                line += f' {what}'
        return line if self.is_complete else f'{line}; {MISSING_RULES[self.missing]}'

    def _counts(self) -> dict[str, int]:
        everything = asdict(self)
        del everything['missing']
        return {name: count for name, count in everything.items() if count is not None}

    def _check_part(self, part: str, whole: str) -> None:
        some, all_of_it = getattr(self, part), getattr(self, whole)
        if some is not None and all_of_it is not None and some > all_of_it:
            raise ValueError(
                f'{part}={some} exceeds {whole}={all_of_it}; give the counts of one and the same '
                'set of annotations'
            )
