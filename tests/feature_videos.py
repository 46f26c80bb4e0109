"""Videos of a few stored frames, each of which can be told from all others."""

import numpy as np

from stgr.io.feature_files import write_features

FACTS = {
    'reader': 'pyav',
    'rate_fps': 2.0,
    'image_size': 224,
    'grid': (1, 3),
    'backbone_sha256': 'ab' * 32,
}


def arrays(number, length):
    """Return the features of video ``number``: frame f is 100 * number + f."""
    frames = 100.0 * number + np.arange(length)[:, None] + np.zeros((1, 2))
    return {
        'times_sec': np.arange(length) / 2,
        'frames': frames,
        'patches': -np.repeat(frames[:, None], 3, axis=1),
    }


def put(writer, number, length=None, *, patches=True):
    """Write video ``v<number>`` of ``number + 2`` frames through a writer of a store."""
    features = arrays(number, number + 2 if length is None else length)
    if not patches:
        features['patches'] = None
    write_features(writer.path(f'v{number}'), **features, provenance=writer.provenance)
    writer.add(f'v{number}')
