"""Numbers about prepared training data."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from stgr.preparation.splits import SPLITS
from stgr.preparation.video_preparation import PreparedVideo

COMMONEST = 30


def count_everything(
    prepared: Mapping[str, PreparedVideo],
    splits: Mapping[str, str],
    *,
    failed: Mapping[str, str],
    unnarrated: int,
) -> dict[str, Any]:
    """Return what was found, kept and left out, and why, as dicts and numbers.

    Args:
        prepared: The videos that could be read.
        splits: The split of each that is used.
        failed: Why the others could not be.
        unnarrated: Videos with neither subtitles nor speech recognition.
    """
    used = {video_id: prepared[video_id] for video_id in splits}
    cues: Counter[str] = Counter()
    for video in prepared.values():
        cues.update(video.counts)
    left_out = Counter(video.left_out for video in prepared.values() if video.left_out is not None)
    return {
        'videos': {
            'found': len(prepared) + len(failed) + unnarrated,
            'used': len(used),
            'unreadable': len(failed),
            'without subtitles': unnarrated,
            **dict(left_out.most_common()),
        },
        'splits': {
            split: _numbers([used[v] for v in splits if splits[v] == split]) for split in SPLITS
        },
        'all': _numbers(list(used.values())),
        'cues': {
            'read': sum(video.cues for video in prepared.values()),
            **dict(cues.most_common()),
        },
        'languages': dict(Counter(video.language or 'unknown' for video in used.values())),
        'commonest words': dict(_words(used).most_common(COMMONEST)),
    }


def _numbers(videos: list[PreparedVideo]) -> dict[str, float]:
    lengths_sec = [c.end_sec - c.start_sec for video in videos for c in video.captions]
    num_words = [len(c.text.split()) for video in videos for c in video.captions]
    duration_sec = sum(video.duration_sec for video in videos)
    return {
        'videos': len(videos),
        'hours': round(duration_sec / 3600, 3),
        'captions': len(lengths_sec),
        'words': sum(num_words),
        'median words of a caption': float(np.median(num_words)) if num_words else 0.0,
        'median seconds of a caption': round(float(np.median(lengths_sec)), 2)
        if lengths_sec
        else 0.0,
        'narrated share': round(sum(lengths_sec) / duration_sec, 3) if duration_sec else 0.0,
    }


def _words(videos: Mapping[str, PreparedVideo]) -> Counter[str]:
    words = (
        word.strip('.,;:!?"()').lower()
        for video in videos.values()
        for caption in video.captions
        for word in caption.text.split()
    )
    return Counter(word for word in words if len(word) > 3)
