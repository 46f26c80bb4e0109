"""What is written is read by each format's own reader, where it is installed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from format_answers import make_answers

from stgr.io.formats import KnownVideos, find_format
from stgr.io.formats.timecode import known_rate


@pytest.fixture
def put(tmp_path):
    """Return a function that writes the answers in a format and returns the file."""

    def write(name, answers=None, known=None):
        kind = find_format(name)
        content = kind.write([answers or make_answers()], known or KnownVideos())
        path = tmp_path / f'answers{kind.suffix}'
        for part, data in {'': content}.items() if isinstance(content, bytes) else content.items():
            file = path / part if part else path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize('name', ['srt', 'vtt'])
def test_pysubs2_reads_the_subtitles(name, put):
    pysubs2 = pytest.importorskip('pysubs2')

    cues = [(cue.start, cue.end, cue.plaintext) for cue in pysubs2.load(str(put(name)))]

    # It takes <stir> for a tag of SubRip, and leaves the entities of WebVTT as they are.
    egg = {'srt': 'crack an egg & ', 'vtt': 'crack an egg &amp; &lt;stir&gt;'}[name]
    assert cues == [(400, 1600, egg), (1000, 2000, 'whisk, "fast"'), (3000, 4000, egg)]


@pytest.mark.parametrize('name', ['srt', 'vtt'])
def test_subtitles_that_pysubs2_wrote_are_read(name, put, tmp_path):
    pysubs2 = pytest.importorskip('pysubs2')
    subtitles = pysubs2.SSAFile()
    subtitles.append(pysubs2.SSAEvent(start=1500, end=3_723_004, text='crack\\Nan egg'))
    subtitles.save(str(tmp_path / f'hand.{name}'))

    (found,) = find_format(name).read(tmp_path / f'hand.{name}', KnownVideos())

    (answer,) = found.queries
    assert answer.query == 'crack an egg'
    assert [(span.start_sec, span.end_sec) for span in answer.spans] == [(1.5, 3723.004)]


def test_opentimelineio_reads_the_markers(put):
    otio = pytest.importorskip('opentimelineio')

    timeline = otio.adapters.read_from_file(str(put('otio')))

    (clip,) = timeline.find_clips()
    assert clip.media_reference.target_url == 'videos/kitchen.mp4'
    assert clip.duration() == otio.opentime.RationalTime(100, 25)
    ends = [
        (marker.name, marker.marked_range.start_time.value, marker.marked_range.duration.value)
        for marker in clip.markers
    ]
    egg = 'crack an egg & <stir>'
    assert ends == [(egg, 10, 30), (egg, 75, 25), ('whisk, "fast"', 25, 25)]
    assert clip.markers[0].metadata['stgr']['score'] == 0.75


def test_what_opentimelineio_saves_again_comes_back(put, tmp_path):
    otio = pytest.importorskip('opentimelineio')
    timeline = otio.adapters.read_from_file(str(put('otio')))
    (clip,) = timeline.find_clips()
    clip.markers[2].marked_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(50, 25), otio.opentime.RationalTime(10, 25)
    )
    otio.adapters.write_to_file(timeline, str(tmp_path / 'moved.otio'))

    (found,) = find_format('otio').read(tmp_path / 'moved.otio', KnownVideos())

    (whisk,) = (answer for answer in found.queries if answer.query.startswith('whisk'))
    assert [(span.start_sec, span.end_sec) for span in whisk.spans] == [(2.0, 2.4)]
    assert found.not_found == ('fly a kite', 'rühren 蛋')


def test_times_of_an_otio_clip_count_from_where_its_media_begins(put, tmp_path):
    """A camera's clock: the media begins at one hour, and so do the times of its markers."""
    otio = pytest.importorskip('opentimelineio')
    timeline = otio.adapters.read_from_file(str(put('otio')))
    (clip,) = timeline.find_clips()
    hour = otio.opentime.RationalTime(3600 * 25, 25)

    def later(span):
        return otio.opentime.TimeRange(span.start_time + hour, span.duration)

    clip.source_range = later(clip.source_range)
    clip.media_reference.available_range = later(clip.media_reference.available_range)
    for marker in clip.markers:
        marker.marked_range = later(marker.marked_range)
    otio.adapters.write_to_file(timeline, str(tmp_path / 'camera.otio'))

    (found,) = find_format('otio').read(tmp_path / 'camera.otio', KnownVideos())

    (whisk,) = (answer for answer in found.queries if answer.query.startswith('whisk'))
    assert [(span.start_sec, span.end_sec) for span in whisk.spans] == [(1.0, 2.0)]


@pytest.mark.parametrize(
    ('fps', 'length'),
    [(25.0, (30, 25, 25)), (24.0, (29, 24, 24)), (29.97, (36, 30, 30)), (23.976, (29, 24, 24))],
)
def test_the_edl_reader_of_opentimelineio_reads_the_cuts(fps, length, put):
    """At 24 frames per second 0.4 s to 1.6 s are frames 10 (0.417 s) to 38 (1.583 s): 29."""
    otio = pytest.importorskip('opentimelineio')
    pytest.importorskip('otio_cmx3600_adapter')
    path = put('edl', make_answers(fps=fps))

    timeline = otio.adapters.read_from_file(str(path), rate=known_rate(fps))

    clips = list(timeline.find_clips())
    assert [clip.source_range.duration.value for clip in clips] == list(length)
    assert [clip.name for clip in clips] == ['kitchen.mp4'] * 3
    assert clips[0].markers[0].name == 'crack an egg & <stir>'


def test_pycocotools_reads_the_boxes(put):
    coco_module = pytest.importorskip('pycocotools.coco')

    coco = coco_module.COCO(str(put('coco-video')))

    (category,) = coco.getCatIds(catNms=['crack an egg & <stir>'])
    found = coco.loadAnns(coco.getAnnIds(catIds=[category]))
    assert [annotation['bbox'] for annotation in found] == [
        [8, 6, 16.5, 24], [16, 12, 24, 24], [0, 0, 32, 24],
    ]  # fmt: skip
    assert [annotation['track_id'] for annotation in found] == [1, 1, 2]
    frames = [coco.loadImgs(annotation['image_id'])[0]['frame_id'] for annotation in found]
    assert frames == [10, 30, 80]
    assert len(coco.getCatIds()) == 4  # what was not found is a category without boxes


def test_our_reader_of_vidstg_reads_the_tubes(put):
    from stgr.datasets import VidSTG

    file = put('vidstg')
    data = VidSTG(str(file.parent), file.name, vidor=None)

    assert [query.sentence for query in data.read_queries()] == [
        'crack an egg & <stir>',
        'crack an egg & <stir>',
        'whisk, "fast"',
    ]
    first = data.read_queries()[0]
    boxes, known = data.read_tube(first)
    assert (first.tube_frames, np.flatnonzero(known).tolist()) == ((10, 40), [0, 20])
    assert boxes[20].tolist() == [16, 12, 40, 36]


def test_the_sdk_of_label_studio_draws_boxes_on_the_same_frames(put):
    """Its interpolation: frame 11 to 40 counted from 1, all of the span and nothing else."""
    video = pytest.importorskip(
        'label_studio_sdk._extensions.label_studio_tools.postprocessing.video'
    )
    document = json.loads(put('label-studio').read_text())
    regions = document[0]['predictions'][0]['result']

    drawn = video.extract_key_frames([one for one in regions if one['type'] == 'videorectangle'])

    frames = sorted({place['frame'] for place in drawn[0]['value']['sequence']})
    assert frames == list(range(11, 41))
    (at_31,) = {
        (p['x'], p['y'], p['width'], p['height'])
        for p in drawn[0]['value']['sequence'] if p['frame'] == 31
    }  # fmt: skip
    np.testing.assert_allclose(at_31, (25, 25, 37.5, 50))


def test_the_library_of_fiftyone_reads_events_and_boxes(put):
    eta = pytest.importorskip('eta.core.video', exc_type=ImportError)
    path = put('fiftyone')

    labels = eta.VideoLabels.from_json(str(path / 'labels' / 'kitchen.json'))

    events = {(event.label, event.support.limits) for event in labels.events}
    egg = 'crack an egg & <stir>'
    assert events == {(egg, (11, 40)), (egg, (76, 100)), ('whisk, "fast"', (26, 50))}
    (thing,) = labels[11].objects
    assert thing.bounding_box.to_coords() == pytest.approx((8 / 64, 6 / 48, 24.5 / 64, 30 / 48))
    assert [attribute.value for attribute in labels.attrs] == ['fly a kite', 'rühren 蛋']


def test_the_library_of_fiftyone_reads_probabilities(put):
    eta = pytest.importorskip('eta.core.video', exc_type=ImportError)
    answers = make_answers()
    whisk = answers.queries[2]
    whisk = replace(whisk, spans=(replace(whisk.spans[0], probability=0.625),))
    path = put('fiftyone', replace(answers, queries=(whisk,)))

    labels = eta.VideoLabels.from_json(str(path / 'labels' / 'kitchen.json'))

    (event,) = labels.events
    assert [(one.name, one.value) for one in event.attrs] == [('probability', 0.625)]


def test_activitynet_has_the_fields_that_its_evaluation_asks_for(put):
    document = json.loads(put('activitynet').read_text())

    assert {'version', 'results', 'external_data'} <= document.keys()
    egg = 'crack an egg & <stir>'
    assert document['results'] == {
        'kitchen': [
            {'label': egg, 'score': 0.75, 'segment': [0.4, 1.6]},
            {'label': egg, 'score': 0.5, 'segment': [3.0, 4.0]},
            {'label': 'whisk, "fast"', 'score': 0.25, 'segment': [1.0, 2.0]},
        ]
    }


def test_ground_truth_of_activitynet_is_read(tmp_path):
    annotations = [{'label': 'whisk', 'segment': [1, 2.5]}]
    database = {'abc': {'duration': 9.5, 'subset': 'validation', 'annotations': annotations}}
    (tmp_path / 'gt.json').write_text(json.dumps({'version': '1.3', 'database': database}))

    (found,) = find_format('activitynet').read(tmp_path / 'gt.json', KnownVideos())

    assert (found.video, found.duration_sec, found.queries[0].query) == ('abc', 9.5, 'whisk')
    assert found.queries[0].spans[0].end_sec == 2.5


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>mine</name><size>100</size><labels><label><name>stir</name></label></labels>
    <original_size><width>64</width><height>48</height></original_size></task></meta>
  <track id="0" label="stir" source="manual">
    <box frame="10" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="11" ybr="12"/>
    <box frame="11" outside="0" occluded="0" keyframe="0" xtl="2" ytl="2" xbr="12" ybr="12"/>
    <box frame="20" outside="1" occluded="0" keyframe="1" xtl="9" ytl="2" xbr="19" ybr="12"/>
    <box frame="90" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="11" ybr="12"/>
  </track>
</annotations>"""


def test_a_track_of_cvat_that_leaves_and_comes_back_is_two_spans(tmp_path):
    (tmp_path / 'cvat.xml').write_text(CVAT)
    facts = replace(make_answers(), queries=())

    (found,) = find_format('cvat').read(tmp_path / 'cvat.xml', KnownVideos((facts,)))

    spans = found.queries[0].spans
    assert [(span.start_sec, span.end_sec) for span in spans] == [(0.4, 0.8), (3.6, 4.0)]
    assert spans[0].times_sec.tolist() == [0.4]  # frame 11 is drawn by CVAT, not by a person
    assert found.video == facts.video


def test_a_task_of_cvat_needs_a_rate(tmp_path):
    (tmp_path / 'cvat.xml').write_text(CVAT)

    (found,) = find_format('cvat').read(tmp_path / 'cvat.xml', KnownVideos(fps=10.0))

    spans = found.queries[0].spans
    assert [(span.start_sec, span.end_sec) for span in spans] == [(1.0, 2.0), (9.0, 10.0)]
    assert (found.video, found.duration_sec) == ('cvat', 10.0)
    with pytest.raises(ValueError, match=r'give the video file with --video'):
        find_format('cvat').read(tmp_path / 'cvat.xml', KnownVideos())


def test_a_document_type_in_xml_is_refused(tmp_path):
    """Entities of entities are how an XML file of a few bytes fills the memory."""
    (tmp_path / 'bomb.xml').write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotations>&a;</annotations>'
    )

    with pytest.raises(ValueError, match=r'bomb\.xml: CVAT writes no document type'):
        find_format('cvat').read(tmp_path / 'bomb.xml', KnownVideos())


def test_what_a_person_corrected_in_label_studio_counts(put):
    path = put('label-studio')
    (task,) = json.loads(path.read_text())
    when = {'ranges': [{'start': 51, 'end': 75}], 'timelinelabels': ['fly a kite']}
    region = {'id': 'x', 'type': 'timelinelabels', 'from_name': 'when', 'to_name': 'video'}
    task['annotations'] = [
        {'was_cancelled': False, 'result': [{**region, 'value': when}]},
        {'was_cancelled': True, 'result': []},
    ]
    path.write_text(json.dumps([task]))

    (found,) = find_format('label-studio').read(path, KnownVideos())

    kite = found.queries[1]
    assert [(span.start_sec, span.end_sec, span.score) for span in kite.spans] == [(2.0, 3.0, None)]
    assert len(found.not_found) == 3  # the person left nothing of the others


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('00:00:01,000 --> 00:00:02,000\nhi\n', r':1: expected the number of an entry'),
        ('1\n00:00:02,000 --> 00:00:01,000\nhi\n', r':2: a span needs 0 <= start < end'),
    ],
)
def test_a_broken_cue_is_named_by_its_line(text, message, tmp_path):
    (tmp_path / 'a.srt').write_text(text)

    with pytest.raises(ValueError, match=r'a\.srt' + message):
        find_format('srt').read(tmp_path / 'a.srt', KnownVideos())


def test_an_edl_of_another_rate_asks_for_one():
    with pytest.raises(ValueError, match=r'not 10; give the rate of your project with --fps'):
        find_format('edl').write([make_answers(fps=10.0)], KnownVideos())


def test_a_table_with_an_open_quote_is_refused_with_its_line(tmp_path):
    file = tmp_path / 'answers.csv'
    file.write_text('video,query,found,start_sec,end_sec\n"kitchen.mp4,stir' + ' x' * 70_000)

    with pytest.raises(ValueError, match=r'answers\.csv:2: broken table .*is a quote not closed'):
        find_format('csv').read(file, KnownVideos())
