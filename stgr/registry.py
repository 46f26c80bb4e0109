"""The registries of ``stgr``: children of MMEngine's, so a config can name parts of either.

A registry imports its ``locations`` when a name is not found yet, which is why nothing has to be
imported before a model is built from a config.
"""

import difflib
from typing import Any

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TASK_UTILS as MMENGINE_TASK_UTILS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry as MMEngineRegistry


class Registry(MMEngineRegistry):
    """MMEngine's, which tells the near names where it has none of a name."""

    def build(self, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        """Build a part.

        Raises:
            KeyError: If there is no part of the name in ``type``; near ones are listed.
        """
        try:
            return super().build(cfg, *args, **kwargs)
        except (KeyError, RuntimeError) as error:
            kind = cfg.get('type') if isinstance(cfg, dict) else None
            said = str(error.args[0]) if error.args else ''
            if not said.startswith((f'{kind} is not in the ', f'Failed to get {kind}')):
                raise
            raise KeyError(self._unknown(str(kind))) from error

    def _unknown(self, name: str) -> str:
        known = sorted(self.module_dict)
        near = difflib.get_close_matches(name.rpartition('.')[2], known, n=3)
        hint = f'did you mean {" or ".join(near)}?' if near else f'there are {", ".join(known)}'
        return (
            f'no {self.name} is called {name!r}; {hint} (one of your own is known once the config '
            'imports its module)'
        )


MODELS = Registry(
    'model',
    parent=MMENGINE_MODELS,
    scope='stgr',
    locations=[
        'stgr.models.backbones',
        'stgr.models.grounders',
        'stgr.models.heads',
        'stgr.models.losses',
        'stgr.models.prompts',
        'stgr.models.selectors',
    ],
)
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, scope='stgr', locations=['stgr.datasets'])
TRANSFORMS = Registry(
    'transform',
    parent=MMENGINE_TRANSFORMS,
    scope='stgr',
    locations=['stgr.datasets.transforms'],
)
METRICS = Registry(
    'metric', parent=MMENGINE_METRICS, scope='stgr', locations=['stgr.evaluation.metrics']
)
MODEL_WRAPPERS = Registry(
    'model_wrapper', parent=MMENGINE_MODEL_WRAPPERS, scope='stgr', locations=['stgr.engine']
)
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope='stgr', locations=['stgr.engine'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, scope='stgr', locations=['stgr.engine'])
OPTIM_WRAPPERS = Registry(
    'optim_wrapper', parent=MMENGINE_OPTIM_WRAPPERS, scope='stgr', locations=['stgr.engine']
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor',
    parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
    scope='stgr',
    locations=['stgr.engine'],
)
LOCALIZERS = Registry(
    'localizer', parent=MMENGINE_TASK_UTILS, scope='stgr', locations=['stgr.localizers']
)
VIDEO_READERS = Registry('video_reader', scope='stgr', locations=['stgr.io.readers'])
