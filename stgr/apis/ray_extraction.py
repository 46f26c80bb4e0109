"""Encode the videos of a feature store with Ray Data: a pool of workers on one or many machines.

Each worker has a model and a writer of its own, as the processes of the other launchers do; Ray
carries the names of videos to them and outcomes back, never features. When a worker dies, Ray
starts another one and gives it the video again. The new one's writer joins what the dead one had
finished, so that is not encoded again, and the store takes no video twice (``StoreWriter``).
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.feature_extraction import Outcomes, Video, VideoEncoder, say_aside
from stgr.apis.ray_cluster import ray_cluster
from stgr.apis.ray_worker import RayJob, RayWorker, WorkerWatch

if TYPE_CHECKING:
    from stgr.io.file_store_writer import FileStoreWriter
    from stgr.io.store_writer import StoreWriter

MAX_BLOCKS = 10_000
"""Parts that the list of videos is cut into at most; a part is one of Ray's tasks."""
_TASKS_PER_WORKER = 2  # one at work and one waiting; more would wait for a slow one at the end
_PATIENCE_SEC = 60.0


@dataclass(frozen=True)
class RayEncoders:
    """Encodes videos on a Ray cluster (see ``ray_cluster``): the ``encode`` of ``fill_store``.

    Args:
        model: Config of the model.
        store_dir: Folder of the store; all machines see it under this name.
        workers: How many encode at once; None: one per GPU or, on processors, one per processor.
        device: 'cpu' or 'cuda'; None for GPUs if the cluster has any. Each worker has one GPU.
    """

    model: Mapping[str, Any]
    store_dir: Path
    workers: int | None = None
    device: str | None = None

    def __call__(
        self,
        encoder: VideoEncoder,
        writer: 'StoreWriter | FileStoreWriter',
        videos: Sequence[Video],
    ) -> Outcomes:
        """Yield the outcome of each video as it comes; at the end the workers are gone.

        Raises:
            ValueError: If the device is unknown or no GPU is there, or a worker has another version
                of the library or other weights.
            OSError: If a worker does not see the store, or the disk is full.
        """
        if videos:
            with ray_cluster() as ray:
                yield from self._encode(ray, encoder, writer, videos)

    def _encode(
        self,
        ray: Any,
        encoder: VideoEncoder,
        writer: 'StoreWriter | FileStoreWriter',
        videos: Sequence[Video],
    ) -> Outcomes:
        self.store_dir.mkdir(parents=True, exist_ok=True)
        job = RayJob(
            model=self.model,
            store_dir=self.store_dir,
            sharded=writer.lock is not None,
            device=self._device(ray),
            settings={
                'rate_fps': encoder.rate_fps,
                'reader': encoder.reader,
                'patches': encoder.patches,
            },
            provenance=encoder.provenance,
            folder=Path.cwd(),
        )
        locks = set()
        for row in _run(ray, job, videos, self._num_workers(ray, job.device, len(videos))):
            if row['error']:
                raise (OSError if row['error'] == 'OSError' else ValueError)(row['reason'])
            video_id, path = videos[row['number']]
            if row['deaths'] and not row['reason']:
                say_aside(f'{path}: its worker died; another one has encoded it')
            locks.add(row['lock'])
            yield video_id, path, row['reason'] or None
        _wait_for(Path(lock) for lock in locks if lock)

    def _device(self, ray: Any) -> str:
        if self.device not in (None, 'cpu', 'cuda'):
            raise ValueError(f'Ray chooses the GPUs: give cpu or cuda instead of {self.device!r}')
        has_gpus = _capacity(ray, 'GPU') > 0
        if self.device == 'cuda' and not has_gpus:
            raise ValueError('the Ray cluster has no GPU; give --device cpu')
        return self.device or ('cuda' if has_gpus else 'cpu')

    def _num_workers(self, ray: Any, device: str, num_videos: int) -> int:
        room = max(1, _capacity(ray, 'GPU' if device == 'cuda' else 'CPU'))
        if self.workers is not None and self.workers > room:
            say_aside(f'the Ray cluster has room for {room} of {self.workers} workers now')
        return min(self.workers or room, num_videos)


def _run(
    ray: Any, job: RayJob, videos: Sequence[Video], num_workers: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows that workers return, then end the workers."""
    rows = [
        # bytes, as Arrow has no strings for names that are no Unicode
        {'number': number, 'video': os.fsencode(video_id), 'path': os.fsencode(path)}
        for number, (video_id, path) in enumerate(videos)
    ]
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    watch = ray.remote(WorkerWatch).options(num_cpus=0, scheduling_strategy=here).remote()
    dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), MAX_BLOCKS))
    context = dataset.context
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    if hasattr(context, 'execution_no_progress_timeout_s'):  # since Ray 2.60, half an hour
        context.execution_no_progress_timeout_s = -1
    outcomes = dataset.map(
        RayWorker,
        fn_constructor_args=(job, watch),
        compute=ray.data.ActorPoolStrategy(
            size=num_workers, max_tasks_in_flight_per_actor=_TASKS_PER_WORKER
        ),
        num_cpus=1,
        num_gpus=int(job.device == 'cuda'),
    )
    yield from outcomes.iter_rows()
    for worker in ray.get(watch.workers.remote()):
        ray.kill(worker)  # Ray leaves them to garbage collection, which may be long


def _capacity(ray: Any, resource: str) -> int:
    return int(ray.cluster_resources().get(resource, 0))


def _wait_for(locks: Iterable[Path]) -> None:
    """Wait until workers have let go of their files, so that these can be joined."""
    from stgr.io.file_locks import FileLock

    end = time.monotonic() + _PATIENCE_SEC
    for path in locks:
        while path.exists():
            lock = FileLock(path, wait=False)
            free = lock.held
            lock.release()
            if free:
                break
            if time.monotonic() > end:
                say_aside(f'a worker does not end; the next run joins what is in {path.parent}')
                break
            time.sleep(0.05)
