"""A converted model answers as the one it was made of, from its folder alone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from stgr.apis.conversion import convert_model
from stgr.apis.grounder import Grounder
from stgr.io.onnx_folder import read_onnx_model
from stgr.structures.features import VideoFeatures

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')
QUERIES = ('crack an egg into the bowl', 'flip it')


@pytest.fixture(scope='module')
def converted(tiny_model, tmp_path_factory):
    config, weights = tiny_model
    folder = tmp_path_factory.mktemp('converted') / 'onnx'
    report = convert_model(config, folder, weights=weights)
    assert min(report.agreement.values()) > 0.9999
    return folder


@pytest.fixture
def copy(converted, tmp_path):
    return shutil.copytree(converted, tmp_path / 'elsewhere')


def test_answers_are_those_of_torch(converted, tiny_model, tiny_video):
    config, weights = tiny_model
    ours = Grounder(config, weights=weights).ground(tiny_video, queries=QUERIES)
    theirs = Grounder(converted).ground(tiny_video, queries=QUERIES)

    for one, other in zip(ours.queries, theirs.queries, strict=True):
        assert one.found  # everything is: of each frame there is a heat map
        # Features are stored in float16 between: a last bit of float32 may become one of theirs.
        np.testing.assert_allclose(other.frame_scores, one.frame_scores, atol=1e-3)
        np.testing.assert_allclose(other.heatmaps.values, one.heatmaps.values, atol=1e-2)
        assert [(s.start_sec, s.end_sec) for s in other.spans] == [
            (s.start_sec, s.end_sec) for s in one.spans
        ]


def test_the_same_features_give_the_same_similarity_and_heat(converted, tiny_model):
    config, weights = tiny_model
    models = (
        Grounder(config, weights=weights).inferencer.model,
        Grounder(converted).inferencer.model,
    )
    frames = torch.randint(0, 256, (5, 3, 40, 60), dtype=torch.uint8)
    seen, patches = models[0].encode_frames(frames)
    text = models[0].encode_text(list(QUERIES))
    video = VideoFeatures(seen[None], patches[None], torch.ones(1, 5, dtype=torch.bool), (4, 4))
    window = patches[None, :3].expand(2, -1, -1, -1)  # three frames compete, for each query
    ours, theirs = ([m.similarity(video, text), m.heatmaps(window, text)] for m in models)

    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-3)
    one_for_all = type(text)(text.sentence[:1], text.words[:1], text.mask[:1])
    torch.testing.assert_close(
        models[1].heatmaps(patches[:, None], one_for_all),
        models[0].heatmaps(patches[:, None], one_for_all),
        atol=1e-4, rtol=1e-3,
    )  # fmt: skip


def test_a_pool_of_any_size_and_words_of_any_number_fit(converted, tiny_model):
    config, weights = tiny_model
    ours, theirs = (
        Grounder(config, weights=weights).inferencer.model,
        Grounder(converted).inferencer.model,
    )
    for sentences in (['egg'], ['', 'a', 'crack an egg into the bowl and then whisk it ' * 2]):
        one, other = ours.encode_text(sentences), theirs.encode_text(sentences)
        np.testing.assert_allclose(other.sentence, one.sentence, atol=1e-5)
        length = one.words.shape[1]
        assert other.mask[:, :length].tolist() == one.mask.tolist()
        assert not other.mask[:, length:].any()
        np.testing.assert_allclose(
            other.words[:, :length][one.mask], one.words[one.mask], atol=1e-5
        )


def test_the_folder_alone_says_what_the_model_needs(copy, tiny_model):
    config, weights = tiny_model
    source = Grounder(config, weights=weights)
    ours, grounder = source.inferencer.model, Grounder(copy)
    facts, theirs = read_onnx_model(copy), grounder.inferencer.model

    assert facts.weights_sha256 == source.facts.weights_sha256
    assert facts.opset == 18
    assert facts.precision == 'float32'
    assert float(theirs.query_threshold) == float(ours.query_threshold) == -1.0
    assert theirs.backbone.mean == ours.backbone.mean
    assert theirs.backbone.grid == ours.backbone.grid
    assert grounder.facts.weights_sha256 == theirs.backbone.fingerprint
    assert theirs.backbone.tokens_cut(['egg ' * 40]) == ours.backbone.tokens_cut(['egg ' * 40])


def test_another_graph_in_the_folder_is_refused(copy):
    graph = copy / 'similarity.onnx'
    graph.write_bytes(graph.read_bytes()[:-1] + b'x')

    with pytest.raises(ValueError, match=r'similarity\.onnx is not the file that model\.json'):
        Grounder(copy)


@pytest.mark.parametrize(
    ('change', 'error', 'words'),
    [
        ({'format': 'stgr-onnx/9'}, ValueError, 'format must be stgr-onnx/1'),
        ({'files': {'../x': '0'}}, ValueError, 'names no heat.onnx'),
        ({'answers': 3}, ValueError, 'answers must be an object'),
        ({'opset': '18'}, ValueError, 'opset must be a whole number'),
    ],
)
def test_a_damaged_description_is_named(copy, change, error, words):
    file = copy / 'model.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))

    with pytest.raises(error, match=words):
        read_onnx_model(copy)


def test_files_outside_the_folder_are_refused(copy):
    file = copy / 'model.json'
    document = json.loads(file.read_text())
    document['files']['../secret'] = '0'
    file.write_text(json.dumps(document))

    with pytest.raises(ValueError, match='lies outside the folder'):
        read_onnx_model(copy)


def test_a_missing_graph_is_named(copy):
    (copy / 'heat.onnx').unlink()

    with pytest.raises(FileNotFoundError, match=r'lacks heat\.onnx'):
        Grounder(copy)


def test_eight_bits_change_features_a_little_and_the_file_much(converted, tiny_model, tmp_path):
    import onnx

    from stgr.apis.conversion.exported_parts import exported_parts
    from stgr.apis.conversion.graphs import compare_graph, quantise_graph

    config, weights = tiny_model
    part = exported_parts(Grounder(config, weights=weights).inferencer.model)['video']
    quantise_graph(converted / 'video.onnx', tmp_path / 'video.onnx')

    kinds = {node.op_type for node in onnx.load(tmp_path / 'video.onnx').graph.node}
    assert 'MatMulInteger' in kinds
    found = compare_graph(part, tmp_path / 'video.onnx')
    assert all(0.97 < float(cosines.min()) < 0.99999 for cosines in found.values())


def test_what_cannot_be_converted_is_named(tmp_path, tiny_model):
    with pytest.raises(ValueError, match='GEMGrounder cannot be converted'):
        convert_model('gem_tiny', tmp_path / 'out')
    with pytest.raises(ValueError, match='--to must be one of onnx, int8'):
        convert_model('ours_tiny', tmp_path / 'out', to='int4')
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'file').touch()
    with pytest.raises(FileExistsError):
        convert_model(*tiny_model[:1], tmp_path / 'there', weights=tiny_model[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['there']


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path, converted):
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)

    for call in (lambda: convert_model('ours_tiny', tmp_path / 'x'), lambda: Grounder(converted)):
        with pytest.raises(ImportError, match=r"pip install 'stgr\[onnx\]'"):
            call()


def test_a_converted_model_does_not_train(converted):
    with pytest.raises(ValueError, match='nothing to train'):
        Grounder(converted).inferencer.model.loss({})


def test_the_checksum_of_a_model_depends_on_its_thresholds(converted):
    facts = read_onnx_model(converted)
    other = replace(facts, answers=replace(facts.answers, pool_threshold=0.25))

    assert other.sha256 != facts.sha256


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['CLIPBackbone', 'SiglipBackbone'])
def test_encoders_without_heads_convert_too(kind, tiny_clip_dir, tiny_siglip_dir, tmp_path):
    source = {'CLIPBackbone': tiny_clip_dir, 'SiglipBackbone': tiny_siglip_dir}[kind]
    config = tmp_path / 'model.py'
    config.write_text(
        f'from stgr.models.backbones import {kind}\n'
        'from stgr.models.grounders import ZeroShotGrounder\n\n'
        'model = dict(\n'
        '    type=ZeroShotGrounder,\n'
        f'    backbone=dict(type={kind}, source={str(source)!r}),\n'
        ')\n'
    )
    convert_model(config, tmp_path / 'onnx')
    ours = Grounder(config).inferencer.model
    theirs = Grounder(tmp_path / 'onnx').inferencer.model
    frames = torch.randint(0, 256, (3, 3, 40, 60), dtype=torch.uint8)
    texts = [model.encode_text(['Crack an EGG', 'flip']) for model in (ours, theirs)]

    for one, other in zip(ours.encode_frames(frames), theirs.encode_frames(frames), strict=True):
        torch.testing.assert_close(other, one, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(texts[1].sentence, texts[0].sentence, atol=1e-3, rtol=1e-3)
    patches = theirs.encode_frames(frames)[1][:, None]
    pair = [type(text)(text.sentence[:1], text.words[:1], text.mask[:1]) for text in texts]
    torch.testing.assert_close(theirs.heatmaps(patches, pair[1]), ours.heatmaps(patches, pair[0]))


@pytest.mark.slow
def test_the_command_writes_eight_bits_and_answers(tiny_model, tiny_video, tmp_path, capsys):
    from stgr.cli import main

    config, weights = map(str, tiny_model)
    out = str(tmp_path / 'int8')
    assert main(['convert', config, '--weights', weights, '--to', 'int8', '--out', out]) == 0
    assert 'video.frames: cosine to torch at least 0.9' in capsys.readouterr().out
    answer = [str(tiny_video), '--query', 'flip it', '--out', str(tmp_path / 'answer')]
    assert main(['ground', '--model', out, *answer]) == 0
