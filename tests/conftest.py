"""What every test needs: no network, one thread, fixed seeds, and no MMEngine state left behind."""

import os
import random
import sys

import numpy as np
import pytest

_ENVIRONMENT = {
    'GRADIO_ANALYTICS_ENABLED': 'False',
    'HF_HUB_DISABLE_PROGRESS_BARS': '1',
    'HF_HUB_OFFLINE': '1',
    'MPLBACKEND': 'Agg',
    'OMP_NUM_THREADS': '1',
    'TOKENIZERS_PARALLELISM': 'false',
    'TRANSFORMERS_VERBOSITY': 'error',
    'WANDB_MODE': 'offline',
}
for _name, _value in _ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)


@pytest.fixture(autouse=True)
def _fixed_seeds():
    """Seed the global generators; torch only where a test file has imported it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that draw from it
    if 'torch' in sys.modules:
        sys.modules['torch'].manual_seed(0)


@pytest.fixture(autouse=True)
def _fresh_mmengine():
    """Close MMEngine's log files and forget its global instances after each test.

    Each Runner keeps an open log file and a message hub for ever, and runs started within the same
    second would share them.
    """
    yield
    if 'mmengine.runner' not in sys.modules:
        return
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope
    from mmengine.visualization import Visualizer

    for logger in MMLogger._instance_dict.values():
        for handler in list(logger.handlers):
            handler.close()
            logger.removeHandler(handler)
    for manager in (MMLogger, MessageHub, Visualizer, DefaultScope):
        manager._instance_dict.clear()


TINY_SENTENCES = (
    'crack an egg into the bowl',
    'now whisk the eggs',
    'pour the milk in slowly',
    'add some flour and stir',
    'melt the butter in a pan',
    'fry the pancake',
    'flip it over',
    'slice the bread',
    'chop an onion',
    'spread the jam on top',
)


@pytest.fixture(scope='session')
def tiny_clip_dir(tmp_path_factory):
    """Folder of a CLIP with random weights: 32 x 32 pictures, a grid of 4 x 4, width 32."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    from stgr.models.backbones.tiny_tokenizer import train_clip_tokenizer

    folder = tmp_path_factory.mktemp('tiny_clip')
    vocab_size = train_clip_tokenizer(TINY_SENTENCES, folder, vocab_size=600)
    layers = {'hidden_size': 32, 'intermediate_size': 64, 'num_hidden_layers': 2}
    marks = {'bos_token_id': vocab_size - 2, 'eos_token_id': vocab_size - 1}
    text = {'vocab_size': vocab_size, 'max_position_embeddings': 24, 'num_attention_heads': 2}
    vision = {'image_size': 32, 'patch_size': 8, 'num_attention_heads': 2}
    config = CLIPConfig(
        text_config={**layers, **text, **marks, 'pad_token_id': vocab_size - 1},
        vision_config={**layers, **vision},
        projection_dim=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        CLIPModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def tiny_siglip_dir(tmp_path_factory):
    """Folder of a SigLIP with random weights: 32 x 32 pictures, a grid of 4 x 4, width 32."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipModel

    folder = tmp_path_factory.mktemp('tiny_siglip')
    marks = ['<pad>', '</s>', '<unk>']
    words = dict.fromkeys([*marks, *' '.join(TINY_SENTENCES).split()])
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token='<unk>'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='$A </s>', special_tokens=[('</s>', 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token='<pad>', eos_token='</s>', unk_token='<unk>'
    ).save_pretrained(folder)
    layers = {'hidden_size': 32, 'intermediate_size': 64, 'num_hidden_layers': 2}
    heads = {'num_attention_heads': 2}
    text = {'vocab_size': len(words), 'max_position_embeddings': 12, 'projection_size': 32}
    config = SiglipConfig(
        text_config={**layers, **heads, **text, 'pad_token_id': 0, 'eos_token_id': 1},
        vision_config={**layers, **heads, 'image_size': 32, 'patch_size': 8},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SiglipModel(config)
        for parameter in model.vision_model.encoder.parameters():
            parameter.data.mul_(3)  # attention of random weights is all but even
        model.save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def tiny_video(tmp_path_factory):
    """Three seconds, 64 x 48 pixels at 10 frames per second: red, then green, then noise."""
    from stgr.io import write_video

    frames = np.zeros((30, 48, 64, 3), np.uint8)
    frames[:10, :, :32, 0] = 255
    frames[10:20, 24:, :, 1] = 255
    frames[20:] = np.random.default_rng(0).integers(0, 256, (48, 64, 3))
    path = tmp_path_factory.mktemp('tiny_video') / 'kitchen.mp4'
    write_video(path, frames, 10)
    return path


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory, tiny_clip_dir):
    """Config and weights of a grounder with both heads on the tiny CLIP, as a user has them."""
    import torch
    from safetensors.torch import save_file

    from stgr.apis.model_hub import load_config
    from stgr.registry import MODELS

    folder = tmp_path_factory.mktemp('tiny_model')
    config = folder / 'tiny_model.py'
    config.write_text(
        'from stgr.models.backbones import CLIPBackbone\n'
        'from stgr.models.grounders import SpatioTemporalGrounder\n'
        'from stgr.models.heads import CrossSelfCrossHead, GlobalHead\n'
        'from stgr.models.losses import MMSLoss\n'
        'from stgr.models.selectors import TopKSelector\n\n'
        'model = dict(\n'
        '    type=SpatioTemporalGrounder,\n'
        f'    backbone=dict(type=CLIPBackbone, source={str(tiny_clip_dir)!r}),\n'
        '    selector=dict(type=TopKSelector, count=2),\n'
        '    global_head=dict(type=GlobalHead, dim=8),\n'
        '    local_head=dict(type=CrossSelfCrossHead, dim=8),\n'
        '    loss=dict(type=MMSLoss),\n'
        '    threshold=-1.0,\n'  # everything is found
        ')\n'
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same model in whichever order tests run
        grounder = MODELS.build(load_config(config).model)
    for parameter in grounder.local_head.parameters():
        parameter.data.mul_(8)  # heat maps of random weights are all but even
    weights = folder / 'tiny_model.safetensors'
    save_file(grounder.state_dict(), weights)
    return config, weights


@pytest.fixture(scope='session')
def tiny_s3d(tmp_path_factory):
    """Arguments of an S3DBackbone with random weights: 64 x 64 pictures, a grid of 2 x 2.

    It is an eighth as wide as the released one; its file has the released names, heads of width 8
    included.
    """
    import torch
    from safetensors.torch import save_file

    from stgr.models.backbones import S3DBackbone

    folder = tmp_path_factory.mktemp('tiny_s3d')
    words = dict.fromkeys(' '.join(TINY_SENTENCES).split())
    (folder / 'dict.txt').write_text('\n'.join(words), encoding='utf-8')
    size = {'width': 0.125, 'text_dim': 24, 'image_size': 64}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = S3DBackbone(None, folder / 'dict.txt', frozen=False, **size)
        heads = {'fc': (8, 128), 'text_module.fc2': (8, 24)}
        state = {f'{name}.weight': torch.randn(shape) for name, shape in heads.items()}
        state |= {f'{name}.bias': torch.randn(8) for name in heads}
    weights = backbone.state_dict()
    del weights['fingerprint']  # of the settings
    for name, tensor in weights.items():
        # Gates that are open: half-closed ones, eleven in a row, would leave almost nothing.
        opened = tensor + 4 if 'gating' in name and name.endswith('bias') else tensor
        state[name.removeprefix('video_module.')] = opened.clone()
    save_file(state, folder / 's3d.safetensors')
    files = {'weights': str(folder / 's3d.safetensors'), 'dictionary': str(folder / 'dict.txt')}
    return {**files, **size}
