"""Each benchmark's config scores a model, from a video to the numbers."""

import shutil

import pytest
from benchmark_files import (
    write_clips,
    write_daly,
    write_hc_stvg,
    write_mining_youtube,
    write_vhico,
    write_vidstg,
    write_youcook_interactions,
)

from stgr.apis.model_hub import load_config
from stgr.apis.train import evaluate_checkpoint

CASES = {
    'youcook_interactions': (write_youcook_interactions, 'grounding/pointing', 1),
    'vhico': (write_vhico, 'boxed_image', 1),
    'vhico_unseen': (write_vhico, 'boxed_image', 1),
    'daly': (write_daly, 'boxed_image', 1),
    'grounding_youtube_clips': (write_clips, 'single_action', 1),
    'mining_youtube': (write_mining_youtube, 'alignment', 1),
    'vidstg': (write_vidstg, 'query_tube', 2),
    'hcstvg_v1': (write_hc_stvg, 'query_tube', 1),
    'hcstvg_v2': (write_hc_stvg, 'query_tube', 1),
}
COUNTS = {
    'grounding/pointing': 'num_frames',
    'boxed_image': 'num_frames',
    'single_action': 'num_clips',
    'alignment': 'num_videos',
    'query_tube': 'num_queries',
}
SCORES = {
    'grounding/pointing': 'pointing_acc',
    'boxed_image': 'iou_hit_micro',
    'single_action': 'iou_point',
    'alignment': 'iou',
    'query_tube': 'viou',
}


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name', CASES)
def test_a_model_is_scored_on(name, tmp_path, tiny_video, tiny_model):
    write, prefix, count = CASES[name]
    root = tmp_path / 'data'
    (root / 'videos').mkdir(parents=True)
    write(root)
    shutil.copy(tiny_video, root / 'videos' / 'v.mp4')
    config, _ = tiny_model
    cfg = load_config(f'eval/{name}')
    cfg.model = load_config(config).model
    cfg.test_dataloader.dataset.data_root = str(root)
    cfg.test_dataloader.dataset.pipeline[0].size = (32, 32)
    cfg.test_dataloader.num_workers = 0
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.dump(tmp_path / 'eval.py')

    found = evaluate_checkpoint(tmp_path / 'eval.py', None, work_dir=tmp_path, untrained=True)

    assert found[f'{prefix}/{COUNTS[prefix]}'] == count
    assert 0 <= found[f'{prefix}/{SCORES[prefix]}'] <= 1
