"""Results out to other tools, and corrected answers back as truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from format_answers import make_answers, make_result

from stgr.apis.export import default_name, export_answers, load_answers
from stgr.apis.import_answers import box_between, import_answers, whole_seconds
from stgr.cli import main
from stgr.io import save_result
from stgr.io.checked_json import read_json
from stgr.io.formats import FORMATS, KnownVideos
from stgr.structures import HeatMaps
from stgr.structures.video_answers import QueryAnswer, QuerySpan, answers_of_result


@pytest.fixture
def results(tmp_path):
    for name in ('kitchen', 'garden'):
        save_result(make_result(f'{name}.mp4'), tmp_path / 'out' / name)
    return tmp_path / 'out'


def test_a_folder_of_results_is_all_of_them(results):
    assert [one.video_id for one in load_answers(results)] == ['garden', 'kitchen']
    (alone,) = load_answers(results / 'kitchen')
    assert [answer.query for answer in alone.queries] == ['crack an egg', 'fly a kite']
    assert answers_of_result(make_result(query='a\nb')).queries[0].query == 'a b'  # names of a line
    assert alone.queries[0].spans[0].boxes_px[1].tolist() == [10, 8, 26, 32]
    assert load_answers(results / 'kitchen' / 'result.json')[0].video_id == 'kitchen'


def test_the_probabilities_of_a_result_are_exported(tmp_path):
    result = make_result()
    egg, kite = result.queries
    egg = replace(egg, probability=0.75, spans=(replace(egg.spans[0], probability=0.5),))
    save_result(replace(result, queries=(egg, kite)), tmp_path / 'out')

    assert main(['export', str(tmp_path / 'out'), '--to', 'csv']) == 0

    lines = (tmp_path / 'out' / 'kitchen.csv').read_text().splitlines()
    assert lines[1:] == [
        'kitchen.mp4,crack an egg,yes,0.5,1.0,2.5,0.75,0.5',
        'kitchen.mp4,fly a kite,no,-0.1,,,,',
    ]


@pytest.mark.parametrize('name', FORMATS)
def test_the_command_writes_every_format_beside_its_result(name, results, capsys):
    assert main(['export', str(results / 'kitchen'), '--to', name]) == 0

    said = capsys.readouterr().out.splitlines()
    written = results / 'kitchen' / default_name(load_answers(results / 'kitchen'), name)
    assert said[0] == f'wrote {written}'
    assert written.exists()
    lost = f'not in it, as {name} cannot say "not found": fly a kite'
    assert said[1:] == ([] if FORMATS[name].holds_not_found else [lost])


def test_several_results_become_one_file_or_one_each(results, tmp_path, capsys):
    assert main(['export', str(results), '--to', 'via', '--out', str(tmp_path / 'v.json')]) == 0
    assert main(['export', str(results), '--to', 'srt', '--out', str(tmp_path / 'subs')]) == 0

    assert (tmp_path / 'v.json').is_file()
    assert sorted(f.name for f in (tmp_path / 'subs').iterdir()) == ['garden.srt', 'kitchen.srt']


def test_exported_json_can_be_exported_again(results, tmp_path):
    (first,) = export_answers(load_answers(results), 'json', tmp_path / 'all.json')
    (again,) = export_answers(load_answers(first), 'json', tmp_path / 'again.json')

    assert again.read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--to', 'labelstudio'], "no format 'labelstudio'; did you mean label-studio? there are"),
        (['--to', 'edl', '--fps', '10'], 'timecode counts'),
        (['--to', 'srt', '--fps', '-1'], '--fps must be > 0'),
        (['--to', 'srt', '--video', 'missing.mp4'], 'missing.mp4'),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, results, capsys):
    before = sorted(results.rglob('*'))

    status = main(['export', str(results / 'kitchen'), *arguments])

    said = capsys.readouterr().err
    assert (status, said.count('\n')) == (1, 1)
    assert message in said
    assert sorted(results.rglob('*')) == before


def test_a_result_mixed_from_two_runs_is_refused(results, capsys):
    other = make_result()
    heat = HeatMaps(np.arange(3) / 2 + 1, np.full((3, 2, 2), 2, np.float32), 'none')
    save_result(
        replace(other, queries=(replace(other.queries[0], heatmaps=heat),)), results / 'kitchen2'
    )
    (results / 'kitchen2' / 'heatmaps.npz').replace(results / 'kitchen' / 'heatmaps.npz')

    assert main(['export', str(results / 'kitchen'), '--to', 'csv']) == 1
    assert 'the two files are of different runs' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['csv', 'fiftyone'])
def test_what_is_there_is_replaced_only_when_told(name, results, tmp_path, capsys):
    out = tmp_path / 'place'
    argv = ['export', str(results / 'kitchen'), '--to', name, '--out', str(out)]
    assert main(argv) == 0

    assert main(argv) == 1
    assert f'{out} exists already; give --overwrite' in capsys.readouterr().err
    assert main([*argv, '--overwrite']) == 0


def test_a_folder_that_cannot_be_written_anew_stays(results, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'place'
    argv = ['export', str(results / 'kitchen'), '--to', 'fiftyone', '--out', str(out)]
    assert main(argv) == 0
    before = {file: file.read_bytes() for file in out.rglob('*.json')}
    write = Path.write_bytes

    def fill_the_disk(self, content):
        if self.name == 'kitchen.json':
            raise OSError(28, 'No space left on device')
        return write(self, content)

    monkeypatch.setattr(Path, 'write_bytes', fill_the_disk)
    assert main([*argv, '--overwrite']) == 1
    assert 'no space left' in capsys.readouterr().err
    assert {file: file.read_bytes() for file in out.rglob('*.json')} == before
    assert [one.name for one in tmp_path.iterdir() if one.name != 'out'] == ['place']


def test_a_folder_with_anything_else_is_never_replaced(results, tmp_path, capsys):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.tex').touch()
    argv = ['export', str(results / 'kitchen'), '--to', 'fiftyone', '--out', str(tmp_path / 'mine')]

    assert main([*argv, '--overwrite']) == 1
    assert 'holds thesis.tex too' in capsys.readouterr().err
    assert (tmp_path / 'mine' / 'thesis.tex').exists()


def test_two_videos_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match='several results are of videos called kitchen'):
        export_answers([make_answers(), make_answers()], 'csv', tmp_path / 'a.csv')


def test_corrected_answers_become_truth_that_is_scored(results, tmp_path, capsys):
    """Exported and back: the system's own answer is the truth, so every second is right."""
    assert main(['export', str(results / 'kitchen'), '--to', 'label-studio']) == 0
    file = results / 'kitchen' / 'kitchen.label-studio.json'
    truth = tmp_path / 'truth'

    argv = ['import', str(file), '--from', 'label-studio', '--out', str(truth)]
    assert main(argv) == 0
    assert 'videos: 1, spans: 1, not found: 1' in capsys.readouterr().out
    assert main(argv) == 1  # not over what is there
    assert 'give --overwrite' in capsys.readouterr().err
    scored = ['evaluate', '--protocol', 'grounding_youtube', '--pool', 'vid2step']
    scored += ['--ground-truth', str(truth / 'box_anno.json'), '--json', str(tmp_path / 's.json')]
    assert main([*scored, '--predictions', str(results / 'kitchen')]) == 0
    scores = read_json(tmp_path / 's.json').value['metrics']
    assert scores['labels']['label_acc'] == 1


def test_seconds_and_boxes_of_truth_by_hand(tmp_path):
    """0.4..1.6 s holds second 1, halfway from the box at 0.4 s to the one at 1.2 s (3/4)."""
    file = tmp_path / 'a.json'
    export_answers([make_answers()], 'json', file)

    report = import_answers([file], 'json', tmp_path / 'truth')

    boxes = read_json(tmp_path / 'truth' / 'box_anno.json').value['kitchen']
    egg = 'crack an egg & <stir>'
    assert boxes == [
        {'second': 1, 'box': [14, 10, 36, 34], 'step_name': egg},
        {'second': 3, 'box': [0, 0, 32, 24], 'step_name': egg},
    ]
    pool = read_json(tmp_path / 'truth' / 'vid2step.json').value['kitchen']
    assert pool == [egg, 'fly a kite', 'whisk, "fast"', 'rühren 蛋', 'background']
    assert (report.num_boxes, report.num_unboxed, report.num_shared) == (2, 1, 0)
    assert load_answers(tmp_path / 'truth' / 'answers.json')[0].queries[0].spans[0].score == 0.75


@pytest.mark.parametrize(
    ('start', 'end', 'seconds'),
    [
        (1.0, 3.0, [1, 2]),  # half-open
        (0.0, 0.5, [0]),
        (0.2, 0.9, []),  # between two seconds
        (2.5, 3.1, [3]),
    ],
)
def test_whole_seconds_of_a_span(start, end, seconds):
    assert list(whole_seconds(QuerySpan(start, end))) == seconds


def test_a_span_between_two_seconds_is_counted_and_kept_in_the_answers(tmp_path):
    short = replace(make_answers(), queries=(QueryAnswer('stir', (QuerySpan(0.2, 0.9),)),))
    export_answers([short], 'json', tmp_path / 'a.json')

    report = import_answers([tmp_path / 'a.json'], 'json', tmp_path / 'truth')

    assert (report.num_spans, report.num_short, report.num_boxes) == (1, 1, 0)
    (back,) = load_answers(tmp_path / 'truth' / 'answers.json')
    assert back.queries[0].spans[0].end_sec == 0.9


def test_boxes_lie_on_a_line_between_what_is_visible():
    span = make_answers().queries[0].spans[0]

    assert box_between(span, 0.8) == (12, 9, 32.25, 33)  # where nothing was visible
    assert box_between(span, 1.5) == (16, 12, 40, 36)  # after the last: as it was


def test_shared_seconds_go_to_the_first_action_and_are_counted(tmp_path):
    answers = make_answers()
    egg = answers.queries[0]
    twice = replace(answers, queries=(egg, QueryAnswer('stir', egg.spans)))
    export_answers([twice], 'json', tmp_path / 'a.json')

    report = import_answers([tmp_path / 'a.json'], 'json', tmp_path / 'truth')

    assert (report.num_boxes, report.num_shared) == (2, 2)
    boxes = read_json(tmp_path / 'truth' / 'box_anno.json').value['kitchen']
    assert {box['step_name'] for box in boxes} == {egg.query}


def test_unknown_sizes_ask_for_the_video(tmp_path, capsys, tiny_video):
    (tmp_path / 'by_hand.srt').write_text('1\n00:00:01,000 --> 00:00:02,000\nflip it over\n')
    argv = ['import', str(tmp_path / 'by_hand.srt'), '--from', 'srt', '--out', str(tmp_path / 't')]

    assert main(argv) == 1
    assert 'give the video with --video' in capsys.readouterr().err
    assert main([*argv, '--video', str(tiny_video)]) == 0
    assert 'seconds of spans without boxes: 1' in capsys.readouterr().out
    assert load_answers(tmp_path / 't' / 'answers.json')[0].video_id == 'kitchen'


def test_nothing_to_export_is_an_error(tmp_path):
    with pytest.raises(ValueError, match='no answers'):
        export_answers([], 'csv', tmp_path / 'a.csv', known=KnownVideos())
