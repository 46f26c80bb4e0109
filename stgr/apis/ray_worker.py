"""What encodes videos in the processes of a Ray cluster."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr import __version__
from stgr.apis.feature_extraction import VideoEncoder, encode_into, open_writer

if TYPE_CHECKING:
    from stgr.io.file_store_writer import FileStoreWriter
    from stgr.io.store_writer import StoreWriter

MAX_DEATHS = 3
"""Workers that may die over one video; then it is no accident, and the video counts as failed."""


@dataclass(frozen=True)
class RayJob:
    """What the workers need to know to do what the process that started them would do.

    Args:
        model: Config of the model.
        store_dir: Folder of the store.
        sharded: Whether it has shards or a file per video.
        device: 'cpu' or 'cuda': the worker's only GPU.
        settings: Rate, reader and patches of ``VideoEncoder``.
        provenance: What the features must come from.
        folder: Working directory, which relative paths start from.
        version: Version of the library.
    """

    model: Mapping[str, Any]
    store_dir: Path
    sharded: bool
    device: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, object]
    folder: Path
    version: str = __version__


class WorkerWatch:
    """An actor that knows the workers and counts those that died over a video."""

    def __init__(self) -> None:
        self._workers: list[Any] = []
        self._begun: Counter[str] = Counter()

    def add(self, worker: Any) -> None:
        """Take note of the handle of a worker."""
        self._workers.append(worker)

    def workers(self) -> list[Any]:
        """Return the handles of all workers; one that was started again comes again."""
        return self._workers

    def begin(self, video_id: str) -> int:
        """Return how many workers began a video before and did not come to an end with it."""
        self._begun[video_id] += 1
        return self._begun[video_id] - 1

    def end(self, video_id: str) -> None:
        """Forget a video: it is stored, or has failed."""
        self._begun.pop(video_id, None)


class RayWorker:
    """Encodes one video at a time with a model and a writer of its own.

    They are made with the first video and not in the constructor: what is wrong with them comes
    back as an outcome, whereas Ray reports a failed constructor as the death of the worker.

    Args:
        job: What to do.
        watch: Handle of a ``WorkerWatch``.
    """

    def __init__(self, job: RayJob, watch: Any) -> None:
        self._job = job
        self._watch = watch
        self._tools: tuple[VideoEncoder, StoreWriter | FileStoreWriter] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Encode a video, unless a worker that died has.

        Args:
            row: ``number``, and ``video`` and ``path``: id and file as the file system spells them.

        Returns:
            ``number``; ``reason``: why the video could not be encoded, empty if it was; ``error``:
            the kind of an error that concerns all videos, then ``reason`` is its message;
            ``deaths``: how many workers died over the video; ``lock``: what the writer holds.
        """
        video_id, path = os.fsdecode(row['video']), Path(os.fsdecode(row['path']))
        outcome = {'number': row['number'], 'reason': '', 'error': '', 'deaths': 0, 'lock': ''}
        try:
            encoder, writer = self._tools = self._tools or self._begin()
            outcome['lock'] = str(writer.lock or '')
            outcome |= self._encode(encoder, writer, video_id, path)
        except (ValueError, OSError) as error:
            kind = 'OSError' if isinstance(error, OSError) else 'ValueError'
            outcome |= {'error': kind, 'reason': str(error)}
        outcome['reason'] = outcome['reason'].encode(errors='backslashreplace').decode()
        return outcome

    def _encode(
        self,
        encoder: VideoEncoder,
        writer: 'StoreWriter | FileStoreWriter',
        video_id: str,
        path: Path,
    ) -> dict[str, Any]:
        import ray

        deaths = ray.get(self._watch.begin.remote(video_id))
        if writer.has(video_id):
            reason = None
        elif deaths >= MAX_DEATHS:
            reason = f'{path}: {deaths} workers died while they encoded it'
        else:
            reason = encode_into(encoder, writer, video_id, path)
        ray.get(self._watch.end.remote(video_id))
        return {'reason': reason or '', 'deaths': deaths}

    def _begin(self) -> 'tuple[VideoEncoder, StoreWriter | FileStoreWriter]':
        tools = self._open()

        import ray

        ray.get(self._watch.add.remote(ray.get_runtime_context().current_actor))
        return tools

    def _open(self) -> 'tuple[VideoEncoder, StoreWriter | FileStoreWriter]':
        from mmengine.config import ConfigDict

        from stgr.apis.build import choose_device
        from stgr.io.feature_store import FeatureStore
        from stgr.registry import MODELS

        job = self._job
        self._check_place()
        model = MODELS.build(ConfigDict(job.model)).to(choose_device(job.device)).eval()
        encoder = VideoEncoder(model, **job.settings)
        differing = [
            f'{key}: {encoder.provenance.get(key)!r} instead of {job.provenance.get(key)!r}'
            for key in sorted({*encoder.provenance, *job.provenance})
            if encoder.provenance.get(key) != job.provenance.get(key)
        ]
        if differing:
            raise ValueError(
                f'{_where()} would store features of another origin ({"; ".join(differing)}); '
                'give all machines the same weights'
            )
        writer = open_writer(FeatureStore(job.store_dir), encoder, sharded=job.sharded)
        return encoder, writer.__enter__()  # it ends with the process: others finish its work

    def _check_place(self) -> None:
        job = self._job
        if job.version != __version__:
            raise ValueError(
                f'{_where()} has stgr {__version__} instead of {job.version}; install the same '
                'version on all machines'
            )
        for folder in (job.folder, job.folder / job.store_dir):
            if not folder.is_dir():
                raise FileNotFoundError(
                    f'{_where()} has no folder {folder}; all machines must see the videos and the '
                    'store under the same names'
                )
        os.chdir(job.folder)


def _where() -> str:
    import socket

    return f'a Ray worker on {socket.gethostname()}'
