"""Read the stored features of a clip instead of its frames."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.io.feature_store import FeatureStore
from stgr.io.stored_features import ROUNDING_SEC, StoredFeatures
from stgr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadFeatures(ClipTransform):
    """Adds ``frame_features`` (U, C), ``patch_features`` (U, P, C) float16 and ``grid`` (h, w).

    Each candidate time gets the stored frame nearest to it, or the step of several frames that it
    lies in. Padded candidates get some frame of the
    video, as with decoded frames.

    Args:
        store_dir: Folder of features, in shards or one file per video, see ``FeatureStore``.
        patches: Whether to read patch features: 50 times the bytes for a 7 x 7 grid.
        provenance: What the features must come from, such as ``{'backbone_sha256': ...}``; None:
            anything.
    """

    required_keys: ClassVar[tuple[str, ...]] = ('video_id', 'frame_times_sec')
    added_keys: ClassVar[tuple[str, ...]] = ('frame_features', 'grid')

    def __init__(
        self,
        store_dir: str,
        *,
        patches: bool = True,
        provenance: Mapping[str, object] | None = None,
    ) -> None:
        self.store = FeatureStore(store_dir, provenance)
        self.patches = patches

    def apply(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the features of the candidates.

        Raises:
            FileNotFoundError: If the features of the video were not extracted.
            ValueError: If they do not cover the candidates or come from elsewhere.
        """
        # A clip that is scored as a video of its own says which video it is cut from.
        file = self.store.open(results.get('source_video_id', results['video_id']))
        times_sec = np.asarray(results['frame_times_sec'])
        real = np.asarray(results.get('frame_mask', np.ones(len(times_sec), dtype=bool)))
        indices = file.nearest(times_sec)
        _check_distance(file, times_sec[real], indices[real])
        block = file.read(indices, patches=self.patches)
        added = {'frame_features': block.frames, 'grid': file.grid}
        return added if block.patches is None else {**added, 'patch_features': block.patches}


def _check_distance(file: StoredFeatures, times_sec: np.ndarray, indices: np.ndarray) -> None:
    """Raise if a time is farther from its stored frame than half a step.

    The last stored frame stands for a whole step: it is shown until the end of the video. So does
    each one that is a step of several frames; it stands for nothing before it.
    """
    late_sec = times_sec - file.times_sec[indices]
    half_sec = file.step_sec / 2
    if file.frames_per_step > 1:
        after_sec, before_sec = np.full(len(indices), file.step_sec), 0.0
    else:
        after_sec = np.where(indices == len(file) - 1, file.step_sec, half_sec)
        before_sec = half_sec
    far = (late_sec > after_sec + ROUNDING_SEC) | (-late_sec > before_sec + ROUNDING_SEC)
    if far.any():
        worst = int(np.argmax(np.abs(late_sec) * far))
        raise ValueError(
            f'{file.source}: the frame at {times_sec[worst]:.3f} s is {abs(late_sec[worst]):.3f} s '
            f'from the stored one, with a step of {file.step_sec:g} s; '
            'extract the features of the whole video again, or give the data set durations that '
            'end with the features'
        )
