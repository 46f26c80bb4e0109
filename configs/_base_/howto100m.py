"""HowTo100M for training, from pixels, and GroundingYouTube for evaluation.

`data/howto100m` holds `caption.json` and `videos/`, `data/grounding_youtube` the released
annotations and `videos/`.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from stgr.datasets import GroundingYouTube, HowTo100M
from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip
from stgr.engine import epoch_seed
from stgr.evaluation.metrics import GroundingMetric

_SIZE = (224, 224)  # the input of CLIP ViT-B: frames are squashed, so the grid covers all of them

train_pipeline = [
    dict(type=SampleClip, candidates=80, fps=5),  # Sec. 4.2
    dict(type=LoadVideoFrames, size=_SIZE),
    dict(type=PackClip),
]
test_pipeline = [dict(type=LoadVideoFrames, size=_SIZE), dict(type=PackClip)]

train_dataloader = dict(
    batch_size=64,  # Sec. 4.2, in all: with N processes give each 64 / N
    num_workers=8,
    persistent_workers=False,  # so that workers are seeded anew in each epoch
    worker_init_fn=dict(type=epoch_seed),
    sampler=dict(type=DefaultSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
    drop_last=True,
    dataset=dict(
        type=HowTo100M,
        data_root='data/howto100m',
        captions='caption.json',
        caption_store='caption.clips',  # read once, not by every process
        per_video=True,  # an epoch is one clip of each video, as in the authors' code
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
    dataset=dict(type=GroundingYouTube, data_root='data/grounding_youtube', pipeline=test_pipeline),
)
# The benchmark has no validation split: never calibrate thresholds on it, 0.5 is the paper's.
test_dataloader = dict(**val_dataloader)
# As boxes are drawn, see HeatMapSpatialLocalizer.
val_evaluator = dict(type=GroundingMetric, mask_threshold=0.3, normalisation='minmax')
test_evaluator = dict(**val_evaluator, controls=['chance', 'centre', 'oracle'])
val_cfg = {}
test_cfg = {}
