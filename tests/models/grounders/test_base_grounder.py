"""Answers on videos: labels by threshold, maps that sum to 1, thresholds in the weights."""

import copy
import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stgr.datasets import GroundingYouTube
from stgr.datasets.transforms import PackClip
from stgr.engine.calibrate_thresholds_hook import calibrate
from stgr.evaluation.metrics import GroundingMetric
from stgr.localizers import HysteresisTemporalLocalizer, ThresholdTemporalLocalizer
from stgr.models.grounders import ZeroShotGrounder
from stgr.models.grounders.patch_similarity import patch_similarity_maps
from stgr.models.heads import SmoothedTimeScores


@pytest.fixture(scope='module')
def zero_shot(make_grounder):
    return make_grounder(
        type=ZeroShotGrounder, selector=..., loss=..., global_head=..., local_head=...
    )


def answer(grounder, videos, threshold=None):
    grounder = copy.deepcopy(grounder).eval()
    if threshold is not None:
        grounder.pool_threshold.fill_(threshold)
    return grounder.test_step(copy.deepcopy(videos))


def alone(videos, index):
    return {
        'inputs': {'frames': [videos['inputs']['frames'][index]]},
        'data_samples': [videos['data_samples'][index]],
    }


def test_labels_are_the_most_similar_query_or_background_by_hand(grounder, videos):
    scores = answer(grounder, videos)[0].similarity
    threshold = scores.max(dim=0).values.median().item()

    sample = answer(grounder, videos, threshold)[0]

    by_hand = []
    for frame in scores.T.tolist():  # one frame, a score per query
        best = max(range(3), key=frame.__getitem__)
        by_hand.append(best if frame[best] >= threshold else -1)
    assert sample.pred_labels.tolist() == by_hand
    assert -1 in by_hand
    assert sample.pred_scores.tolist() == [max(frame) for frame in scores.T.tolist()]
    best = [max(range(3), key=frame.__getitem__) for frame in scores.T.tolist()]
    assert sample.pred_best_labels.tolist() == best


def test_threshold_equal_to_a_score_keeps_the_frame(grounder, videos):
    top = answer(grounder, videos)[0].similarity.max().item()

    labels = answer(grounder, videos, top)[0].pred_labels

    assert int((labels >= 0).sum()) == 1


def test_maps_sum_to_one_on_labelled_frames_and_are_zero_on_others(grounder, videos):
    sample = answer(grounder, videos, -1.0)[0]
    nothing = answer(grounder, videos, 1.1)[0]

    torch.testing.assert_close(sample.heatmaps.sum(dim=(1, 2)), torch.ones(4))
    assert sample.heatmaps.shape == (4, 4, 4)
    assert float(sample.heatmaps.min()) >= 0
    assert not nothing.heatmaps.any()
    assert nothing.pred_labels.tolist() == [-1] * 4
    torch.testing.assert_close(sample.gt_heatmaps.sum(dim=(1, 2)), torch.tensor([1.0, 0, 1, 1]))


def test_map_of_a_frame_is_that_of_its_own_label(zero_shot, videos):
    sample = answer(zero_shot, videos, -1.0)[0]
    _, patches = zero_shot.encode_frames(videos['inputs']['frames'][0])
    texts = zero_shot.encode_text([*sample.pool, *sample.unasked]).sentence

    maps = [
        [patch_similarity_maps(p[None, None], t[None]).reshape(4, 4) for t in texts]
        for p in patches
    ]
    assert (maps[0][0] - maps[0][1]).abs().max() > 1e-3  # labels differ in their maps
    for f, label in enumerate(sample.pred_labels.tolist()):
        torch.testing.assert_close(sample.heatmaps[f], maps[f][label], atol=1e-5, rtol=0)
    torch.testing.assert_close(sample.gt_heatmaps[0], maps[0][1], atol=1e-5, rtol=0)
    torch.testing.assert_close(sample.gt_heatmaps[2], maps[2][3], atol=1e-5, rtol=0)  # unasked
    torch.testing.assert_close(sample.gt_heatmaps[3], maps[3][0], atol=1e-5, rtol=0)


def test_frames_of_a_window_compete_and_windows_are_runs_of_one_label(make_grounder, videos):
    single, windowed = make_grounder().eval(), make_grounder(heat_window=2).eval()
    _, patches = single.encode_frames(videos['inputs']['frames'][0].repeat(2, 1, 1, 1)[:6])
    text = single.encode_text(['flip it', 'crack an egg'])
    labels = torch.tensor([0, 0, 0, 0, 0, 1])
    wanted = torch.tensor([True, False, True, True, True, True])

    maps = windowed.labelled_heatmaps(patches, text, labels, wanted).flatten(1)

    sums = [1, 0, None, None, 1, 1]  # runs of 1, of 3 cut into 2 and 1, of 1
    for frame, expected in enumerate(sums):
        if expected is not None:
            assert maps[frame].sum().item() == pytest.approx(expected, abs=1e-5)
    assert maps[2:4].sum().item() == pytest.approx(1, abs=1e-5)
    together = single.local_head.heatmaps(patches[None, 2:4], text.words[:1], text.mask[:1])
    torch.testing.assert_close(maps[2:4], together[0], atol=1e-6, rtol=0)
    alone = single.labelled_heatmaps(patches, text, labels, wanted).flatten(1)
    torch.testing.assert_close(maps[[0, 4, 5]], alone[[0, 4, 5]], atol=1e-6, rtol=0)


def test_a_window_below_one_frame_is_refused(make_grounder):
    with pytest.raises(ValueError, match='heat_window must be >= 1, but got 0'):
        make_grounder(heat_window=0)


def test_videos_of_a_batch_are_answered_as_if_alone(grounder, videos):
    together = answer(grounder, videos, 0.0)

    for i, sample in enumerate(together):
        single = answer(grounder, alone(videos, i), 0.0)[0]
        torch.testing.assert_close(sample.similarity, single.similarity, atol=1e-5, rtol=1e-5)
        assert torch.equal(sample.pred_labels, single.pred_labels)


def test_long_videos_are_encoded_in_chunks_with_the_same_answer(grounder, videos, monkeypatch):
    whole = answer(grounder, videos, -1.0)
    monkeypatch.setattr('stgr.models.grounders.base_grounder.FRAMES_PER_CHUNK', 3)  # of 4

    for sample, expected in zip(answer(grounder, videos, -1.0), whole, strict=True):
        torch.testing.assert_close(sample.similarity, expected.similarity, atol=1e-5, rtol=0)
        torch.testing.assert_close(sample.heatmaps, expected.heatmaps, atol=1e-5, rtol=0)


def test_chunks_count_the_pictures_of_all_clips(grounder, videos, monkeypatch):
    monkeypatch.setattr('stgr.models.grounders.base_grounder.FRAMES_PER_CHUNK', 4)
    inputs = grounder.data_preprocessor(videos)['inputs']
    whole, encode, sizes = grounder.stored_or_encoded(inputs), grounder.backbone.encode_video, []

    def counting(frames, mask):
        sizes.append(frames.shape[:2].numel())
        return encode(frames, mask)

    monkeypatch.setattr(grounder.backbone, 'encode_video', counting)
    with torch.no_grad():
        parts = grounder.stored_or_encoded(inputs)

    assert sizes == [4, 4]  # of two videos with four frames each
    torch.testing.assert_close(parts.frames, whole.frames, atol=1e-5, rtol=0)


def test_thresholds_are_calibrated_by_patches_where_the_local_head_tells_time(
    make_grounder, videos
):
    grounder = make_grounder(global_head=None)
    inputs = videos['inputs']['frames']
    packed = [
        {'inputs': {'frames': frames}, 'data_samples': sample}
        for frames, sample in zip(inputs, videos['data_samples'], strict=True)
    ]

    found = calibrate(grounder, packed)

    assert grounder.pool_threshold.item() == pytest.approx(found['pool_threshold'])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_answers_of_a_gpu_come_back_to_where_metrics_are_computed(make_grounder, videos):
    for sample in answer(make_grounder().cuda(), videos):
        assert {value.device.type for value in sample.values()} == {'cpu'}


def test_thresholds_are_part_of_the_weights(make_grounder):
    calibrated, other = make_grounder(threshold=0.25), make_grounder()
    calibrated.query_threshold.fill_(0.75)

    other.load_state_dict(calibrated.state_dict(), strict=True)

    assert (float(other.pool_threshold), float(other.query_threshold)) == (0.25, 0.75)


def test_checkpoints_hold_heads_thresholds_and_whose_backbone_only(grounder):
    names = set(grounder.state_dict())
    of_backbone = {name for name in names if name.startswith('backbone.')}

    assert of_backbone == {'backbone.fingerprint'}
    roots = {name.split('.')[0] for name in names - of_backbone}
    assert roots == {'pool_threshold', 'query_threshold', 'global_head', 'local_head'}


def test_unknown_mode_is_refused(grounder, videos):
    with pytest.raises(ValueError, match="'loss' or 'predict', but got 'tensor'"):
        grounder(**grounder.data_preprocessor(videos), mode='tensor')


def test_frames_are_encoded_as_in_a_batch(grounder, videos):
    frames, patches = grounder.encode_frames(videos['inputs']['frames'][0])
    inputs = grounder.data_preprocessor(videos)['inputs']

    batch = grounder.stored_or_encoded(inputs)

    torch.testing.assert_close(frames, batch.frames[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(patches, batch.patches[0], atol=1e-5, rtol=1e-5)


def test_zero_shot_scores_are_the_cosines_of_clip_itself(zero_shot, videos):
    sample = answer(zero_shot, videos)[0]

    clip, encoder = zero_shot.backbone.clip, zero_shot.backbone
    pixels = zero_shot.data_preprocessor.normalise(videos['inputs']['frames'][0])
    frames = clip.get_image_features(pixel_values=pixels).pooler_output
    token_ids, mask = encoder.tokenize(list(sample.pool))
    texts = clip.get_text_features(input_ids=token_ids, attention_mask=mask.long()).pooler_output
    expected = F.cosine_similarity(texts[:, None], frames[None], dim=-1)
    torch.testing.assert_close(sample.similarity, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('name', ['grounder', 'zero_shot'])
def test_similarity_is_the_cosine_of_what_an_index_keeps(name, videos, request):
    model = request.getfixturevalue(name).eval()
    inputs = model.data_preprocessor(copy.deepcopy(videos))['inputs']
    video = model.video_features({key: values[:1] for key, values in inputs.items()})
    text = model.encode_text(['flip it', 'crack an egg'])

    frames, queries = model.embed_frames(video), model.embed_queries(text)

    expected = F.cosine_similarity(queries[:, None], frames[None], dim=-1)
    torch.testing.assert_close(model.similarity(video, text), expected, atol=1e-5, rtol=1e-5)


def test_a_model_that_scores_patches_has_nothing_for_an_index(make_grounder):
    model = make_grounder(global_head=None)

    for embed in (model.embed_frames, model.embed_queries):
        with pytest.raises(ValueError, match='use a model with a global head'):
            embed(None)


def test_zero_shot_locates_but_does_not_learn(zero_shot, videos):
    sample = answer(zero_shot, videos, -1.0)[0]

    torch.testing.assert_close(sample.heatmaps.sum(dim=(1, 2)), torch.ones(4))
    thresholds = {'pool_threshold', 'query_threshold'}
    assert set(zero_shot.state_dict()) == {*thresholds, 'backbone.fingerprint'}
    with pytest.raises(ValueError, match='nothing to train'):
        zero_shot.loss({})


def test_a_pool_that_lacks_true_actions_is_scored_and_they_are_misses(grounder, tmp_path):
    files = {
        'box_anno.json': {
            'v': [
                {'second': 0, 'box': [0, 0, 9, 9], 'step_name': 'flip it'},
                {'second': 1, 'box': [0, 0, 9, 9], 'step_name': 'peel it'},
                {'second': 2, 'box': [0, 0, 9, 9], 'step_name': 'flip it'},
            ]
        },
        'id2wh_new.json': {'v': [24, 20]},
        'vid2step.json': {'v': ['flip it', 'background']},
        'durations.json': {'v': 3.0},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    data = GroundingYouTube(
        str(tmp_path), segments=None, videos_dir=None, durations='durations.json', pool='vid2step'
    )
    packed = PackClip()(data[0] | {'frames': np.zeros((3, 20, 24, 3), np.uint8)})
    videos = {
        'inputs': {key: [value] for key, value in packed['inputs'].items()},
        'data_samples': [packed['data_samples']],
    }

    metric = GroundingMetric(controls=['chance', 'oracle'])
    metric.dataset_meta = data.metainfo
    metric.process(None, [one.to_dict() for one in answer(grounder, videos, -1.0)])
    found = metric.evaluate(1)

    assert found['grounding/labels/label_acc'] == pytest.approx(2 / 3)
    assert found['grounding/oracle/labels/label_acc'] == 1
    assert found['grounding/coverage/boxes_scored'] == 3


@pytest.mark.parametrize('learns', [True, False], ids=['trained', 'zero-shot'])
def test_any_model_may_smooth_its_scores_and_choose_its_localizer(make_grounder, learns):
    bare = dict.fromkeys(('selector', 'loss', 'global_head', 'local_head'), ...)
    grounder = make_grounder(
        **({} if learns else {'type': ZeroShotGrounder, **bare}),
        time_scores={'type': SmoothedTimeScores, 'sigma_sec': 1.0},
        localizer={'type': HysteresisTemporalLocalizer, 'margin': 0.25},
    )
    similarity = torch.tensor([[0.0, 1.0, 0.0]])

    scores = grounder.scores_over_time(similarity, torch.arange(3.0), exclusive=True)

    weight = math.exp(-0.5)  # of a frame one second away
    beside = weight / (1 + weight + math.exp(-2))
    expected = torch.tensor([[beside, 1 / (1 + 2 * weight), beside]])
    torch.testing.assert_close(scores, expected)
    assert isinstance(grounder.temporal_localizer(0.5), HysteresisTemporalLocalizer)


def test_scores_are_the_similarities_and_need_no_times_unless_a_config_says_so(grounder):
    similarity = torch.rand(2, 3)

    assert grounder.scores_over_time(similarity, None, exclusive=True) is similarity
    assert type(grounder.temporal_localizer(0.5)) is ThresholdTemporalLocalizer


def test_durations_of_the_config_hold_where_no_others_are_asked_for(make_grounder):
    durations = {'min_duration_sec': 3, 'max_gap_sec': 1}
    grounder = make_grounder(localizer={'type': ThresholdTemporalLocalizer, **durations})

    def spans(**asked):
        localizer = grounder.temporal_localizer(0.5, **asked)
        return localizer.threshold, localizer.min_duration_sec, localizer.max_gap_sec

    assert spans() == (0.5, 3, 1)
    assert spans(min_duration_sec=0.0) == (0.5, 0, 1)
    assert spans(max_gap_sec=0.0) == (0.5, 3, 0)
