"""A calibration is read back value for value, and refused with another model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from stgr.calibration import (
    BackgroundBank,
    Calibration,
    LogisticMap,
    Occurrence,
    SpanCalibration,
    calibration_path,
    calibration_sha256,
    load_calibration,
    save_calibration,
)
from stgr.structures import ModelFacts, Span

SETTINGS = {'threshold': 0.54, 'min_duration_sec': 0.0, 'max_gap_sec': 1.5}
FACTS = ModelFacts('tiny', 'a' * 64, None, 'c' * 64)


@pytest.fixture
def plain():
    return Calibration(
        model_name='tiny',
        weights_sha256='a' * 64,
        config_sha256='c' * 64,
        rate_fps=2.0,
        occurrence=Occurrence(3, LogisticMap((9.7,), -5.6), uses_background=False),
        spans={'queries': SpanCalibration(LogisticMap((3.0, 2.5), -7.0), SETTINGS)},
        bank=None,
        min_score=0.55,
        provenance={'videos': 20},
    )


@pytest.fixture
def with_background(plain):
    bank = BackgroundBank(
        torch.arange(6).reshape(3, 2).half(), torch.ones(3, 4, 2).half(), (2, 2), ('a', 'a', 'b')
    )
    return replace(plain, occurrence=replace(plain.occurrence, uses_background=True), bank=bank)


def test_calibration_is_read_back_as_written(plain, tmp_path):
    path = save_calibration(plain, tmp_path / 'tiny.calibration.json')

    assert load_calibration(path) == plain
    assert [file.name for file in tmp_path.iterdir()] == ['tiny.calibration.json']


def test_background_frames_are_read_back_as_written(with_background, tmp_path):
    path = save_calibration(with_background, tmp_path / 'tiny.calibration.json')
    bank = load_calibration(path).bank

    assert torch.equal(bank.frames, with_background.bank.frames)
    assert torch.equal(bank.patches, with_background.bank.patches)
    assert (bank.grid, bank.video_ids) == ((2, 2), ('a', 'a', 'b'))
    assert bank.frames.dtype == torch.float16


def test_exchanged_background_is_refused(with_background, tmp_path):
    path = save_calibration(with_background, tmp_path / 'tiny.calibration.json')
    file = tmp_path / 'tiny.background.safetensors'
    file.write_bytes(file.read_bytes()[:-1] + b'\1')

    with pytest.raises(ValueError, match='is not the one that'):
        load_calibration(path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r'needs tiny.background.safetensors beside it'):
        load_calibration(path)


def test_background_is_looked_for_beside_the_calibration_only(with_background, tmp_path):
    path = save_calibration(with_background, tmp_path / 'tiny.calibration.json')
    document = json.loads(path.read_text())
    document['background']['file'] = '/etc/passwd'
    path.write_text(json.dumps(document))

    with pytest.raises(FileNotFoundError, match='needs passwd beside it'):
        load_calibration(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'version': 2}, 'version is 2'),
        ({'min_score': 1.5}, 'min_score needs a probability'),
        ({'rate_fps': 0}, 'rate_fps must be a number > 0'),
        ({'occurrence': {'window_frames': 3}}, r'occurrence.weights is missing'),
        ({'spans': []}, 'spans must be an object'),
        ({'provenance': 1}, 'provenance must be an object'),
    ],
)
def test_broken_file_is_refused_by_name(plain, tmp_path, change, message):
    path = save_calibration(plain, tmp_path / 'tiny.calibration.json')
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(ValueError, match=message) as error:
        load_calibration(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'weights_sha256': 'b' * 64}, r'weights aaaaaaaaaaaa\.\.\. of tiny, not bbbbbbbbbbbb'),
        ({'config_sha256': None}, r'config cccccccccccc\.\.\. of tiny, not none of tiny'),
    ],
)
def test_calibration_of_another_model_is_refused(plain, change, message):
    plain.check_model(FACTS, source='here')

    with pytest.raises(ValueError, match=message):
        plain.check_model(replace(FACTS, **change), source='here')


def test_checksum_speaks_of_what_decides_and_of_nothing_else(plain, with_background):
    first = calibration_sha256(plain)

    assert calibration_sha256(replace(plain, provenance={})) == first
    assert calibration_sha256(replace(plain, rate_fps=4.0)) != first
    assert calibration_sha256(with_background) != first


def test_other_name_is_refused(plain, tmp_path):
    with pytest.raises(ValueError, match=r'must end in \.calibration\.json'):
        save_calibration(plain, tmp_path / 'tiny.json')


@pytest.mark.parametrize(
    ('weights', 'expected'),
    [('a/epoch_8.pth', 'epoch_8.calibration.json'), ('x.1.safetensors', 'x.1.calibration.json')],
)
def test_calibration_lies_beside_its_weights(weights, expected):
    assert calibration_path(weights).name == expected


def test_spans_are_judged_by_score_and_duration_by_hand(plain):
    spans = (Span(1.0, 2.0, 0.5), Span(1.0, 1.0 + np.e, 0.5))

    found = plain.spans['queries'](spans)

    logits = [3.0 * 0.5 - 7.0, 3.0 * 0.5 + 2.5 - 7.0]  # the logarithms of 1 and e are 0 and 1
    assert found == pytest.approx([1 / (1 + np.exp(-logit)) for logit in logits])
    assert plain.spans['queries'](()).shape == (0,)


@pytest.mark.parametrize('name', list(SETTINGS))
def test_spans_made_otherwise_are_not_judged(plain, name):
    assert plain.spans['queries'].fits({**SETTINGS, 'reader': 'pyav'})
    assert not plain.spans['queries'].fits({**SETTINGS, name: 0.3})


def test_happening_is_judged_by_hand(plain, with_background):
    scores = np.asarray([[0.0, 0.3, 0.6, 0.9]])  # best run of three: 0.6
    on_background = np.asarray([[0.1, 0.3]])  # mean 0.2, deviation 0.1: four deviations above

    logits = [9.7 * 0.6 - 5.6, 9.7 * 4 - 5.6]
    found = [plain.occurrence(scores, None), with_background.occurrence(scores, on_background)]
    assert np.concatenate(found) == pytest.approx([1 / (1 + np.exp(-logit)) for logit in logits])
