"""A folder of stored features, one file per video or many videos per shard."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stgr.io.errors import DamagedFeaturesError
from stgr.io.feature_files import FeatureFile
from stgr.io.feature_index import FeatureIndex
from stgr.io.feature_shards import SHARD_SUFFIX, FeatureShard, verify_shard
from stgr.io.store_writer import SHARDS, file_name
from stgr.io.stored_features import StoredFeatures

OPEN_SHARDS = 64
"""Shards kept open by a process: mapped, so they cost address space and a header each."""


class FeatureStore:
    """Stored features by video, whichever way they lie.

    A folder with a folder ``shards`` was written by ``StoreWriter``; any other holds one
    ``<video_id>.safetensors`` per video.

    Args:
        root: The folder; it need not exist before something is written to it.
        provenance: What the features must come from (see ``check_provenance``); None: any.
    """

    def __init__(self, root: str | Path, provenance: Mapping[str, object] | None = None) -> None:
        self.root = Path(root)
        self.provenance = None if provenance is None else dict(provenance)
        self._index: FeatureIndex | None = None
        self._open: OrderedDict[str, FeatureShard] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is open: another process opens its own."""
        return self.__dict__ | {'_index': None, '_open': OrderedDict()}

    @property
    def is_sharded(self) -> bool:
        """Whether the features lie in shards."""
        return self._shards.is_dir()

    def path(self, video_id: str) -> Path:
        """Return where the feature file of a video lies or would lie, where each has its own.

        Raises:
            ValueError: If the id is no plain file name.
        """
        return self.root / file_name(video_id)

    def has(self, video_id: str) -> bool:
        """Return whether a video can be read, as far as sizes tell; ``open`` checks its origin."""
        if self.is_sharded:
            return self._places().find(video_id) is not None
        return self.path(video_id).is_file()

    def ids(self) -> Iterator[str]:
        """Yield the ids of the stored videos, in no particular order."""
        if self.is_sharded:
            yield from (video_id for video_id, _ in self._places().items())
        else:
            yield from (path.stem for path in self._files())

    def open(self, video_id: str) -> StoredFeatures:
        """Open the features of a video.

        Raises:
            FileNotFoundError: If they have not been extracted.
            ValueError: If they are damaged or of another origin.
        """
        if not self.is_sharded:
            return FeatureFile(self.path(video_id), self.provenance)
        place = self._places().find(video_id)
        if place is not None:
            with suppress(FileNotFoundError):  # its shard may have been joined with others
                return self._shard(place.shard).open(video_id)
        self._places().refresh()  # the store may have grown
        place = self._places().find(video_id)
        if place is None:
            raise self._missing(video_id)
        return self._shard(place.shard).open(video_id)

    def verify(self) -> Iterator[str | None]:
        """Read everything; yield for each file None or what is wrong with it.

        Shards are compared with their checksum. Feature files have none: they are opened.
        """
        if self.is_sharded:
            yield from (_fault(verify_shard, path) for path in self._shard_files())
        else:
            yield from (_fault(FeatureFile, path) for path in self._files())

    def num_files(self) -> int:
        """Return how many files ``verify`` reads."""
        files = self._shard_files() if self.is_sharded else self._files()
        return len(files)

    @property
    def _shards(self) -> Path:
        return self.root / SHARDS

    def _shard_files(self) -> list[Path]:
        return sorted(self._shards.glob(f'[!.]*{SHARD_SUFFIX}'))

    def _files(self) -> list[Path]:
        return sorted(self.root.glob('[!.]*.safetensors'))

    def _places(self) -> FeatureIndex:
        if self._index is None:
            self._index = FeatureIndex(self._shards)
        return self._index

    def _shard(self, name: str) -> FeatureShard:
        if name not in self._open:
            self._open[name] = FeatureShard(self._shards / name, self.provenance)
            if len(self._open) > OPEN_SHARDS:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        return self._open[name]

    def _missing(self, video_id: str) -> Exception:
        places = self._places()
        shard = places.damaged_shard_of(video_id)
        if shard is not None:
            return DamagedFeaturesError(
                f'{self._shards / shard}: damaged shard ({places.damaged[shard]}), which holds '
                f'{video_id!r}; run stgr extract again, which encodes its videos anew'
            )
        also = ''.join(f'; damaged: {self._shards / name} ({why})' for name, why in
                       sorted(places.damaged.items())[:1])  # fmt: skip
        return FileNotFoundError(
            f'{self.root} holds no features of {video_id!r}; extract them with stgr extract{also}'
        )


def _fault(check: Any, path: Path) -> str | None:
    try:
        check(path)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return None
