"""What the official head classes compute, in float64, one pair and one window at a time.

Slow, on tensors under the official names and without any class of torch or of ours: it writes
golden files of any seed and size in the layout of those dumped from the authors' code.
"""

import json
import math

import numpy as np


def write_golden_file(path, meta, weights, inputs):
    """Write a file of the official layout.

    Args:
        path: The ``.npz`` file.
        meta: Its facts.
        weights: Arrays by official name.
        inputs: Of each case: frames, patches, sentences, words, word mask.
    """
    arrays = {'meta': np.array(json.dumps(meta))}
    weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    for name, case in meta['cases'].items():
        *features, mask = (np.asarray(array) for array in inputs[name])
        features = [array.astype(np.float64) for array in features]
        if name.startswith('train'):
            found = _train(weights, *features, mask)
        else:
            found = {'heat': _heat(weights, features[1], features[3], mask, frames=case['t'])}
        arrays |= {f'{name}/{key}': value for key, value in found.items()}
    np.savez(path, **arrays)


def _train(w, frames, patches, sentences, words, mask):
    clips = range(len(patches))
    pairs = [
        [_pair(w, patches[i], words[j][mask[j]], scaled=True, residual=True)[:2] for j in clips]
        for i in clips
    ]
    video, text = (np.array([[pair[k] for pair in row] for row in pairs]) for k in range(2))
    global_video = np.array([_global(w, 'vis_proj_mat_g', frame) for frame in frames])
    global_text = np.array([_global(w, 'lang_proj_mat_g', sentence) for sentence in sentences])
    scores = np.array([[float(v @ t) for v, t in row] for row in pairs])
    return {
        'video_local': video,
        'text_local': text,
        'video_global': global_video,
        'text_global': global_text,
        'pair_scores': scores,
        'milnce_pairs': _joint_nce(scores),
        'nce_global': _joint_nce(global_video @ global_text.T),
    }


def _heat(w, patches, words, mask, *, frames):
    """Every window with the first sentence; no scale, and no residual in the second layer."""
    side = math.isqrt(patches.shape[1] // frames)
    sentence = words[0][mask[0]]
    maps = [_pair(w, window, sentence, scaled=False, residual=False)[2] for window in patches]
    return np.array(maps).reshape(len(patches), frames, side, side)


def _pair(w, patches, words, *, scaled, residual):
    """Return the two means and the heat of one video and one text of real words only."""
    video = _linear(w, 'vis_proj_mat.0', patches)
    text = _linear(w, 'lang_proj_mat.0', words)
    scale = 1 / math.sqrt(video.shape[1]) if scaled else 1.0
    _, first_regions, video, text = _cross(video, text, scale)
    video, _ = _self(w, 'sa_layer.vis_attn_mat', video)
    text, text_map = _self(w, 'sa_layer.text_attn_mat', text)
    second_words, _, new_video, new_text = _cross(video, text, scale)
    if residual:
        new_video, new_text = new_video + video, new_text + text
    rollout = second_words @ text_map @ first_regions  # (R, R)
    return new_video.mean(axis=0), new_text.mean(axis=0), rollout.mean(axis=0)


def _cross(video, text, scale):
    """Return both maps, (R, L) and (L, R), and what each side becomes."""
    scores = video @ text.T * scale
    over_words, over_regions = _softmax(scores), _softmax(scores.T)
    return over_words, over_regions, over_words @ text, over_regions @ video


def _self(w, name, tokens):
    dim = tokens.shape[1]
    fused = tokens @ w[f'{name}.in_proj_weight'].T + w[f'{name}.in_proj_bias']
    query, key, value = fused[:, :dim], fused[:, dim : 2 * dim], fused[:, 2 * dim :]
    weights = _softmax(query @ key.T / math.sqrt(dim))
    return tokens + _linear(w, f'{name}.out_proj', weights @ value), weights


def _global(w, name, feature):
    if f'{name}.0.weight' in w:
        return _linear(w, f'{name}.0', feature)
    mapped = _linear(w, f'{name}.fc', feature)
    return mapped / (1 + np.exp(-_linear(w, f'{name}.cg.fc', mapped)))


def _joint_nce(scores):
    """One softmax over row and column of each clip, so that the positive counts twice."""
    losses = []
    for i in range(len(scores)):
        rivals = np.concatenate([scores[i], scores[:, i]])
        losses.append(np.log(np.exp(rivals - rivals.max()).sum()) + rivals.max() - scores[i, i])
    return np.mean(losses)


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _linear(w, name, x):
    return x @ w[f'{name}.weight'].T + w[f'{name}.bias']
