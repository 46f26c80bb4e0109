"""``stgr index`` and ``stgr search`` as people meet them."""

import json
import os
import re
import shutil

import pytest

from stgr.cli import main


@pytest.fixture
def run(tiny_model, library, tmp_path, monkeypatch, capfd):
    """Return a function that runs a command in a folder of its own: status, output and errors."""
    monkeypatch.chdir(tmp_path)
    config, weights = tiny_model
    model = ['--model', str(config), '--weights', str(weights), '--device', 'cpu']

    def command(name, *arguments):
        status = main([name, *map(str, arguments), *(model if name == 'index' else [])])
        return status, *capfd.readouterr()

    return command


def test_a_library_is_indexed_searched_and_shown(run, library, tmp_path):
    status, said, error = run('index', 'library', '--fps', '2')
    assert (status, error) == (0, '')
    assert said == (
        'encoded 3 videos, kept 0, removed 0\nwrote stgr_index: 3 videos, 0.00 h, exact\n'
    )

    options = ['--json', 'out/answers.json', '--page', 'out/page.html', '--device', 'cpu']
    status, said, error = run('search', 'flip it over', 'crack an egg', '--top', '2', *options)

    assert (status, error) == (0, '')
    lines = said.splitlines()
    assert lines[0] == '"flip it over": 2 moments'
    assert lines[1].split() == ['#', 'when', 'score', 'where', 'video']
    assert re.fullmatch(r'1 +0:00\.0 - 0:0[34]\.0 +-?0\.\d{3} +\S+ - \S+ +\S+\.mp4', lines[2])
    assert lines[-2:] == ['wrote out/answers.json', 'wrote out/page.html']
    document = json.loads((tmp_path / 'out' / 'answers.json').read_text())
    assert document['schema_version'] == 1
    assert document['library']['frames'] == 20
    queries = document['queries']
    assert [query['query'] for query in queries] == ['flip it over', 'crack an egg']
    for moment in queries[0]['moments']:
        assert moment['start_sec'] <= moment['peak_sec'] < moment['end_sec']
        assert len(moment['place']['box_px']) == 4
    page = (tmp_path / 'out' / 'page.html').read_text()
    assert page.count('src="data:image/jpeg;base64,') == 4
    assert f'../library/{queries[0]["moments"][0]["video"]}#t=0.00,' in page


def test_a_page_fetches_and_runs_nothing_and_escapes_names(run, library, tmp_path):
    shutil.move(library / 'b.mp4', library / '<img src=x onerror=alert(1)>&.mp4')
    run('index', 'library', '--fps', '2')

    run('search', '<script> flip', '--page', 'page.html', '--device', 'cpu')

    page = (tmp_path / 'page.html').read_text()
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src 'none'" in policy
    assert 'img-src data:' in policy
    assert '<script' not in page
    assert '<img src=x' not in page
    assert '&lt;img src=x onerror=alert(1)&gt;&amp;.mp4' in page
    assert 'http' not in page.replace('http-equiv', '')


def test_a_name_that_is_no_text_is_shown_and_linked(run, library, tmp_path):
    odd = os.fsdecode(b'\xff.mp4')
    shutil.move(library / 'b.mp4', library / odd)
    (library / 'a.mp4').unlink()
    (library / 'more' / 'a.mp4').unlink()
    run('index', 'library', '--fps', '2')

    options = ['--all', '--page', 'page.html', '--json', 'a.json', '--device', 'cpu']
    status, _, error = run('search', 'flip it over', *options)

    assert (status, error) == (0, '')
    assert 'href="library/%FF.mp4#t=' in (tmp_path / 'page.html').read_text()
    (answer,) = json.loads((tmp_path / 'a.json').read_text())['queries']
    assert {moment['video'] for moment in answer['moments']} == {odd}


def test_not_found_is_said(run, library):
    run('index', 'library', '--fps', '2')

    status, said, _ = run('search', 'flip it over', '--threshold', '0.999', '--device', 'cpu')
    assert status == 0
    assert re.fullmatch(
        r'"flip it over": not found \(best similarity -?0\.\d{3}, threshold 0\.999; '
        r'--all shows the best\)\n',
        said,
    )

    arguments = ['--threshold', '0.999', '--all', '--no-places', '--device', 'cpu']
    _, said, _ = run('search', 'flip it over', *arguments)
    assert said.count('(below)') == 3
    assert ': not found (best' in said.splitlines()[0]


def test_gone_videos_are_named_below_the_table(run, library):
    run('index', 'library', '--fps', '2')
    (library / 'b.mp4').unlink()

    _, said, _ = run('search', 'flip it over', '--device', 'cpu')

    assert said.splitlines()[-1] == 'b.mp4: gone since it was indexed; run stgr index again'


def test_a_video_that_cannot_be_read_is_an_error_once_and_the_others_are_indexed(
    run, library, tmp_path
):
    (library / 'b.mp4').write_bytes(b'crack an egg')

    status, said, error = run('index', 'library', '--fps', '2')
    assert status == 1
    assert 'wrote stgr_index: 2 videos' in said
    last = error.splitlines()[-1]
    assert last.startswith('error: 1 of 3 videos could not be encoded (first: library/b.mp4: ')

    status, said, error = run('index', 'library', '--fps', '2')
    assert status == 0
    assert 'up to date: stgr_index: 2 videos' in said
    assert error.startswith('1 videos left out that failed before')


@pytest.mark.parametrize(('share', 'status'), [('0.4', 0), ('0.3', 1)])
def test_a_share_of_the_videos_may_fail(share, status, run, library, tmp_path):
    (library / 'b.mp4').write_bytes(b'crack an egg')

    found, _, error = run('index', 'library', '--fps', '2', '--max-failed', share)

    assert found == status
    assert f'the share of {share} allowed' in error
    assert (tmp_path / 'stgr_index' / 'index.json').exists() == (status == 0)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['search', 'egg'], 'no index in stgr_index; make one with stgr index DIR'),
        (['search', 'egg', 'egg'], 'given more than once'),
        (['search', ' '], 'query 1 of 1 is empty'),
        (['index', 'nowhere'], 'no folder nowhere; name the folder of your videos'),
        (['index', 'library', '--kind', 'flat'], 'kind must be one of exact, hnsw, ivf'),
        (['index', 'library', '--fps', '0'], 'rate'),
        (['index', 'library', '--out', 'library/a.mp4'], 'is a file; give a folder'),
        (['index', 'library', '--max-failed', '5'], 'max_failed must be a share in [0, 1]'),
        (['index', 'library', '--reader', 'vlc'], "no video reader 'vlc'"),
    ],
)
def test_mistakes_are_one_line(arguments, message, run):
    status, said, error = run(*arguments)

    assert (status, said) == (1, '')
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert message in error
