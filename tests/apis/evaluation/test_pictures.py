"""``stgr evaluate --report`` writes the page of the scores it prints."""

import dataclasses
import hashlib
import json
import re

import pytest

from stgr.apis.evaluation import evaluate
from stgr.apis.evaluation.exchange import ExchangeProtocol
from stgr.apis.evaluation.pictures import FILES_SHOWN, page_facts
from stgr.apis.evaluation.protocol import Protocol
from stgr.cli import main


def run(world, predictions, *options):
    files = ['--ground-truth', str(world.truth), '--predictions', str(predictions)]
    return main(['evaluate', '--protocol', 'exchange', *files, *map(str, options)])


def test_the_page_has_scores_controls_files_settings_and_coverage(world, tmp_path, capsys):
    predictions = world.write(world.rows('a'))  # the second video is missing
    options = ['--report', tmp_path / 'r', '--json', tmp_path / 'o.json', '--name', 'mine']

    assert run(world, predictions, *options, '--mask-threshold', 0.05) == 0

    assert f'pictures: {tmp_path / "r" / "report.html"}' in capsys.readouterr().out
    page = (tmp_path / 'r' / 'report.html').read_text('utf-8')
    document = json.loads((tmp_path / 'o.json').read_text())
    assert '<h1>mine on exchange</h1>' in page
    assert '1 videos have no prediction: counted as background' in page
    assert hashlib.sha256(predictions.read_bytes()).hexdigest() in page
    assert hashlib.sha256(world.truth.read_bytes()).hexdigest() in page
    assert re.search(r'protocol: mask threshold</th><td>0.05<', page)
    assert re.search(r'coverage: videos predicted</th><td>1<', page)
    for name in ('mine', *document['controls']):
        assert f'>{name.replace("_", " ")}</th>' in page
    value = document['metrics']['spatial/upsample_first']['pointing_acc']
    shown = re.search(r'pointing_acc</th><td class="number system">([\d.]+)', page)
    assert float(shown[1]) == pytest.approx(100 * value, abs=0.05)


def test_many_files_are_counted_on_the_page(world):
    document = evaluate(ExchangeProtocol(), world.truth, world.write(world.rows('a')))
    stamp = {'path': 'p', 'sha256': 's'}
    stamps = [stamp | {'path': str(i)} for i in range(FILES_SHOWN + 2)]
    document['files']['predictions'] = stamps

    facts = page_facts(document)

    assert facts['predictions: 4'] == 'SHA-256 s'
    assert 'predictions: 5' not in facts
    assert facts['predictions: 2 more files'] == 'see the file of --json'


def test_videos_without_a_page_and_missing_videos_are_one_line(world, tmp_path, capsys):
    predictions = world.write(world.rows('a'))

    assert run(world, predictions, '--videos-dir', tmp_path) == 1
    assert run(world, predictions, '--report', tmp_path / 'r', '--videos-dir', tmp_path / 'no') == 1

    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        'error: --videos-dir serves the page of --report DIR; give both',
        f'error: {tmp_path / "no"}: no such folder of videos',
    ]
    assert not (tmp_path / 'r').exists()


def test_a_protocol_without_a_page_says_so_before_it_scores(world, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class TimesOnly(ExchangeProtocol):
        name = 'times_only'
        report_settings = Protocol.report_settings

    with pytest.raises(ValueError, match=r"which the protocol 'times_only' does not have"):
        evaluate(TimesOnly(), 'none.json', 'none.jsonl', report_dir=tmp_path)
