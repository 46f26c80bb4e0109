"""The paper's grounder on a CLIP with random weights, so that nothing is downloaded."""

import tempfile

import torch
from transformers import AutoTokenizer, CLIPConfig, CLIPModel

from stgr.apis.model_hub import load_config
from stgr.io.bundled import bundled_path
from stgr.registry import MODELS

TINY = 'stgr://clip_tiny'
ENCODERS = ('b32', 'tiny')


def build_grounder(encoder: str = 'b32', *, kept: int = 16, config: str = 'ours_clip'):
    """Return a grounder in training mode.

    Args:
        encoder: ``b32``, random weights in the shape of ViT-B/32, or ``tiny``, the CLIP that
            travels with stgr.
        kept: Frames that the selector keeps.
        config: Name of the config.
    """
    overrides = [f'model.selector.count={kept}']
    if encoder == 'tiny':
        return _built(config, [*overrides, f'model.backbone.source={TINY}'])
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = AutoTokenizer.from_pretrained(bundled_path(TINY))
        marks = {
            f'{mark}_token_id': getattr(tokenizer, f'{mark}_token_id') for mark in ('bos', 'eos')
        }
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(text_config=marks)).save_pretrained(folder)  # its defaults: ViT-B/32
        tokenizer.save_pretrained(folder)
        return _built(config, [*overrides, f'model.backbone.source={folder}'])


def _built(config: str, overrides: list[str]):
    torch.manual_seed(0)
    return MODELS.build(load_config(config, overrides=overrides).model).train()
