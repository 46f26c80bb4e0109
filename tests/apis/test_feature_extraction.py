"""Stored features are those of the frames shown, and say where they come from."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stgr.apis import feature_extraction
from stgr.apis.feature_extraction import encode_video, feature_provenance, fill_store
from stgr.io import open_video
from stgr.io.feature_files import FeatureFile
from stgr.io.feature_store import FeatureStore
from stgr.models.backbones import S3DBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import AllFrames
from stgr.registry import MODELS


@pytest.fixture(scope='module')
def model(door):
    return door.inferencer.model


def encode(model, video, path, **settings):
    with open_video(video) as reader:
        return encode_video(model, reader, path, rate_fps=2, **settings)


def test_features_are_those_of_the_frames_shown(model, tiny_video, tmp_path):
    file = encode(model, tiny_video, tmp_path / 'a.safetensors')

    with open_video(tiny_video) as reader, torch.no_grad():
        pictures = torch.from_numpy(reader.read_at(file.times_sec, size=(32, 32)))
        frames, patches = model.encode_frames(pictures.movedim(-1, 1))
    stored = file.read()
    assert file.times_sec.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    torch.testing.assert_close(stored.frames.float(), frames, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(stored.patches.float(), patches, atol=2e-3, rtol=2e-3)


def test_chunks_make_no_difference_and_are_counted(model, tiny_video, tmp_path, monkeypatch):
    whole = encode(model, tiny_video, tmp_path / 'a.safetensors').read()
    totals = []

    monkeypatch.setattr(feature_extraction, 'FRAMES_PER_CHUNK', 4)

    def progress(chunks, total):
        chunks = list(chunks)
        totals.append((len(chunks), total))
        return chunks

    parts = encode(model, tiny_video, tmp_path / 'b.safetensors', progress=progress).read()

    np.testing.assert_allclose(parts.patches, whole.patches, atol=2e-3)
    assert totals == [(2, 2)]


def test_features_remember_weights_rate_reader_and_grid(model, tiny_video, tmp_path):
    file = encode(model, tiny_video, tmp_path / 'a.safetensors')

    assert file.provenance['backbone_sha256'] == model.backbone.fingerprint
    assert {key: file.provenance[key] for key in ('reader', 'rate_fps', 'image_size', 'grid')} == {
        'reader': 'pyav', 'rate_fps': '2', 'image_size': '32', 'grid': '4,4'
    }  # fmt: skip
    assert file.frames_per_step == 1
    assert 'frames_per_step' not in file.provenance


def test_store_is_filled_once(model, tiny_video, tmp_path):
    store, videos = FeatureStore(tmp_path), [('kitchen', tiny_video)]

    first = fill_store(model, videos, store, rate_fps=2)
    written = store.path('kitchen').stat().st_mtime_ns
    second = fill_store(model, [*videos, ('again', tiny_video)], store, rate_fps=2)

    assert (first.encoded, second.encoded) == (1, 1)
    assert store.path('kitchen').stat().st_mtime_ns == written
    assert store.has('again')


def test_store_of_another_rate_is_refused_before_anything_is_encoded(
    model, tiny_video, tmp_path, monkeypatch
):
    store = FeatureStore(tmp_path)
    fill_store(model, [('kitchen', tiny_video)], store, rate_fps=2)
    monkeypatch.setattr(model, 'encode_frames', None)

    with pytest.raises(ValueError, match=r"rate_fps: stored '2', needed '4'"):
        fill_store(model, [('new', tiny_video), ('kitchen', tiny_video)], store, rate_fps=4)


def test_store_of_another_backbone_is_refused(model, tiny_video, tmp_path, monkeypatch):
    store = FeatureStore(tmp_path)
    fill_store(model, [('kitchen', tiny_video)], store, rate_fps=2)
    another = {**feature_provenance(model, rate_fps=2, reader='pyav'), 'backbone_sha256': 'another'}
    monkeypatch.setattr(feature_extraction, 'feature_provenance', lambda *_, **__: another)

    with pytest.raises(ValueError, match=r'features of another origin .*backbone_sha256') as caught:
        fill_store(model, [('kitchen', tiny_video)], store, rate_fps=2)

    assert str(caught.value).endswith(f'delete {tmp_path} or set another store_dir')


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def empty(path):
    path.write_bytes(b'')


def overwrite(path):
    path.write_bytes(b'no features ' * 100)


@pytest.mark.parametrize('spoil', [cut, empty, overwrite])
def test_damaged_features_are_named_and_encoded_again(spoil, model, tiny_video, tmp_path, capsys):
    store, videos = FeatureStore(tmp_path), [('kitchen', tiny_video)]
    fill_store(model, videos, store, rate_fps=2)
    spoil(store.path('kitchen'))

    report = fill_store(model, videos, store, rate_fps=2)

    assert report.encoded == 1
    assert len(store.open('kitchen')) == 6
    said = capsys.readouterr().err
    assert said.startswith(f'{store.path("kitchen")}: damaged feature file')
    assert said.endswith('it is encoded again\n')


def test_features_that_nobody_knows_the_origin_of_are_refused(model, tiny_video, tmp_path):
    save_file({'times_sec': torch.zeros(3)}, tmp_path / 'kitchen.safetensors')

    with pytest.raises(ValueError, match='another origin'):
        fill_store(model, [('kitchen', tiny_video)], FeatureStore(tmp_path), rate_fps=2)

    assert load_file(tmp_path / 'kitchen.safetensors')['times_sec'].tolist() == [0, 0, 0]


def test_unreadable_video_is_reported_and_the_next_encoded(model, tiny_video, tmp_path, capsys):
    (tmp_path / 'bad.mp4').write_bytes(b'crack an egg')
    store = FeatureStore(tmp_path / 'store')

    report = fill_store(
        model, [('bad', tmp_path / 'bad.mp4'), ('kitchen', tiny_video)], store, rate_fps=2
    )

    (line,) = report.failures
    assert line.startswith(f'{tmp_path / "bad.mp4"}: not a readable video')
    assert capsys.readouterr().err == f'{line}\n'
    assert (report.encoded, store.has('kitchen'), store.has('bad')) == (1, True, False)


def test_nothing_is_left_where_encoding_failed(model, tiny_video, tmp_path, monkeypatch):
    monkeypatch.setattr(model, 'encode_frames', lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        fill_store(model, [('kitchen', tiny_video)], FeatureStore(tmp_path), rate_fps=2)

    assert list(tmp_path.iterdir()) == []


def test_expected_provenance_opens_what_was_written(model, tiny_video, tmp_path):
    file = encode(model, tiny_video, tmp_path / 'a.safetensors')

    expected = feature_provenance(model, rate_fps=2.0, reader='pyav')

    assert len(FeatureFile(file.path, expected)) == 6


@pytest.fixture(scope='module')
def stepper(tiny_s3d):
    """A grounder whose backbone makes one feature of eight frames."""
    config = {
        'type': SpatioTemporalGrounder,
        'backbone': {'type': S3DBackbone, **tiny_s3d},
        'selector': {'type': AllFrames},
        'loss': {'type': MMSLoss},
        'global_head': {'type': GlobalHead, 'dim': 8},
    }
    return MODELS.build(config).eval()


def test_a_feature_of_steps_is_that_of_frames_spread_over_its_time(stepper, tiny_video, tmp_path):
    file = encode(stepper, tiny_video, tmp_path / 'a.safetensors')

    with open_video(tiny_video) as reader, torch.no_grad():
        pictures = torch.from_numpy(reader.read_at(np.arange(48) / 16, size=(64, 64)))
        frames, patches = stepper.encode_frames(pictures.movedim(-1, 1))
    assert file.times_sec.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]  # two features per second
    assert file.frames_per_step == 8
    torch.testing.assert_close(file.read().frames.float(), frames, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(file.read().patches.float(), patches, atol=2e-3, rtol=2e-3)


def test_chunks_of_steps_make_no_difference(stepper, tiny_video, tmp_path, monkeypatch):
    files, totals = [], []

    def progress(chunks, total):
        totals.append(total)
        return chunks

    for chunk in (16, 17, 64):
        monkeypatch.setattr(feature_extraction, 'FRAMES_PER_CHUNK', chunk)
        path = tmp_path / f'{chunk}.safetensors'
        files.append(encode(stepper, tiny_video, path, progress=progress).read())

    assert totals == [
        3,
        2,
        1,
    ]  # of 48 frames: by 16, by the next multiple of 16, by 64
    for file in files[1:]:
        torch.testing.assert_close(file.patches, files[0].patches, atol=1e-3, rtol=1e-3)


def test_frames_of_a_step_past_the_end_are_padding(stepper, tiny_video, tmp_path):
    with open_video(tiny_video) as reader:
        file = encode_video(stepper, reader, tmp_path / 'a.safetensors', rate_fps=0.4)
        shown = reader.read_at(np.arange(16) / 3.2, size=(64, 64))

    shown[10:] = 0  # frame 10 would be shown at 3.125 s
    with torch.no_grad():
        frames, _ = stepper.encode_frames(torch.from_numpy(shown).movedim(-1, 1))
    assert file.times_sec.tolist() == [0, 2.5]
    torch.testing.assert_close(file.read().frames.float(), frames, atol=2e-3, rtol=2e-3)
