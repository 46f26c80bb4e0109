"""Which videos are learned from, which choose thresholds, and which are only ever scored."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How videos are divided.

    Args:
        val: Share for validation.
        test: Share for testing.
        seed: Another seed divides otherwise.

    Raises:
        ValueError: If a share is negative or nothing would be left to learn from.
    """

    val: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise ValueError(
                f'shares of validation and test must be >= 0 and leave some to learn from, but '
                f'are {self.val:g} and {self.test:g}'
            )

    def as_json(self) -> dict[str, float]:
        """Return the rule as it is noted beside the data."""
        return asdict(self)


def split_videos(
    video_ids: Iterable[str], rule: SplitRule, pinned: Mapping[str, str]
) -> dict[str, str]:
    """Return the split of each video.

    A video's split follows from its name and the seed alone, so others may come and go. Only where
    that leaves validation or test empty, and three videos or more are there, the training video
    with the lowest draw is moved there; the caller notes such moves and gives them back as
    ``pinned``, so that they stay.

    Args:
        video_ids: The videos.
        rule: Shares and seed.
        pinned: Videos whose split is fixed, by name.
    """
    draws = {video_id: draw(video_id, rule.seed) for video_id in sorted(set(video_ids))}
    splits = {
        video_id: pinned.get(video_id) or _split_of(value, rule)
        for video_id, value in draws.items()
    }
    for split, share in (('test', rule.test), ('val', rule.val)):
        trained = [video_id for video_id in splits if splits[video_id] == 'train']
        if share > 0 and split not in splits.values() and len(trained) >= 2 and len(splits) >= 3:
            splits[min(trained, key=draws.__getitem__)] = split
    return splits


def moved_videos(splits: Mapping[str, str], rule: SplitRule) -> dict[str, str]:
    """Return the videos whose split is another than their name says."""
    return {
        video_id: split
        for video_id, split in splits.items()
        if _split_of(draw(video_id, rule.seed), rule) != split
    }


def draw(video_id: str, seed: int) -> float:
    """Return a number in [0, 1) that looks random and follows from name and seed."""
    text = f'{seed}:{video_id}'.encode(errors='surrogateescape')
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), 'big') / 2**64


def _split_of(value: float, rule: SplitRule) -> str:
    if value < rule.test:
        return 'test'
    return 'val' if value < rule.test + rule.val else 'train'
