"""`ours_clip_finetune` with weights, gradients and optimizer states spread over the processes.

`tools/dist_train.sh configs/ours_clip_finetune_fsdp.py 8`; give each process 64 / 8 clips by
`--cfg-options train_dataloader.batch_size=8`. In one process it is `ours_clip_finetune`, and
checkpoints of either go on in the other.
"""

from mmengine.config import read_base

with read_base():
    from .ours_clip_finetune import *

from stgr.engine import Bf16OptimWrapper, FullyShardedModel

model_wrapper_cfg = dict(
    type=FullyShardedModel,
    layer_dtype='bfloat16',  # half of the bytes that ranks exchange for a layer's forward pass
)
optim_wrapper.type = Bf16OptimWrapper  # the rest, in the same precision
