"""The part of timm's interface that TimmBackbone relies on, for where timm is not installed.

Names and meanings are those of ``timm.models.vision_transformer.VisionTransformer``; the same tests
run on timm itself where it is.
"""

import sys
from types import ModuleType

import torch
from torch import nn


class VisionTransformer(nn.Module):
    def __init__(self, img_size, embed_dim, depth, class_token, reg_tokens, global_pool):
        super().__init__()
        side = img_size // 16
        self.patch_embed = nn.Conv2d(3, embed_dim, 16, 16)
        self.patch_embed.grid_size = (side, side)
        self.patch_embed.img_size = (img_size, img_size)
        self.num_features, self.global_pool = embed_dim, global_pool
        self.num_prefix_tokens = int(class_token) + reg_tokens
        self.cls_token = nn.Parameter(torch.randn(1, 1, embed_dim)) if class_token else None
        self.reg_token = nn.Parameter(torch.randn(1, reg_tokens, embed_dim)) if reg_tokens else None
        length = self.num_prefix_tokens + side**2
        self.pos_embed = nn.Parameter(torch.randn(1, length, embed_dim))
        layers = [
            nn.TransformerEncoderLayer(embed_dim, 2, 2 * embed_dim, 0.1, batch_first=True)
            for _ in range(depth)
        ]
        self.blocks = nn.Sequential(*layers)
        averaged = global_pool == 'avg'
        self.norm = nn.Identity() if averaged else nn.LayerNorm(embed_dim)
        self.fc_norm = nn.LayerNorm(embed_dim) if averaged else nn.Identity()
        self.attn_pool = None
        self.head = nn.Identity()

    def forward_features(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        prefix = [
            t.expand(len(x), -1, -1) for t in (self.cls_token, self.reg_token) if t is not None
        ]
        return self.norm(self.blocks(torch.cat([*prefix, x], dim=1) + self.pos_embed))

    def forward_head(self, x, pre_logits=False):
        assert pre_logits
        if self.global_pool == 'token':
            return self.fc_norm(x[:, 0])
        return self.fc_norm(x[:, self.num_prefix_tokens :].mean(dim=1))


class ResNet(nn.Module):
    """What a convolutional model has: stages, and features with two axes of space."""

    def forward_features(self, x):
        return x

    def forward_head(self, x, pre_logits=False):
        return x


def create_model(name, *, pretrained, num_classes, **settings):
    assert not pretrained
    assert num_classes == 0
    if name == 'resnet50_clip':
        return ResNet()
    usual = {'class_token': True, 'reg_tokens': 0, 'global_pool': 'token'}
    settings = {k: v for k, v in settings.items() if k != 'num_heads'}
    return VisionTransformer(**{**usual, **settings})


NAMES = ('vit_tiny_patch16_224', 'resnet50_clip')


def install(monkeypatch):
    """Make ``import timm`` find this."""
    package, data = ModuleType('timm'), ModuleType('timm.data')
    package.create_model, package.data = create_model, data
    package.is_model = lambda name: name.partition('.')[0] in NAMES
    package.list_models = lambda pattern='*': [n for n in NAMES if pattern.strip('*')[:3] in n]
    facts = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
    data.resolve_model_data_config = lambda model: facts
    monkeypatch.setitem(sys.modules, 'timm', package)
    monkeypatch.setitem(sys.modules, 'timm.data', data)
