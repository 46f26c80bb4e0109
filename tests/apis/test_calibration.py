"""Calibrating: every query asked of every video, chosen on validation alone, scored on test."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stgr.apis import Grounder
from stgr.apis.build import build_grounder
from stgr.apis.calibration import CalibrationJob, calibrate_model, judge_spans
from stgr.apis.calibration.calibrate import annotated_videos
from stgr.apis.calibration.fit import background_of, fit_calibration, occurrence_table, span_table
from stgr.apis.calibration.page import report_lines, write_calibration_page
from stgr.apis.calibration.questions import (
    AskedVideo,
    JudgedSpan,
    Questions,
    ask,
    is_right,
    true_spans,
)
from stgr.apis.calibration.score import score_calibration
from stgr.apis.feature_extraction import feature_provenance
from stgr.apis.inferencer import GroundingInferencer
from stgr.apis.model_hub import load_config
from stgr.calibration import BackgroundBank, calibration_sha256, load_calibration
from stgr.calibration.background_bank import normalise
from stgr.cli import main
from stgr.io.feature_files import write_features
from stgr.io.feature_store import FeatureStore
from stgr.registry import MODELS
from stgr.structures import ModelFacts, Span

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
FACTS = ModelFacts('table', 'a' * 64, None, 'c' * 64)


class TableInferencer:
    """A model that is not there: background scores of queries come from a table."""

    facts, rate_fps = FACTS, 1.0

    def __init__(self, on_background):
        self.on_background = on_background
        self.model = SimpleNamespace(
            device='cpu', encode_text=lambda names: names, similarity=self.similarity
        )

    def similarity(self, background, names):
        return torch.from_numpy(np.stack([self.on_background[name] for name in names]))

    def settings(self, *, exclusive):
        return {'threshold': 0.4 if exclusive else 0.5, 'min_duration_sec': 0.0, 'max_gap_sec': 0.0}


def questions(num_videos=8, num_queries=6, seed=0, offset=0.0, gain=0.5):
    """Videos of six frames; what happens is ``gain`` more similar in half of its frames.

    ``offset`` is how much more similar each query is to everything than the one before.
    """
    generator = np.random.default_rng(seed)
    names = tuple(f'q{i}' for i in range(num_queries))
    videos = []
    for v in range(num_videos):
        scores = (
            generator.normal(0.2, 0.1, (num_queries, 6)) + offset * np.arange(num_queries)[:, None]
        )
        happens = generator.random(num_queries) < 0.4
        happens[v % num_queries] = True
        happens[(v + 1) % num_queries] = False
        scores[happens, 2:5] += gain
        spans = tuple(
            JudgedSpan(
                q, Span(2.0, 5.0 - 2 * (v % 2), float(scores[q, 2:5].mean())), bool(happens[q])
            )
            for q in range(num_queries)
        )
        videos.append(
            AskedVideo(
                f'v{v}',
                scores,
                scores.max(axis=1) >= 0.5,
                happens,
                {'queries': spans, 'actions': spans[:2]},
            )
        )
    ids = tuple(f'v{v}' for v in range(num_videos))
    bank = BackgroundBank(torch.zeros(num_videos, 2), None, (1, 1), ids) if num_videos > 1 else None
    rows = {
        name: 0.2 + offset * q + generator.normal(0, 0.05, num_videos)
        for q, name in enumerate(names)
    }
    truth = {video.video_id: ['q0'] for video in videos}
    return Questions(names, tuple(videos), bank, truth), TableInferencer(rows)


def test_true_spans_are_the_runs_of_seconds_with_the_label():
    labels = [None, 'a', 'a', 'b', 'a', None, 'a']

    assert true_spans(labels, 'a') == [(1, 3), (4, 5), (6, 7)]
    assert true_spans(labels, 'c') == []


@pytest.mark.parametrize(
    ('span', 'right'),
    [
        ((2.0, 4.0), True),  # exactly half of a true one
        ((2.0, 3.9), False),
        ((0.0, 8.0), True),  # the true one is half of it
        ((6.0, 8.0), False),  # beside it: they share a moment only
        ((9.0, 12.0), True),  # the other one
    ],
)
def test_span_is_right_if_half_of_the_union_is_shared(span, right):
    assert is_right(Span(*span, 0.5), [(2.0, 6.0), (9.0, 12.0)]) is right


def test_half_of_the_questions_weigh_as_things_that_happen():
    asked, _ = questions()

    table = occurrence_table(asked, 1, None)

    assert table.weights[table.right].sum() == pytest.approx(0.5)
    assert table.features[:6, 0] == pytest.approx(asked.videos[0].frame_scores.max(axis=1))
    spans = span_table(asked, 'queries')
    assert spans.weights[spans.right].sum() == pytest.approx(0.5)
    assert (span_table(asked, 'actions').weights == 1).all()


def test_prior_of_each_query_is_used_where_it_helps_and_only_there():
    level, inferencer = questions()
    assert not fit_calibration(inferencer, level).occurrence.uses_background

    biased, inferencer = questions(
        offset=0.5
    )  # as similar to everything as another when it happens
    found = fit_calibration(inferencer, biased)

    assert found.occurrence.uses_background
    assert found.bank is biased.bank
    tried = {
        (one['window_frames'], one['uses_background']): one for one in found.provenance['tried']
    }
    window = found.occurrence.window_frames
    assert tried[window, True]['auroc'] > 0.95 > tried[window, False]['auroc']
    assert min(one['log_loss'] for one in tried.values()) == tried[window, True]['log_loss']


def test_left_out_videos_are_judged_by_the_others_alone():
    table = occurrence_table(questions(num_videos=4)[0], 3, None)
    held_out = table.out_of_fold()

    changed = table.right.copy()
    changed[table.videos == 2] = ~changed[table.videos == 2]
    other = type(table)(table.features, changed, table.weights, table.videos).out_of_fold()

    same = other == held_out
    assert same[table.videos == 2].all()  # its own truth decides nothing
    assert not same[table.videos != 2].any()


def test_own_background_does_not_judge_a_video():
    asked, inferencer = questions(num_videos=3, offset=0.5)
    rows = background_of(inferencer, asked.queries, asked)

    everything = np.stack([inferencer.on_background[name] for name in asked.queries])
    assert np.array_equal(rows[1], everything[:, [0, 2]])
    table = occurrence_table(asked, 1, rows)
    expected = normalise(asked.videos[1].frame_scores.max(axis=1), everything[:, [0, 2]])
    assert table.features[6:12, 0] == pytest.approx(expected)


def test_one_video_is_too_few():
    asked, inferencer = questions(num_videos=1)

    with pytest.raises(ValueError, match='two validation videos or more'):
        fit_calibration(inferencer, asked)


def test_queries_that_all_happen_everywhere_are_told_in_words():
    asked, inferencer = questions()
    everywhere = tuple(
        replace(video, happens=np.ones_like(video.happens)) for video in asked.videos
    )

    with pytest.raises(ValueError, match='needs right and wrong answers, but all 42 are right'):
        fit_calibration(inferencer, replace(asked, videos=everywhere))


def test_permuted_queries_all_change_places_and_keep_the_truth():
    asked, _ = questions()

    other = asked.permuted(0)

    assert sorted(other.queries) == list(asked.queries)
    assert all(a != b for a, b in zip(other.queries, asked.queries, strict=True))
    row = asked.queries.index(other.queries[2])
    video = other.videos[1]
    assert np.array_equal(video.frame_scores[2], asked.videos[1].frame_scores[row])
    assert video.happens is asked.videos[1].happens


@pytest.fixture(scope='module')
def scored():
    asked, inferencer = questions(num_videos=12, gain=0.1)
    calibration = fit_calibration(inferencer, asked)
    test, inferencer = questions(num_videos=30, seed=1, gain=0.1)
    return score_calibration(inferencer, test, calibration, num_resamples=50), test, calibration


def test_calibration_helps_where_it_was_not_fitted_and_controls_do_not(scored):
    scores = scored[0]['occurrence']

    def value(system, score):
        return scores[system][score]['estimate']

    assert value('calibrated', 'brier') < value('constant', 'brier') == 0.25
    assert value('calibrated', 'ece') < value('cosine', 'ece')
    assert value('calibrated', 'auroc') > 0.75
    assert scores['permuted']['auroc']['low'] < 0.5 < scores['permuted']['auroc']['high']
    assert value('constant', 'auroc') == 0.5


def test_decisions_are_those_of_thresholds_that_were_there_before(scored):
    document, test, calibration = scored
    happens = np.concatenate([video.happens for video in test.videos])
    cosine = np.concatenate([video.frame_scores.max(axis=1) for video in test.videos])
    p = np.concatenate([calibration.occurrence(v.frame_scores, None) for v in test.videos])

    found = {name: one['estimate'] for name, one in document['occurrence']['cosine'].items()}
    yes, no = (cosine >= 0.5)[happens].mean(), (cosine < 0.5)[~happens].mean()
    assert found['found_of_happening@threshold'] == pytest.approx(yes)
    assert found['not_found_of_absent@threshold'] == pytest.approx(no)
    assert found['accuracy@threshold'] == pytest.approx((yes + no) / 2)
    judged = document['occurrence']['calibrated']['accuracy@min_score']
    said = (p >= calibration.min_score) & (cosine >= 0.5)
    yes, no = said[happens].mean(), (~said)[~happens].mean()
    assert judged['estimate'] == pytest.approx((yes + no) / 2)
    assert judged['low'] < judged['estimate'] < judged['high']


def test_page_and_lines_show_before_and_after(scored, tmp_path):
    document = {**scored[0], 'model': '<table>', 'data': 'somewhere'}

    page = write_calibration_page(document, scored[2], tmp_path).read_text()
    lines = '\n'.join(report_lines(document))

    assert page.count('<svg class="chart"') == 6  # three groups, before and after
    assert '&lt;table&gt;' in page
    brier = document['occurrence']['calibrated']['brier']
    cell = f'{brier["estimate"]:.3f} [{brier["low"]:.3f}, {brier["high"]:.3f}]'
    assert cell in page
    assert cell in lines


@pytest.fixture
def kitchen(tmp_path, tiny_clip_dir):
    """A config whose validation and test videos have features at 2 per second, and its weights."""
    config = tmp_path / 'kitchen.py'
    model = (
        'from stgr.datasets import GroundingYouTube\n'
        'from stgr.datasets.transforms import LoadFeatures\n'
        'from stgr.models.backbones import CLIPBackbone\n'
        'from stgr.models.grounders import SpatioTemporalGrounder\n'
        'from stgr.models.heads import GlobalHead\n'
        'from stgr.models.losses import MMSLoss\n'
        'from stgr.models.selectors import TopKSelector\n'
        'model = dict(type=SpatioTemporalGrounder, '
        f'backbone=dict(type=CLIPBackbone, source={str(tiny_clip_dir)!r}), '
        'selector=dict(type=TopKSelector, count=2), global_head=dict(type=GlobalHead, dim=8), '
        'loss=dict(type=MMSLoss), threshold=0.0)\n'
    )
    loader = '{}_dataloader = dict(dataset=dict(type=GroundingYouTube, data_root={!r}, {}))\n'
    pipeline = f'pipeline=[dict(type=LoadFeatures, store_dir={str(tmp_path / "features")!r})]'
    for split in ('train', 'val', 'test'):
        model += loader.format(
            split, str(tmp_path / split), f'videos_dir=None, segments=None, {pipeline}'
        )
    config.write_text(model)
    grounder = MODELS.build(load_config(config).model)
    save_file(grounder.state_dict(), tmp_path / 'kitchen.safetensors')
    provenance = feature_provenance(grounder, rate_fps=2.0, reader='pyav')
    generator = np.random.default_rng(0)
    for split, count in (('val', 4), ('test', 3)):
        write_split(tmp_path / split, split, count)
        (tmp_path / 'features').mkdir(exist_ok=True)
        for v in range(count):
            write_features(
                tmp_path / 'features' / f'{split}{v}.safetensors',
                times_sec=np.arange(38) / 2,
                frames=generator.normal(size=(38, 32)),
                patches=generator.normal(size=(38, 16, 32)),
                provenance=provenance,
            )
    return config, tmp_path / 'kitchen.safetensors'


def write_split(folder, split, count):
    """Write videos in which two of three names happen for four seconds each, until second 12."""
    names = ('crack egg', 'slice bread', 'fry pancake')
    boxes = {}
    for v in range(count):
        shown = {2: names[v % 3], 9: names[(v + 1) % 3]}
        boxes[f'{split}{v}'] = [
            {'second': start + i, 'box': [0, 0, 9, 9], 'step_name': name}
            for start, name in shown.items()
            for i in range(4)
        ]
    folder.mkdir()
    (folder / 'box_anno.json').write_text(json.dumps(boxes))
    (folder / 'id2wh_new.json').write_text(json.dumps({name: [64, 48] for name in boxes}))


def job(kitchen, **settings):
    config, weights = kitchen
    return CalibrationJob(model=config, weights=weights, device='cpu', **settings)


def test_command_fits_beside_the_weights_and_scores_test(kitchen, tmp_path, capsys):
    config, weights = kitchen

    status = main([
        'calibrate', str(config), '--weights', str(weights), '--test', str(tmp_path / 'test'),
        '--report', str(tmp_path / 'page'), '--resamples', '20', '--device', 'cpu',
    ])  # fmt: skip

    said = capsys.readouterr()
    assert status == 0, said.err
    assert said.out.startswith(
        '12 questions about 4 videos, 8 of things that happen; evidence over'
    )
    calibration = load_calibration(tmp_path / 'kitchen.calibration.json')
    assert calibration.provenance['data'] == str(tmp_path / 'val')
    assert calibration.rate_fps == 2
    scores = json.loads((tmp_path / 'page' / 'scores.json').read_text())
    assert (scores['videos'], scores['questions'], scores['happening']) == (3, 9, 6)
    assert (tmp_path / 'page' / 'report.html').is_file()
    assert Grounder(config, weights=weights, device='cpu').inferencer.judge.calibration is not None


def test_answers_are_those_of_the_grounder(kitchen, tmp_path):
    config, weights = kitchen
    inferencer = Grounder(config, weights=weights, device='cpu').inferencer
    dataset = annotated_videos(load_config(config), 'val_dataloader', None)

    asked = ask(inferencer, dataset, features=tmp_path / 'features', bank_frames=20)

    assert asked.queries == ('crack egg', 'fry pancake', 'slice bread')
    video = asked.videos[0]
    assert video.happens.tolist() == [True, False, True]
    stored = FeatureStore(tmp_path / 'features').open('val0')
    scores = inferencer.scores(stored, asked.queries)
    assert np.array_equal(video.frame_scores, scores)
    _, answers = inferencer.localize(scores, stored.times_sec, 20.0, exclusive=False)
    assert video.found.tolist() == [bool(answer.spans) for answer in answers]
    assert [one.span for one in video.spans['queries']] == [s for a in answers for s in a.spans]
    assert {one.query for one in video.spans['actions']} <= {0, 2}  # its own pool
    assert asked.bank.video_ids == ('val0',) * 5 + ('val1',) * 5 + ('val2',) * 5 + ('val3',) * 5
    # Background: 0..1 s, 6..8 s and 13 s on; of 38 frames 4 + 6 + 12, five of them evenly.
    background = [0, 1, 2, 3, *range(12, 18), *range(26, 38)]
    frames = stored.read([background[int((i + 0.5) * 22 / 5)] for i in range(5)], patches=False)
    assert torch.equal(asked.bank.frames[:5], frames.frames)


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'data': 'train'}, ValueError, 'is what the model was trained on'),
        ({'data': 'val/../train'}, ValueError, 'is what the model was trained on'),
        ({'test': 'val'}, ValueError, r'4 test videos are among those .* \(val0, val1, val2'),
        ({'report': 'page'}, ValueError, 'give their split with --test'),
        ({'num_resamples': 0}, ValueError, 'at least 1 resample, not 0'),
        ({'rate_fps': 0.0}, ValueError, r'> 0 and at most 1000, but got 0\.0'),
        ({'test': 'nowhere'}, FileNotFoundError, 'nowhere'),
        ({'rate_fps': 4.0}, ValueError, 'has 2 features per second, but answers are at 4'),
        ({'decode': True}, FileNotFoundError, 'val0 has neither stored features nor a video'),
        ({'data': 'nowhere'}, FileNotFoundError, 'nowhere'),
        ({'out': 'x.json'}, ValueError, r'must end in \.calibration\.json'),
    ],
)
def test_what_would_not_be_honest_or_cannot_be_done_is_refused(
    kitchen, tmp_path, settings, error, message
):
    settings = {
        name: tmp_path / value if isinstance(value, str) else value
        for name, value in settings.items()
    }

    with pytest.raises(error, match=message):
        calibrate_model(job(kitchen, **{'num_resamples': 2, **settings}))
    assert not (tmp_path / 'kitchen.calibration.json').exists()


def test_test_videos_in_which_everything_asked_happens_are_refused(kitchen, tmp_path):
    write_split(tmp_path / 'one', 'test', 1)  # only what is in it is asked about it

    with pytest.raises(ValueError, match='each of 2 questions about 1 test videos asks for what'):
        calibrate_model(job(kitchen, test=tmp_path / 'one', num_resamples=2))


def test_files_named_absolutely_follow_to_a_folder_that_has_its_own(kitchen, tmp_path):
    config = load_config(kitchen[0])
    named = {'boxes': 'box_anno.json', 'videos_dir': 'videos.json', 'durations': 'durations.json'}
    listed = {f'test{i}': f'{i}.mp4' for i in range(3)}
    (tmp_path / 'val' / 'videos.json').write_text(json.dumps(listed))
    (tmp_path / 'test' / 'durations.json').write_text('{}')
    config.val_dataloader.dataset.update({k: str(tmp_path / 'val' / v) for k, v in named.items()})

    dataset = annotated_videos(config, 'val_dataloader', tmp_path / 'test')

    assert list(dataset.video_ids) == ['test0', 'test1', 'test2']
    assert dataset.videos.folder == tmp_path / 'val' / 'videos.json'  # the new one has none


def test_videos_that_were_learned_from_are_refused_wherever_their_clicks_lie(kitchen, tmp_path):
    config = load_config(kitchen[0])
    (tmp_path / 'train.json').write_text('{"test1": {}, "other": {}}')
    config.train_dataloader.dataset = {'data_root': str(tmp_path), 'captions': 'train.json'}

    with pytest.raises(ValueError, match=r'1 videos of .*test are what the model .* \(test1'):
        annotated_videos(config, 'val_dataloader', tmp_path / 'test')


def test_model_without_weights_needs_a_place_for_its_calibration():
    with pytest.raises(ValueError, match=r'give a file with --out NAME\.calibration\.json'):
        calibrate_model(CalibrationJob(model='baselines/tiny_zero_shot'))


def test_same_videos_give_the_same_calibration(kitchen, tmp_path):
    first, _ = calibrate_model(job(kitchen, out=tmp_path / 'a.calibration.json'))
    second, _ = calibrate_model(job(kitchen, out=tmp_path / 'b.calibration.json'))

    assert calibration_sha256(first) == calibration_sha256(second)
    assert first.provenance == second.provenance


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('choose_spans', TOOLS / 'choose_spans.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tool_does_not_decode_what_is_not_there(tool, kitchen, capsys):
    config, weights = kitchen

    assert tool.main([str(config), '--weights', str(weights), '--decode']) == 1
    assert capsys.readouterr().err == 'error: 4 of 4 videos are not there\n'


def test_tool_shows_the_spans_of_every_pair_of_durations(tool, kitchen, capsys):
    config, weights = kitchen
    asked = [str(config), '--weights', str(weights), '--split', 'test']
    assert tool.main([*asked, '--min-duration', '0', '2', '--max-gap', '0', '0.5']) == 0

    rows = [line.split('|')[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    pairs = [(0, 0), (0, 0.5), (2, 0), (2, 0.5)]
    model, facts = build_grounder(str(config), weights=weights, device='cpu')
    videos = annotated_videos(load_config(config), 'test_dataloader', None)
    expected = []
    for shortest_sec, gap_sec in pairs:
        inferencer = GroundingInferencer(
            model, facts, min_duration_sec=shortest_sec, max_gap_sec=gap_sec
        )
        answers = ask(inferencer, videos, features=config.parent / 'features')
        alone, pool = (judge_spans(answers, mode) for mode in ('queries', 'actions'))
        counts = [str(n) for n in (alone.right, alone.answered, alone.true, f'{alone.f1:.3f}')]
        counts += [str(n) for n in (pool.right, pool.answered, pool.true, f'{pool.f1:.3f}')]
        expected.append([f'{shortest_sec:g} s', f'{gap_sec:g} s', *counts, str(alone.elsewhere)])
    assert [[cell.strip() for cell in row] for row in rows] == expected
    assert len({tuple(row[2:]) for row in expected}) > 1
