"""A test set without its broken videos, for those who ask for that."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from stgr.io.errors import VideoError
from stgr.registry import DATASETS


@DATASETS.register_module()
class ReadableVideos:
    """The items of a test set whose videos are there and can be opened.

    Test sets by themselves stop at the first video that is missing or broken: a score on fewer
    videos is another benchmark. This one opens every video first, names the broken ones, and leaves
    them out up to a share; the scores then state it (``coverage/share`` below 1). A video that
    breaks later, while its frames are decoded, is an error as before.

    Args:
        dataset: A test set of this package, or its config.
        max_missing: Largest share of its items that may be left out, in [0, 1].

    Raises:
        ValueError: If ``max_missing`` is no share, the data set has no videos to look at, or (on
            first use) more items are broken.
        FileNotFoundError: If more videos are missing (on first use).
    """

    def __init__(self, dataset: Any, *, max_missing: float) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        if not 0 <= max_missing <= 1:
            raise ValueError(f'max_missing must be a share in [0, 1], but is {max_missing}')
        if getattr(getattr(self.dataset, 'videos', None), 'folder', None) is None:
            raise ValueError(
                f'{type(self.dataset).__name__} has no folder of videos to look at; set videos_dir '
                'or use it as it is'
            )
        self.max_missing = max_missing
        self._kept: list[int] | None = None

    def full_init(self) -> None:
        """Open every video now; MMEngine calls this, otherwise the first use does.

        Raises:
            ValueError: If more are broken than allowed; the first is named.
            FileNotFoundError: If more are missing.
        """
        if self._kept is not None:
            return
        self.dataset.videos.max_missing = self.max_missing
        self.dataset.full_init()
        names, item = self._items()
        reader = self.dataset.videos.reader
        found = [_fault(item, name, reader) for name in names]
        faults = {index: fault for index, fault in enumerate(found) if fault is not None}
        if len(faults) > self.max_missing * len(names):
            raise ValueError(
                f'{len(faults)} of {len(names)} items cannot be read, more than the share of '
                f'{self.max_missing:g} allowed; the first: {next(iter(faults.values()))}'
            )
        for fault in faults.values():
            warnings.warn(f'{fault}; left out of the scores', stacklevel=2)
        self._kept = [index for index in range(len(names)) if index not in faults]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts of the whole data set: what is annotated, not what is left."""
        self.full_init()
        facts: dict[str, Any] = self.dataset.metainfo
        return facts

    def __len__(self) -> int:
        return len(self._indices())

    def __getitem__(self, index: int) -> dict[str, Any]:
        item: dict[str, Any] = self.dataset[self._indices()[index]]
        return item

    def _indices(self) -> list[int]:
        self.full_init()
        assert self._kept is not None, 'full_init looks at every video'
        return self._kept

    def _items(self) -> tuple[Sequence[str], Callable[[str], dict[str, Any]]]:
        """Return the names of all items, and the function that gives one before the pipeline."""
        if hasattr(self.dataset, 'query_ids'):
            return self.dataset.query_ids, self.dataset.query
        return self.dataset.video_ids, self.dataset.video


def _fault(item: Callable[[str], dict[str, Any]], name: str, reader: str) -> str | None:
    """Return why the video of an item cannot be read, None if it can."""
    from stgr.io import open_video

    try:
        path = item(name)['video_path']
        if path is None:
            return f'{name}: its video is missing'
        with open_video(path, reader) as video:
            video.facts()
    except (VideoError, FileNotFoundError) as error:
        return str(error)
    return None
