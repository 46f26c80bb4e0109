"""Frames that every registered selector keeps."""

from functools import partial

import torch
from contracts.test_selectors_contract import VARIANTS, batch_of, build
from selection_clips import features
from two_ranks.clips import build as build_grounder
from two_ranks.clips import inputs

from stgr.ops.gather import all_gather

CLIPS = ['1111111111', '0011111100', '1010101011', '0001100000']


def _kept(ranks, *, name, extra):
    """Return the frames of each clip in the order of ranks; a plan per batch is a rank's own."""
    pairs = batch_of(CLIPS[:2]), batch_of(CLIPS[2:])  # made for two clips
    batch = {name: torch.cat([pair[name] for pair in pairs]) for name in pairs[0]}
    selector = build(name, extra).eval()
    if getattr(selector, 'plan', 'clip') == 'batch' and ranks.world == 1:
        halves = [{k: v[rows] for k, v in batch.items()} for rows in (slice(2), slice(2, 4))]
    else:
        halves = [ranks.own(batch)]
    selections = [selector(*features(half)) for half in halves]
    return all_gather(torch.cat([s.indices.masked_fill(~s.mask, -1) for s in selections]))


def _kept_by_a_grounder(ranks):
    """The frames that the paper's selector keeps inside a model."""
    grounder = build_grounder(ranks, selector={'type': 'SinkhornSelector', 'count': 2})
    batch = inputs(ranks, grounder)
    text = grounder.backbone.encode_text(batch['token_ids'], batch['token_mask'])
    selection = grounder.select(grounder.stored_or_encoded(batch), text)
    return all_gather(selection.indices.masked_fill(~selection.mask, -1))


CASES = {f'{name} {extra}': partial(_kept, name=name, extra=extra) for name, extra in VARIANTS} | {
    'in a grounder': _kept_by_a_grounder
}
