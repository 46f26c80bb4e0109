"""Texts that people might look for, to measure how well an approximate search finds frames.

Texts lie elsewhere in the shared space than frames do, so recall measured with frames as queries
would promise too much.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from stgr.models.grounders.base_grounder import BaseGrounder

VERBS = (
    'crack', 'whisk', 'pour', 'cut', 'peel', 'stir', 'fry', 'open', 'wash', 'fold', 'paint',
    'glue', 'hold', 'throw', 'put down', 'pick up',
)  # fmt: skip
OBJECTS = (
    'an egg', 'the batter', 'a tomato', 'the bread', 'a bottle', 'the door', 'a cup', 'the paper',
    'a board', 'the wall', 'a bike', 'the dog', 'a ball', 'the phone', 'a shirt', 'the plant',
)  # fmt: skip
COUNT = 64


def probe_queries(model: 'BaseGrounder') -> 'Tensor':
    """Return vectors of texts, of length 1, (Q, D) float32 on the CPU, the same for every library.

    64 of the 256 pairs of verb and object, without those of which the model knows no word.
    """
    import torch
    import torch.nn.functional as F

    texts = [f'{verb} {thing}' for verb in VERBS for thing in OBJECTS]
    spread = [texts[(i * 37) % len(texts)] for i in range(COUNT)]  # 37: prime to 256
    with torch.no_grad():
        text = model.encode_text(spread)
        vectors = model.embed_queries(text)[text.mask.any(dim=1)]
    return F.normalize(vectors.float(), dim=-1).cpu()
