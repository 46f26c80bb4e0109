"""Every registered loss on the scores of all pairs, of gathered embeddings."""

from functools import partial

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import stgr.models.losses  # noqa: F401 - registers them
from stgr.models.losses import ScoreLoss
from stgr.ops.gather import all_gather
from stgr.registry import MODELS

VARIANTS = {'MILNCELoss': [{'count_positives_twice': True}], 'MMSLoss': [{'margin': 0.5}]}


class TwoTowers(nn.Module):
    """Embeds videos and texts, gathers, and returns the loss on all pairs."""

    def __init__(self, loss):
        super().__init__()
        self.video, self.text, self.loss = nn.Linear(5, 4), nn.Linear(3, 4), loss

    def forward(self, videos, texts):
        scores = all_gather(self.video(videos).tanh()) @ all_gather(self.text(texts).tanh()).T
        return self.loss(scores)


def _loss_and_gradients(ranks, *, loss):
    model = TwoTowers(MODELS.build(loss)).double()
    videos, texts = torch.randn(6, 5).double(), torch.randn(6, 3).double()
    parallel = model if ranks.world == 1 else DistributedDataParallel(model)
    value = parallel(ranks.own(videos), ranks.own(texts))
    value.backward()
    return {'loss': value.detach()} | {n: p.grad for n, p in model.named_parameters()}


def settings():
    """Every registered loss, also one that is added tomorrow."""
    for name, kind in sorted(MODELS.module_dict.items()):
        if issubclass(kind, ScoreLoss) and kind.__module__.startswith('stgr.'):
            for extra in [{}, *VARIANTS.get(name, [])]:
                yield {'type': name} | extra


CASES = {str(loss): partial(_loss_and_gradients, loss=loss) for loss in settings()}
