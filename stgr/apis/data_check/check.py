"""Look for the videos of a data set, open them, and count."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stgr.apis.data_check.annotations import Annotations, find_checked, read_annotations
from stgr.apis.data_check.probe import ProbedVideo, probe_video
from stgr.datasets.video_folder import VideoFolder

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True)
class DataCheck:
    """What is there of a data set.

    Args:
        name: Which.
        folder: Where its videos should be.
        annotations: The videos that should be there.
        missing: Those without a file, in the order of the annotations.
        others: How many videos of the folder nothing is annotated of.
        probed: Those that were opened, by name.
    """

    name: str
    folder: Path
    annotations: Annotations
    missing: Sequence[str]
    others: int
    probed: Mapping[str, ProbedVideo]

    @property
    def num_annotated(self) -> int:
        """Videos that the annotations speak of."""
        return len(self.annotations.video_ids)

    @property
    def num_found(self) -> int:
        """Those that have a file."""
        return self.num_annotated - len(self.missing)

    @property
    def readable(self) -> dict[str, ProbedVideo]:
        """Opened videos of which a frame can be read, damaged or not."""
        return {name: video for name, video in self.probed.items() if video.facts is not None}

    @property
    def faults(self) -> dict[str, str]:
        """Why an opened video cannot be read, or what is damaged."""
        return {name: video.fault for name, video in self.probed.items() if video.fault}

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """How many readable videos are of each width and height."""
        facts = (video.facts for video in self.readable.values())
        return Counter((fact.width, fact.height) for fact in facts if fact is not None)

    @property
    def scalings(self) -> Counter[str]:
        """How many readable videos fit the annotated frame in which way."""
        return Counter(video.scaling for video in self.readable.values() if video.scaling)

    def values(self, name: str) -> np.ndarray:
        """Return a number of ``VideoFacts`` of every readable video, (N,) float64."""
        facts = (video.facts for video in self.readable.values())
        return np.array([getattr(fact, name) for fact in facts], np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            'name': self.name,
            'folder': str(self.folder),
            'videos_annotated': self.num_annotated,
            'videos_found': self.num_found,
            'videos_probed': len(self.probed),
            'videos_readable': len(self.readable),
            'annotated': dict(self.annotations.counts),
            'missing': list(self.missing),
            'others': self.others,
            'faults': self.faults,
            'scalings': dict(self.scalings),
            'videos': {
                name: {
                    **(asdict(video.facts) if video.facts else {}),
                    'annotated_size': self.annotations.frame_sizes.get(name),
                    'scaling': video.scaling,
                    'fault': video.fault,
                }
                for name, video in self.probed.items()
            },
        }


def check_data(
    name: str,
    root: str | Path,
    *,
    probe: int | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress = lambda items, total: items,
) -> DataCheck:
    """Look for the videos of a data set and open them.

    Args:
        name: A name of ``CHECKED``.
        root: Its folder.
        probe: Open only so many of the videos that are there, evenly spread; None: all.
        changes: Arguments of the data set that differ from the usual, such as ``videos_dir``.
        progress: Wraps the videos while they are opened, see ``stgr.apis.progress.bar``.

    Raises:
        KeyError: If there is no such data set.
        FileNotFoundError: If the annotations are not there.
        ValueError: If they are malformed, or ``probe`` < 0.
    """
    if probe is not None and probe < 0:
        raise ValueError(f'probe={probe} videos cannot be opened; give 0 to open none')
    annotations, videos_dir = read_annotations(find_checked(name), str(root), changes or {})
    folder = Path(root) / videos_dir
    videos = VideoFolder(folder)
    names = videos.names if folder.is_dir() else {}
    found = [video_id for video_id in annotations.video_ids if video_id in names]
    missing = [video_id for video_id in annotations.video_ids if video_id not in names]
    chosen = _spread(found, probe)
    sizes = annotations.frame_sizes
    probed = {
        video_id: probe_video(folder / names[video_id], sizes.get(video_id))
        for video_id in progress(chosen, len(chosen))
    }
    return DataCheck(name, folder, annotations, missing, len(names) - len(found), probed)


def _spread(video_ids: list[str], count: int | None) -> list[str]:
    """Return ``count`` of the videos, evenly spread over them; all if None or too many."""
    if count is None or count >= len(video_ids):
        return video_ids
    return [video_ids[i * len(video_ids) // count] for i in range(count)]
