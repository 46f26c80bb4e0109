"""Answers of a calibrated model carry probabilities; those of any other are what they were."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from stgr.apis import Grounder
from stgr.apis.answer_judge import AnswerJudge
from stgr.apis.build import build_grounder, find_calibration
from stgr.apis.ground_videos import GroundingJob, ground_videos
from stgr.apis.inferencer import GroundingInferencer
from stgr.calibration import (
    BackgroundBank,
    Calibration,
    LogisticMap,
    Occurrence,
    SpanCalibration,
    save_calibration,
)
from stgr.calibration.background_bank import normalise
from stgr.cli import main
from stgr.io.result_json import result_to_json
from stgr.io.results import load_result, save_result
from stgr.localizers import TemporalAnswer
from stgr.structures import Span

QUERIES = ['crack an egg', 'melt the butter in a pan']
SETTINGS = {'threshold': -1.0, 'min_duration_sec': 0.0, 'max_gap_sec': 0.0}


@pytest.fixture(scope='module')
def plain(door):
    return GroundingInferencer(door.inferencer.model, door.facts, rate_fps=4)


@pytest.fixture(scope='module')
def encoded(plain, tiny_video):
    with plain.encode(tiny_video) as video:
        yield video


@pytest.fixture(scope='module')
def asked(plain, encoded):
    return plain.ground(encoded, QUERIES, exclusive=False)


@pytest.fixture(scope='module')
def calibration(door, asked):
    """Just above one half for the first query and just below it for the second, or the reverse."""
    first, second = (float(np.mean(query.frame_scores, dtype='f8')) for query in asked.queries)
    facts = door.facts
    return Calibration(
        model_name=facts.name,
        weights_sha256=facts.weights_sha256,
        config_sha256=facts.config_sha256,
        rate_fps=4,
        # All 12 frames: the evidence is the mean.
        occurrence=Occurrence(12, LogisticMap((50.0,), -25 * (first + second)), False),
        spans={'queries': SpanCalibration(LogisticMap((1.0, 0.5), 0.25), SETTINGS)},
        bank=None,
        min_score=0.5,
    )


def calibrated(plain, calibration, **settings):
    settings = {'rate_fps': 4, **settings}
    return GroundingInferencer(plain.model, plain.facts, calibration=calibration, **settings)


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def means(asked):
    return [float(np.mean(query.frame_scores, dtype='f8')) for query in asked.queries]


def test_probabilities_are_those_of_the_scores_by_hand(plain, calibration, encoded, asked):
    found = calibrated(plain, calibration).ground(encoded, QUERIES, exclusive=False)

    first, second = means(asked)
    half = 25 * abs(first - second)
    expected = (
        [sigmoid(half), sigmoid(-half)] if first > second else [sigmoid(-half), sigmoid(half)]
    )
    assert [query.probability for query in found.queries] == pytest.approx(expected)
    for query in found.queries:  # one span of three seconds
        (span,) = query.spans
        assert span.probability == pytest.approx(sigmoid(span.score + 0.5 * np.log(3) + 0.25))
        assert query.tubes[0].span == span


def test_answers_of_an_uncalibrated_model_say_no_word_of_probabilities(plain, encoded, asked):
    assert 'probability' not in json.dumps(result_to_json(asked))
    assert set(asked.settings) == {
        'mode', 'threshold', 'rate_fps', 'min_duration_sec', 'max_gap_sec', 'relative_threshold',
        'reader',
    }  # fmt: skip


def test_all_but_the_probabilities_is_as_without_calibration(plain, calibration, encoded, asked):
    found = calibrated(plain, calibration).ground(encoded, QUERIES, exclusive=False)

    for ours, theirs in zip(found.queries, asked.queries, strict=True):
        assert (ours.found, ours.score) == (theirs.found, theirs.score)
        assert np.array_equal(ours.heatmaps.values, theirs.heatmaps.values)
        bare = tuple(replace(span, probability=None) for span in ours.spans)
        assert bare == theirs.spans


@pytest.mark.parametrize('exclusive', [False, True])
def test_improbable_queries_are_not_found(plain, calibration, encoded, asked, exclusive):
    found = calibrated(plain, calibration, min_score=0.5).ground(
        encoded, QUERIES, exclusive=exclusive
    )

    first, second = means(asked)
    better, worse = (0, 1) if first > second else (1, 0)
    assert not found.queries[worse].found
    assert found.queries[worse].spans == found.queries[worse].tubes == ()
    assert found.queries[worse].probability < 0.5 <= found.queries[better].probability
    if not exclusive:
        assert found.queries[better].found
    assert found.settings['min_score'] == 0.5


def test_no_frame_is_left_of_an_improbable_query(plain, calibration, asked):
    """Else heat maps would be made that nobody gets."""
    judge = AnswerJudge(calibration, min_score=0.5, rate_fps=4, model_name='x')
    answers = [TemporalAnswer(np.ones(12, bool), query.spans) for query in asked.queries]

    judged = judge(answers, [0.4, 0.5], asked.settings)

    assert [answer.active.any() for answer in judged] == [False, True]


def test_exactly_the_wanted_probability_is_found(plain, calibration, encoded):
    sure = calibrated(plain, calibration).ground(encoded, QUERIES, exclusive=False)
    wanted = min(query.probability for query in sure.queries)

    found = calibrated(plain, calibration, min_score=wanted).ground(
        encoded, QUERIES, exclusive=False
    )

    assert all(query.found for query in found.queries)


def test_query_is_compared_with_itself_on_background(plain, calibration, encoded, asked):
    block = encoded.features.read(slice(0, 5), patches=False)
    bank = BackgroundBank(block.frames, None, encoded.features.grid, ('a', 'a', 'b', 'b', 'b'))
    occurrence = Occurrence(12, LogisticMap((0.7,), 0.1), uses_background=True)
    with_bank = replace(calibration, occurrence=occurrence, bank=bank)

    found = calibrated(plain, with_bank).ground(encoded, QUERIES, exclusive=False)

    on_background = np.stack([query.frame_scores[:5] for query in asked.queries])
    deviations = normalise(np.asarray(means(asked)), on_background)
    expected = sigmoid(0.7 * deviations + 0.1)
    assert [query.probability for query in found.queries] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('change', [{'threshold': -0.9}, {'max_gap_sec': 1.0}])
def test_spans_made_otherwise_have_no_probability_but_queries_do(
    plain, calibration, encoded, change
):
    found = calibrated(plain, calibration, **change).ground(encoded, QUERIES, exclusive=False)

    assert all(query.probability is not None for query in found.queries)
    assert all(span.probability is None for query in found.queries for span in query.spans)


def test_at_another_rate_a_warning_says_that_there_are_none(plain, calibration):
    with pytest.warns(UserWarning, match='no probabilities: the calibration is for 4 evaluated'):
        other = calibrated(plain, calibration, rate_fps=2)

    assert other.judge.calibration is None
    with pytest.raises(ValueError, match='run stgr calibrate with --fps 2'):
        calibrated(plain, calibration, rate_fps=2, min_score=0.5)


def test_min_score_without_calibration_is_refused(plain):
    with pytest.raises(ValueError, match='has no calibration to tell it; make one with stgr calib'):
        calibrated(plain, None, min_score=0.5)
    with pytest.raises(ValueError, match='min_score needs a probability from 0 to 1 or none'):
        calibrated(plain, None, min_score=1.5)


def test_probabilities_are_saved_and_read_back(plain, calibration, encoded, tmp_path):
    found = calibrated(plain, calibration).ground(encoded, QUERIES, exclusive=False)

    save_result(found, tmp_path)
    again = load_result(tmp_path)

    assert [query.probability for query in again.queries] == [
        query.probability for query in found.queries
    ]
    assert [query.spans for query in again.queries] == [query.spans for query in found.queries]
    document = json.loads((tmp_path / 'result.json').read_text())
    assert document['schema_version'] == 1
    document['queries'][0]['probability'] = 1.5
    (tmp_path / 'result.json').write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r'queries\[0\].*probability from 0 to 1'):
        load_result(tmp_path)


@pytest.mark.parametrize('probability', [-0.1, 1.1, float('nan')])
def test_span_refuses_what_is_no_probability(probability):
    with pytest.raises(ValueError, match='probability from 0 to 1'):
        Span(0.0, 1.0, 0.5, probability)


def copied_model(tiny_model, folder):
    config, weights = tiny_model
    copy = folder / 'copy.safetensors'
    copy.write_bytes(weights.read_bytes())
    return str(config), copy


def test_calibration_beside_the_weights_is_found_and_told_in_words_and_tables(
    tiny_model, calibration, tiny_video, tmp_path
):
    config, weights = copied_model(tiny_model, tmp_path)
    _, facts = build_grounder(config, weights=weights, device='cpu')
    fitting = replace(
        calibration, config_sha256=facts.config_sha256, rate_fps=2.0,
        occurrence=replace(calibration.occurrence, window_frames=1),
    )  # fmt: skip
    save_calibration(fitting, tmp_path / 'copy.calibration.json')
    videos = []
    for name in 'ab':
        videos.append(tmp_path / f'{name}.mp4')
        videos[-1].write_bytes(tiny_video.read_bytes())
    job = GroundingJob(queries=tuple(QUERIES), model=config, weights=weights, device='cpu')
    said = []

    ground_videos(job, videos, tmp_path / 'out', say=said.append)

    assert sum('(probability ' in line for line in said) == 4
    with (tmp_path / 'out' / 'summary.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        answer = load_result(tmp_path / 'out' / row['video'][-5])
        (query,) = (one for one in answer.queries if one.query == row['query'])
        assert row['query_probability'] == f'{query.probability:.4f}'
        assert row['span_probability'] == f'{query.spans[0].probability:.4f}'
    page = (tmp_path / 'out' / 'a' / 'report.html').read_text()
    assert f'<br>probability {answer.queries[0].probability:.2f}' in page
    assert 'right with probability ' in page
    strict = replace(job, min_score=1.0)
    ground_videos(strict, videos[:1], tmp_path / 'strict', say=said.append)
    assert sum('not found (probability ' in line for line in said) == 2


def test_calibration_of_other_weights_is_refused(tiny_model, calibration, tmp_path):
    config, weights = copied_model(tiny_model, tmp_path)
    _, facts = build_grounder(config, weights=weights, device='cpu')
    other = replace(calibration, weights_sha256='0' * 64, config_sha256=facts.config_sha256)
    path = save_calibration(other, tmp_path / 'copy.calibration.json')

    with pytest.raises(ValueError, match='was fitted for another model: weights 000000000000'):
        Grounder(config, weights=weights, device='cpu')
    path.unlink()
    assert Grounder(config, weights=weights, device='cpu').inferencer.judge.calibration is None
    with pytest.raises(FileNotFoundError, match='make it with stgr calibrate'):
        Grounder(config, weights=weights, device='cpu', calibration=path)


def test_command_refuses_min_score_on_one_line(tiny_model, tiny_video, tmp_path, capsys):
    config, weights = tiny_model

    status = main([
        'ground', str(tiny_video), '--query', 'crack an egg', '--out', str(tmp_path / 'out'),
        '--model', str(config), '--weights', str(weights), '--min-score', '0.5',
    ])  # fmt: skip

    said = capsys.readouterr().err.splitlines()
    assert status == 1
    assert said[-1].startswith('error: min_score is a probability, and ')
    assert not (tmp_path / 'out').exists()


def test_bundled_calibration_fits_the_bundled_weights():
    model, facts = build_grounder('ours_tiny', device='cpu')

    calibration = find_calibration('ours_tiny', facts)

    assert calibration is not None
    assert calibration.why_not(2.0) is None
    door = GroundingInferencer(model, facts)
    for mode in ('queries', 'actions'):
        settings = door.settings(exclusive=mode == 'actions')
        assert calibration.spans[mode].fits(settings)
        assert not calibration.spans[mode].fits({**settings, 'min_duration_sec': 0.0})
    assert calibration.provenance['split'] == 'validation'
