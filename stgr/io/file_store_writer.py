"""Write a feature store with one file per video."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from stgr.io.feature_files import FeatureFile
from stgr.io.store_writer import file_name, patches_differ


class FileStoreWriter:
    """What ``StoreWriter`` is for shards, for a folder of feature files.

    Several writers may be at work if each has its own videos.

    Args:
        root: Folder of the store.
        provenance: What its features come from, see ``feature_provenance``.
        has_patches: Whether patches are stored.

    Attributes:
        notices: What was found damaged and is to be encoded again, a line each.
        lock: None: nothing is locked while it is at work.
    """

    lock = None

    def __init__(
        self, root: str | Path, provenance: Mapping[str, object], *, has_patches: bool = True
    ) -> None:
        self.root = Path(root)
        self.provenance = dict(provenance)
        self.has_patches = has_patches
        self.notices: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: every file is finished by itself."""

    def has(self, video_id: str) -> bool:
        """Return whether the store holds usable features of a video; note a file that is damaged.

        Raises:
            ValueError: If they are of another origin, or it has patches and shall not, or so.
        """
        from safetensors import SafetensorError

        path = self.path(video_id)
        if not path.is_file():
            return False
        try:
            file = FeatureFile(path, self.provenance)
        except ValueError as error:
            if not isinstance(error.__cause__, SafetensorError):
                raise
            self.notices.append(
                f'{path}: damaged feature file ({error.__cause__}); it is encoded again'
            )
            return False
        if file.has_patches != self.has_patches:
            raise ValueError(patches_differ(path, stored=file.has_patches))
        return True

    def path(self, video_id: str) -> Path:
        """Return where to write the features of a video.

        Raises:
            ValueError: If the id is no plain file name.
        """
        return self.root / file_name(video_id)

    def add(self, video_id: str) -> None:
        """Do nothing: the file lies where it belongs."""
