"""Answers follow from similarities by hand; a video is encoded once and leaves nothing behind."""

import copy
import tempfile
from fractions import Fraction

import av
import numpy as np
import pytest

import stgr.io
from stgr.apis import answer_heatmaps
from stgr.apis import inferencer as inferencer_module
from stgr.apis.inferencer import GroundingInferencer, check_queries
from stgr.localizers import ThresholdTemporalLocalizer
from stgr.models.backbones import S3DBackbone
from stgr.models.grounders import SpatioTemporalGrounder
from stgr.models.heads import GlobalHead
from stgr.models.losses import MMSLoss
from stgr.models.selectors import AllFrames
from stgr.registry import MODELS

QUERIES = ['crack an egg', 'melt the butter in a pan', 'slice the bread']


@pytest.fixture(scope='module')
def inferencer(door):
    """At 4 frames per second, so 12 frames of the three seconds."""
    return GroundingInferencer(door.inferencer.model, door.facts, rate_fps=4)


@pytest.fixture(scope='module')
def encoded(inferencer, tiny_video):
    with inferencer.encode(tiny_video) as video:
        yield video


def with_threshold(inferencer, threshold):
    return GroundingInferencer(inferencer.model, inferencer.facts, rate_fps=4, threshold=threshold)


def ask(inferencer, encoded, queries, *, exclusive=False):
    return inferencer.ground(encoded, queries, exclusive=exclusive)


def test_frames_are_taken_at_the_rate_from_the_start(inferencer, encoded):
    result = ask(inferencer, encoded, QUERIES)

    assert result.times_sec.tolist() == [k / 4 for k in range(12)]
    assert result.settings['rate_fps'] == 4


def test_part_of_a_video_has_the_frames_of_the_whole(inferencer, encoded, tiny_video):
    with inferencer.encode(tiny_video, span_sec=(0.6, 1.5)) as part:
        assert part.features.times_sec.tolist() == [0.75, 1.0, 1.25]
        assert part.facts.duration_sec == encoded.facts.duration_sec
        ours, whole = part.features.read(), encoded.features.read([3, 4, 5])
    np.testing.assert_allclose(ours.frames, whole.frames, atol=2e-3)
    np.testing.assert_allclose(ours.patches, whole.patches, atol=2e-3)

    with pytest.raises(ValueError, match=r'no frame to encode in \[0.6, 0.7\) s'):
        inferencer.encode(tiny_video, span_sec=(0.6, 0.7))


def test_query_below_the_threshold_is_not_found_and_has_no_place(inferencer, encoded):
    answer = ask(with_threshold(inferencer, 1.5), encoded, QUERIES).queries[0]

    assert (answer.found, answer.spans, answer.tubes, answer.heatmaps) == (False, (), (), None)
    assert answer.score == answer.frame_scores.max()


def test_spans_are_the_runs_of_frames_above_the_threshold(inferencer, encoded):
    scores = ask(inferencer, encoded, QUERIES).queries[0].frame_scores
    threshold = float(np.sort(scores)[6])

    answer = ask(with_threshold(inferencer, threshold), encoded, QUERIES).queries[0]

    inside = [score >= threshold for score in scores]
    starts = [k / 4 for k in range(12) if inside[k] and (k == 0 or not inside[k - 1])]
    ends = [(k + 1) / 4 for k in range(12) if inside[k] and (k == 11 or not inside[k + 1])]
    assert [(s.start_sec, s.end_sec) for s in answer.spans] == list(zip(starts, ends, strict=True))
    assert 0 < sum(inside) < 12


def test_settings_tell_the_durations_of_the_config_where_none_are_given(inferencer, monkeypatch):
    durations = {'min_duration_sec': 3.0, 'max_gap_sec': 1.0}
    monkeypatch.setattr(
        inferencer.model, '_localizer', {'type': ThresholdTemporalLocalizer, **durations}
    )
    given = GroundingInferencer(
        inferencer.model, inferencer.facts, min_duration_sec=0.0, max_gap_sec=2.0
    )

    told, asked = inferencer.settings(exclusive=False), given.settings(exclusive=True)

    assert {name: told[name] for name in durations} == durations
    assert (asked['min_duration_sec'], asked['max_gap_sec']) == (0, 2)


def test_every_frame_of_a_span_has_a_map_that_sums_to_one_and_a_box_inside(inferencer, encoded):
    answer = ask(inferencer, encoded, QUERIES).queries[1]  # the threshold of -1 finds everything

    assert answer.heatmaps.values.shape == (12, 4, 4)
    np.testing.assert_allclose(answer.heatmaps.values.sum(axis=(1, 2)), 1, atol=1e-5)
    (tube,) = answer.tubes
    assert tube.visible.all()
    assert (tube.boxes_px[:, :2] >= 0).all()
    assert (tube.boxes_px[:, 2:] <= [64, 48]).all()


def test_query_is_judged_alone_whatever_else_is_asked(inferencer, encoded):
    other, together, _ = ask(inferencer, encoded, QUERIES).queries
    (alone,) = ask(inferencer, encoded, QUERIES[1:2]).queries

    np.testing.assert_allclose(together.frame_scores, alone.frame_scores, atol=1e-5)
    np.testing.assert_allclose(together.heatmaps.values, alone.heatmaps.values, atol=1e-4)
    assert abs(other.heatmaps.values - alone.heatmaps.values).max() > 1e-2
    assert [(s.start_sec, s.end_sec) for s in together.spans] == [
        (s.start_sec, s.end_sec) for s in alone.spans
    ]


def test_answers_come_in_the_order_of_the_questions(inferencer, encoded):
    forwards = ask(inferencer, encoded, QUERIES).queries
    backwards = ask(inferencer, encoded, QUERIES[::-1]).queries

    assert [answer.query for answer in forwards] == QUERIES
    for one, other in zip(forwards, backwards[::-1], strict=True):
        np.testing.assert_allclose(one.frame_scores, other.frame_scores, atol=1e-5)


def test_actions_of_a_pool_never_overlap_and_each_frame_has_its_best(inferencer, encoded):
    result = ask(inferencer, encoded, QUERIES, exclusive=True)

    best = np.argmax([answer.frame_scores for answer in result.queries], axis=0)
    owners = np.full(12, -1)
    for index, answer in enumerate(result.queries):
        for span in answer.spans:
            inside = (result.times_sec >= span.start_sec) & (result.times_sec < span.end_sec)
            assert (owners[inside] == -1).all()
            owners[inside] = index
    assert owners.tolist() == best.tolist()


def test_each_mode_has_its_own_learned_threshold(inferencer, encoded):
    model = copy.deepcopy(inferencer.model)
    model.query_threshold.fill_(1.5)
    strict = GroundingInferencer(model, inferencer.facts, rate_fps=4)

    assert not ask(strict, encoded, QUERIES).queries[0].found
    pool = ask(strict, encoded, QUERIES, exclusive=True)
    assert any(answer.found for answer in pool.queries)
    assert pool.settings['threshold'] == -1


def test_frames_looked_at_chunk_by_chunk_give_the_same_answer(inferencer, encoded, monkeypatch):
    whole = ask(inferencer, encoded, QUERIES).queries[0]

    monkeypatch.setattr(inferencer_module, 'FRAMES_PER_CHUNK', 5)
    monkeypatch.setattr(answer_heatmaps, 'FRAMES_PER_BATCH', 5)
    chunked = ask(inferencer, encoded, QUERIES).queries[0]

    np.testing.assert_allclose(chunked.frame_scores, whole.frame_scores, atol=1e-5)
    np.testing.assert_allclose(chunked.heatmaps.values, whole.heatmaps.values, atol=1e-5)


def test_maps_of_windows_are_not_said_to_sum_to_one(inferencer, encoded):
    model = copy.copy(inferencer.model)
    model.heat_window = 2
    windowed = GroundingInferencer(model, inferencer.facts, rate_fps=4, threshold=-1.5)

    (answer,) = ask(windowed, encoded, QUERIES[:1]).queries

    assert answer.heatmaps.normalisation == 'none'


def test_a_question_on_an_encoded_video_encodes_its_text_once(door, encoded, monkeypatch):
    calls, encode_text = [], door.inferencer.model.encode_text
    monkeypatch.setattr(
        door.inferencer.model,
        'encode_text',
        lambda texts: calls.append(texts) or encode_text(texts),
    )

    door.ground(encoded, queries=[' crack an egg '])

    assert calls == [['crack an egg']]


def test_second_question_reads_no_video(inferencer, tiny_video, monkeypatch):
    with inferencer.encode(tiny_video) as video:
        monkeypatch.setattr(stgr.io, 'open_video', None)
        monkeypatch.setattr(inferencer.model, 'encode_frames', None)

        answers = [ask(inferencer, video, [query]) for query in QUERIES]

    assert all(answer.queries[0].found for answer in answers)


@pytest.fixture
def damaged_end(tmp_path):
    """A VP9 file of 2.4 s, 25 frames per second, of which the last five do not decode."""
    path = tmp_path / 'damaged_end.webm'
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    with av.open(path, 'w') as output:
        stream = output.add_stream('libvpx-vp9', rate=25, options={'deadline': 'realtime'})
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, picture in enumerate(noise):
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            frame.pts, frame.time_base, frame.duration = 40 * k, Fraction(1, 1000), 40
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with av.open(path) as container:
        last = [bytes(packet) for packet in container.demux(video=0) if packet.size][-5:]
    content = path.read_bytes()
    for payload in last:
        assert content.count(payload) == 1
        content = content.replace(payload, b'\xff' * len(payload))
    path.write_bytes(content)
    return path


def test_end_that_turns_out_damaged_while_decoding_loses_no_answer(inferencer, damaged_end):
    with inferencer.encode(damaged_end) as video:
        result = ask(inferencer, video, QUERIES[:1])

    assert result.times_sec.tolist() == [k / 4 for k in range(10)]
    assert result.video.duration_sec == pytest.approx(2.4)  # as sampled, not the 2.2 readable
    assert result.video.warnings == (
        'damaged after 2.2 s: the last readable frame stands in for the rest, until 2.4 s',
    )
    assert [(s.start_sec, s.end_sec) for s in result.queries[0].spans] == [(0, pytest.approx(2.4))]


def test_weights_are_looked_through_for_the_first_video_only(door, tiny_video, monkeypatch):
    original = door.inferencer
    asker = GroundingInferencer(original.model, original.facts, rate_fps=original.rate_fps)
    backbone, asked = type(asker.model.backbone), []
    fingerprint = backbone.fingerprint.fget
    monkeypatch.setattr(
        backbone, 'fingerprint', property(lambda self: asked.append(self) or fingerprint(self))
    )

    with asker.encode(tiny_video) as first, asker.encode(tiny_video) as second:
        assert first.features.provenance == second.features.provenance

    assert len(asked) == 1


def test_features_are_deleted_on_closing(inferencer, tiny_video, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))

    with inferencer.encode(tiny_video) as video:
        assert list(tmp_path.rglob('*.safetensors'))
    assert list(tmp_path.iterdir()) == []
    del video  # until here, or the garbage collector might have deleted them


def test_features_are_deleted_when_encoding_fails(inferencer, tiny_video, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    monkeypatch.setattr(inferencer.model, 'encode_frames', lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError) as caught:
        inferencer.encode(tiny_video)

    assert list(tmp_path.iterdir()) == []
    del caught  # its traceback keeps the garbage collector from deleting them


@pytest.mark.parametrize(
    ('queries', 'message'),
    [
        ([], 'at least one query'),
        (['egg', '  '], 'query 2 of 2 is empty'),
        (['x' * 301], 'query 1 has 301 characters, more than 300'),
        (['egg', ' egg '], 'given more than once: egg'),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(queries, message):
    with pytest.raises(ValueError, match=message):
        check_queries(queries)


def test_questions_lose_their_outer_blanks():
    assert check_queries([' crack an egg\n', 'x' * 300]) == ['crack an egg', 'x' * 300]


def test_a_query_of_which_the_model_knows_no_word_is_refused(inferencer, tiny_s3d):
    config = {
        'type': SpatioTemporalGrounder,
        'backbone': {'type': S3DBackbone, **tiny_s3d},
        'selector': {'type': AllFrames},
        'loss': {'type': MMSLoss},
        'global_head': {'type': GlobalHead, 'dim': 8},
    }
    few_words = GroundingInferencer(MODELS.build(config), inferencer.facts)

    assert few_words.check(['whisk the zucchini ']) == ['whisk the zucchini']
    with pytest.raises(ValueError, match=r"knows no word of the query 'dice zucchini'; say it"):
        few_words.check(['flip it over', 'dice zucchini'])
    assert inferencer.check(['dice zucchini']) == ['dice zucchini']  # its tokens are parts of words
