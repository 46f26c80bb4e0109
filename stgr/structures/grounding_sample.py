"""What a model must know about one clip or video besides its pixels, and what it answers.

Imported by its module path only: it needs torch, which ``stgr.structures`` does without.
"""

import difflib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

Array = np.ndarray | Tensor


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else 'a string that is not empty'


def _narration(value: Any) -> str | None:
    return None if isinstance(value, str) else 'a string'


def _texts(value: Any) -> str | None:
    sound = isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)
    return None if sound and len(set(value)) == len(value) else 'a list of different strings'


def _seconds(value: Any) -> str | None:
    sound = isinstance(value, int | float | np.floating) and math.isfinite(value)
    return None if sound else 'a finite number of seconds'


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else 'True or False'


def _pair(value: Any) -> str | None:
    sound = isinstance(value, tuple) and len(value) == 2
    sound = sound and all(isinstance(n, int) and n > 0 for n in value)
    return None if sound else 'two whole numbers > 0'


def _frames_between(value: Any) -> str | None:
    sound = isinstance(value, tuple) and len(value) == 2
    sound = sound and all(isinstance(n, int) for n in value) and 0 <= value[0] < value[1]
    return None if sound else 'a first frame and the one after the last'


def _boxes_per_frame(value: Any) -> str | None:
    sound = isinstance(value, list) and all(np.shape(boxes)[1:] == (4,) for boxes in value)
    return None if sound else 'a list of boxes (M, 4), one entry per frame'


def _clips(value: Any) -> str | None:
    sound = isinstance(value, list) and all(
        isinstance(clip, tuple) and len(clip) == 3 and isinstance(clip[2], str) for clip in value
    )
    return None if sound else 'a list of (start_sec, end_sec, action)'


def _array(kind: str, *shape: int | str) -> Callable[[Any], str | None]:
    """Return a check of dtype kind ('float', 'int', 'bool') and shape (a letter: any size)."""
    expected = f'a {kind} array ({", ".join(str(size) for size in shape)})'

    def check(value: Any) -> str | None:
        sound = isinstance(value, np.ndarray | Tensor) and kind in str(value.dtype)
        sound = sound and value.ndim == len(shape)
        if sound and all(isinstance(s, str) or s == n for s, n in zip(shape, value.shape)):  # noqa: B905
            return None
        return expected

    return check


# Facts: small, stay on the host (MMEngine calls them metainfo).
_FACTS: dict[str, Callable[[Any], str | None]] = {
    'video_id': _text,
    'video_path': _text,
    'narration': _narration,
    'start_sec': _seconds,
    'end_sec': _seconds,
    'duration_sec': _seconds,
    'pool': _texts,
    'unasked': _texts,
    'frame_size': _pair,
    'grid': _pair,
    'clips': _clips,
    'gt_transcript': _array('int', 'K'),
    'region_boxes_px': _boxes_per_frame,
    'query_id': _text,
    'query_kind': _text,
    'tube_frames': _frames_between,
    'clip_frames': _frames_between,
    'between_samples': _flag,
    'has_box': _flag,
}
# Arrays: move to the device with the sample. The first axis of all of them is the frames, but for
# ``similarity``, where it is the second.
_ARRAYS: dict[str, Callable[[Any], str | None]] = {
    'frame_times_sec': _array('float', 'F'),
    'frame_mask': _array('bool', 'F'),
    'frame_idx': _array('int', 'F'),
    'eval_mask': _array('bool', 'F'),
    'gt_labels': _array('int', 'F'),
    'gt_boxes_px': _array('float', 'F', 4),
    'similarity': _array('float', 'Q', 'F'),
    'pred_labels': _array('int', 'F'),
    'pred_scores': _array('float', 'F'),
    'pred_best_labels': _array('int', 'F'),
    'heatmaps': _array('float', 'F', 'h', 'w'),
    'gt_heatmaps': _array('float', 'F', 'h', 'w'),
}
FIELDS = (*_FACTS, *_ARRAYS)


class GroundingSample(BaseDataElement):
    """One clip of training, or one video of evaluation with what was predicted for it.

    A closed set of fields, every one optional and checked when it is set:

    * ``video_id``, ``video_path``, ``duration_sec``: the video.
    * ``narration``, ``start_sec``, ``end_sec``: the caption of a training clip.
    * ``frame_times_sec`` (F,), ``frame_mask`` (F,) bool: its frames; True where a frame is real.
    * ``grid``: rows and columns (h, w) of stored patch features.
    * ``pool``: names of the actions asked for, (Q,), background not among them; ``unasked``: of
      true actions that the pool lacks, which cannot be predicted.
    * ``gt_labels`` (F,): index into ``pool + unasked``, -1 background.
    * ``gt_boxes_px`` (F, 4), ``frame_size`` (W, H): boxes, zeros where there is none, and the size
      of the frame they are measured in; ``eval_mask`` (F,) bool: frames that are scored.
    * Truth that one task has: ``region_boxes_px``, all boxes of each frame (several of one action);
      ``clips``, steps ``(start_sec, end_sec, action)`` that are scored alone; ``gt_transcript``
      (K,), the order of the actions as index into ``pool``, -1 background; ``query_id``,
      ``query_kind``, ``frame_idx`` (F,), ``tube_frames`` and ``clip_frames``, half-open, of a
      sentence that describes one tube, with ``between_samples`` and ``has_box``, see
      ``TubeQueries``.
    * ``similarity`` (Q, F), ``pred_labels`` (F,), ``pred_scores`` (F,), ``pred_best_labels`` (F,)
      before the background threshold, ``heatmaps`` (F, h, w) of the predicted and ``gt_heatmaps``
      (F, h, w) of the true label: the answer.

    Example:
        >>> sample = GroundingSample(video_id='abc', narration='crack an egg')
        >>> sample.naration = 'peel it'
        Traceback (most recent call last):
        AttributeError: a GroundingSample has no field 'naration'; did you mean 'narration'?

    Raises:
        AttributeError: If a field is unknown; the message names near ones.
        ValueError: If a value has the wrong type or shape, or does not cover the frames.
    """

    def set_field(
        self,
        value: Any,
        name: str,
        dtype: type | tuple[type, ...] | None = None,
        field_type: str = 'data',  # the table decides, however the field came in
    ) -> None:
        """Set a field after checking its name, its type and its number of frames."""
        _check_name(name)
        fault = (_FACTS.get(name) or _ARRAYS[name])(value)
        if fault is not None:
            raise ValueError(f'{name} must be {fault}, but got {_describe(value)}')
        if name in _ARRAYS:
            self._check_length(name, value)
        super().set_field(value, name, dtype, 'metainfo' if name in _FACTS else 'data')

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field, or the default if it is not set; an unknown name is an error."""
        _check_name(key)
        return super().get(key, default)

    def __getattr__(self, name: str) -> Any:
        # Called only when the ordinary look-up failed.
        if name.startswith('_'):
            raise AttributeError(name)
        _check_name(name)
        raise AttributeError(f'field {name!r} of this GroundingSample is not set')

    def _check_length(self, name: str, value: Array) -> None:
        """Refuse an array that covers another number of frames than those already set."""
        for other, array in self.items():
            if other != name and _frames(other, array) != _frames(name, value):
                raise ValueError(
                    f'{name} covers {_frames(name, value)} frames, but {other} covers '
                    f'{_frames(other, array)}'
                )


def _frames(name: str, array: Array) -> int:
    return int(array.shape[1 if name == 'similarity' else 0])


def _check_name(name: str) -> None:
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS)
        hint = f'did you mean {" or ".join(map(repr, near))}?' if near else f'it has {FIELDS}'
        raise AttributeError(f'a GroundingSample has no field {name!r}; {hint}')


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray | Tensor):
        return f'{value.dtype} {tuple(value.shape)}'
    text = repr(value)
    return f'{type(value).__name__} {text if len(text) <= 60 else text[:57] + "..."}'
