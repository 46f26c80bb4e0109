"""OpenAI's CLIP with a vision transformer, written down head by head on tensors under its names.

Slow, in float64, without any class of torch or transformers: the oracle of the conversion.
"""

import math

import torch


def draw_clip(*, vision, text, patch, grid, context, vocabulary, projection, seed=0):
    """Return random tensors under OpenAI's names; a tower is (layers, width, hidden)."""
    stream = torch.Generator().manual_seed(seed)

    def draw(*shape, scale, shift=0.0):
        return torch.randn(*shape, generator=stream) * scale + shift

    tensors = {
        'positional_embedding': draw(context, text[1], scale=0.5),
        'text_projection': draw(text[1], projection, scale=text[1] ** -0.5),
        'logit_scale': torch.tensor(4.6052),
        'visual.class_embedding': draw(vision[1], scale=0.5),
        'visual.positional_embedding': draw(grid**2 + 1, vision[1], scale=0.5),
        'visual.proj': draw(vision[1], projection, scale=vision[1] ** -0.5),
        'visual.conv1.weight': draw(vision[1], 3, patch, patch, scale=0.3 / patch),
        'token_embedding.weight': draw(vocabulary, text[1], scale=0.5),
    }
    norms = {'visual.ln_pre': vision[1], 'visual.ln_post': vision[1], 'ln_final': text[1]}
    for prefix, (layers, width, hidden) in {'visual.': vision, '': text}.items():
        for layer in range(layers):
            block = f'{prefix}transformer.resblocks.{layer}'
            norms |= {f'{block}.ln_1': width, f'{block}.ln_2': width}
            linears = {
                'attn.in_proj_': (3 * width, width),
                'attn.out_proj.': (width, width),
                'mlp.c_fc.': (hidden, width),
                'mlp.c_proj.': (width, hidden),
            }
            for name, (out, into) in linears.items():
                tensors[f'{block}.{name}weight'] = draw(out, into, scale=into**-0.5)
                tensors[f'{block}.{name}bias'] = draw(out, scale=0.2)
    for name, width in norms.items():
        tensors[f'{name}.weight'] = draw(width, scale=0.2, shift=1.0)
        tensors[f'{name}.bias'] = draw(width, scale=0.2)
    return tensors


def encode_image(tensors, picture):
    """Return the projected tokens of one normalised picture (3, S, S), class token first."""
    w = {name: tensor.double() for name, tensor in tensors.items()}
    kernel = w['visual.conv1.weight']
    patch = kernel.shape[-1]
    side = picture.shape[-1] // patch
    tokens = [w['visual.class_embedding']]
    for row in range(side):
        for column in range(side):
            cell = picture[
                :, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch
            ]
            tokens.append((kernel * cell.double()).sum(dim=(1, 2, 3)))
    x = _norm(torch.stack(tokens) + w['visual.positional_embedding'], w, 'visual.ln_pre')
    x = _blocks(x, w, 'visual.transformer', causal=False)
    return _norm(x, w, 'visual.ln_post') @ w['visual.proj']


def encode_text(tensors, token_ids):
    """Return the projected tokens of one text, padded or not, and its end mark's position."""
    w = {name: tensor.double() for name, tensor in tensors.items()}
    x = w['token_embedding.weight'][token_ids] + w['positional_embedding'][: len(token_ids)]
    x = _blocks(x, w, 'transformer', causal=True)
    return _norm(x, w, 'ln_final') @ w['text_projection'], int(token_ids.argmax())


def _blocks(x, w, prefix, *, causal):
    layer = 0
    while f'{prefix}.resblocks.{layer}.ln_1.weight' in w:
        block = f'{prefix}.resblocks.{layer}'
        x = x + _attend(_norm(x, w, f'{block}.ln_1'), w, f'{block}.attn', causal=causal)
        inner = _linear(_norm(x, w, f'{block}.ln_2'), w, f'{block}.mlp.c_fc')
        x = x + _linear(inner / (1 + torch.exp(-1.702 * inner)), w, f'{block}.mlp.c_proj')
        layer += 1
    return x


def _attend(x, w, name, *, causal):
    width = x.shape[1]
    fused, bias = w[f'{name}.in_proj_weight'], w[f'{name}.in_proj_bias']
    heads = []
    for start in range(0, width, 64):
        query, key, value = (
            x @ fused[offset + start : offset + start + 64].T
            + bias[offset + start : offset + start + 64]
            for offset in (0, width, 2 * width)
        )
        scores = query @ key.T / math.sqrt(64)
        if causal:
            scores = scores + torch.full_like(scores, -math.inf).triu(1)
        scores = scores.exp()
        heads.append(scores / scores.sum(dim=1, keepdim=True) @ value)
    return _linear(torch.cat(heads, dim=1), w, f'{name}.out_proj')


def _linear(x, w, name):
    return x @ w[f'{name}.weight'].T + w[f'{name}.bias']


def _norm(x, w, name):
    centred = x - x.mean(dim=1, keepdim=True)
    spread = (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    return centred / spread * w[f'{name}.weight'] + w[f'{name}.bias']
