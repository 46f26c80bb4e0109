"""The page of ``stgr demo`` in a real browser."""

import csv
import io
import json
import os
import re
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from annotation.chromium import Chromium, find_chromium
from demo_page.other_videos import write_with

pytest.importorskip('gradio')

from stgr.demo_page.server import DemoServer

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason='no Chromium or Chrome is installed')
OVERFLOW_PX = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
FOUND, ABSENT = 'grate cheese', 'fly a kite'


@pytest.fixture(scope='module')
def server(grounder, kitchen_folder):
    with DemoServer(grounder, videos=kitchen_folder) as started:
        yield started


@pytest.fixture(scope='module')
def started_browser(tmp_path_factory):
    page = Chromium(PROGRAM, tmp_path_factory.mktemp('browser'))
    page.watch_network()
    yield page
    page.close()


@pytest.fixture
def browser(started_browser, server):
    started_browser.show_size(1280, 960)
    started_browser.errors.clear()
    started_browser.requests.clear()
    started_browser.open(server.url)
    started_browser.wait("document.querySelector('#find') !== null && "
                         "document.querySelector('#viewer .empty') !== null")  # fmt: skip
    yield started_browser
    assert started_browser.errors == []


@pytest.fixture
def answered(browser, kitchen):
    """The page with an answer to two queries, of which one does not occur."""
    upload(browser, kitchen)
    browser.wait("document.querySelector('.about').innerText.startsWith('kitchen.mp4')")
    ask(browser, FOUND, ABSENT)
    browser.wait("document.querySelectorAll('.answer').length === 2")
    return browser


def upload(browser, path):
    browser.choose_file('#upload input[type=file]', path)


def ask(browser, *queries):
    browser.run("document.querySelector('#queries textarea').value = ''")
    browser.click('#queries textarea')
    browser.type('\n'.join(queries))
    time.sleep(0.5)  # Gradio takes over what is typed a little later
    browser.click('#find')


def probability(browser, row):
    """What the page says of how probable it is that a query happens."""
    verdict = browser.text(f'.answer:nth-child({row}) .verdict')
    return float(verdict.rpartition('it happens with probability ')[2])


def pick(browser, name):
    browser.click('#pick input')
    browser.wait("document.querySelector('[role=option]') !== null")
    browser.run(
        "[...document.querySelectorAll('[role=option]')]"
        f'.find((option) => option.innerText.trim().endsWith({json.dumps(name)}))'
        ".dispatchEvent(new MouseEvent('mousedown', { bubbles: true }))"
    )


def spans(browser, row):
    """The spans shown in a row, in seconds."""
    texts = browser.run(
        f"[...document.querySelectorAll('.answer:nth-child({row}) .span')].map((b) => b.innerText)"
    )
    return [tuple(float(t.split(':')[1]) for t in text.split(' – ')) for text in texts]


def move_slider(browser, value):
    browser.run(
        "(() => { const s = document.querySelector('.slider');"
        f's.value = {value}; s.dispatchEvent(new Event("input", {{ bubbles: true }})); }})()'
    )


def test_an_uploaded_video_is_shown_asked_about_and_answered(answered):
    assert answered.text('.about').startswith('kitchen.mp4 · 0:09.0 · 320 × 240')
    assert answered.text('.summary') == '1 of 2 queries found'
    ((start, end),) = spans(answered, 1)
    assert (start, end) == pytest.approx((6, 9), abs=1)  # where it was generated
    assert spans(answered, 2) == []
    absent = answered.text('.answer:nth-child(2) .verdict')
    assert absent.startswith('does not occur above the threshold; best score 0.')
    here, elsewhere = (probability(answered, row) for row in (1, 2))
    assert 0 < elsewhere < here < 1
    title = answered.run("document.querySelector('.answer:nth-child(1) .span').title")
    assert re.fullmatch(r'mean similarity 0\.\d{3}, right with probability 0\.\d\d', title)


def test_a_press_on_curve_or_span_moves_the_video_and_what_is_painted_follows(answered):
    answered.wait("document.querySelector('video').readyState >= 2")
    answered.click('.answer:nth-child(1) .curve', at=(0.25, 0.5))
    answered.wait("Math.abs(document.querySelector('video').currentTime - 2.25) < 0.1")
    answered.wait("document.querySelector('.stage canvas').dataset.painted === ''")

    answered.click('.answer:nth-child(1) .span')
    answered.wait(f"document.querySelector('video').currentTime > {spans(answered, 1)[0][0]}")
    answered.wait(f"document.querySelector('.stage canvas').dataset.painted === '{FOUND}'")
    # counted in a copy: reading the canvas itself makes the browser warn of its slowness
    opaque = (
        "(() => { const from = document.querySelector('.stage canvas');"
        'const copy = new OffscreenCanvas(from.width, from.height);'
        "const pen = copy.getContext('2d', { willReadFrequently: true });"
        'pen.drawImage(from, 0, 0);'
        'const data = pen.getImageData(0, 40, from.width, from.height - 40).data;'
        'return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0), 0); })()'
    )
    assert answered.run(opaque) > 100
    answered.click('.with-heat')
    answered.click('.with-boxes')
    assert answered.run(opaque) == 0

    answered.run("document.querySelector('.answer:nth-child(1) .curve').focus()")
    answered.press('ArrowLeft')
    answered.wait("document.querySelector('.stage canvas').dataset.painted === ''")


def test_the_threshold_answers_while_it_is_moved_and_heat_follows_when_it_is_let_go(answered):
    before = spans(answered, 1)
    own = float(answered.text('.value'))

    move_slider(answered, 'document.querySelector(".slider").max')
    answered.wait("document.querySelector('.summary').innerText === '0 of 2 queries found'")
    move_slider(answered, 'document.querySelector(".slider").min')
    answered.wait("document.querySelector('.summary').innerText === '2 of 2 queries found'")
    assert spans(answered, 2) == [(0, 9)]

    answered.run("document.querySelector('.slider').dispatchEvent(new Event('change'))")
    answered.click('.answer:nth-child(2) .span')
    answered.wait(
        f"document.querySelector('.stage canvas').dataset.painted === '{FOUND} | {ABSENT}'"
    )
    answered.click('button.calibrated')
    answered.wait("document.querySelector('.summary').innerText === '1 of 2 queries found'")
    assert spans(answered, 1) == before
    assert float(answered.text('.value')) == own


def test_what_is_above_the_threshold_and_still_not_found_is_not_called_below_it(answered):
    best = float(answered.text('.answer:nth-child(1) .verdict').split()[3])

    move_slider(answered, best - 0.001)
    answered.wait("document.querySelector('.summary').innerText === '0 of 2 queries found'")
    verdict = answered.text('.answer:nth-child(1) .verdict')
    assert verdict.startswith('is above the threshold only for less than 3 s on end; best score')
    move_slider(answered, best + 0.002)
    answered.wait("document.querySelector('.answer:nth-child(1) .verdict').innerText"
                  ".startsWith('does not occur above the threshold; best')")  # fmt: skip


def test_a_pool_gives_each_moment_to_one_query(browser):
    pick(browser, 'kitchen.mp4')
    browser.wait("document.querySelector('.about').innerText.startsWith('kitchen.mp4')")
    browser.click('#mode label:nth-of-type(2)')
    ask(browser, 'slice carrot', 'crack egg', FOUND)
    browser.wait("document.querySelectorAll('.answer').length === 3")
    move_slider(browser, 'document.querySelector(".slider").min')
    browser.wait("[...document.querySelectorAll('.span')].some("
                 "(span) => span.innerText.startsWith('0:00.0'))")  # fmt: skip

    times = sorted(span for row in (1, 2, 3) for span in spans(browser, row))
    assert 'as a pool' in browser.text('.summary')
    assert all(first[1] <= second[0] for first, second in pairwise(times))
    assert (times[0][0], times[-1][1]) == (0, 9)


def test_the_answer_can_be_downloaded(answered, tmp_path):
    answered.allow_downloads(tmp_path)
    answered.click('#overlay')
    answered.wait("document.querySelector('#files').innerText.includes('overlay')")
    for name in ('answers.csv', 'result.json', 'overlay.mp4'):
        answered.run(
            "[...document.querySelectorAll('#files a')]"
            f'.find((a) => a.download === "{name}" || a.href.endsWith("{name}")).click()'
        )
        deadline = time.monotonic() + 20
        while not (tmp_path / name).is_file():
            assert time.monotonic() < deadline, f'{name}: {list(tmp_path.iterdir())}'
            time.sleep(0.05)
    rows = list(csv.reader(io.StringIO((tmp_path / 'answers.csv').read_text())))
    assert [row[:3] for row in rows[1:]] == [
        ['kitchen.mp4', FOUND, 'yes'],
        ['kitchen.mp4', ABSENT, 'no'],
    ]
    document = json.loads((tmp_path / 'result.json').read_text())
    assert document['video']['path'] == 'kitchen.mp4'
    assert b'ftyp' in (tmp_path / 'overlay.mp4').read_bytes()[:16]


def test_mistakes_are_told_beside_the_field(browser, kitchen, tmp_path):
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(kitchen.read_bytes()[:3000])
    upload(browser, broken)
    browser.wait("document.querySelector('#video-said p') !== null")
    said = browser.text('#video-said p')
    assert said.startswith('broken.mp4: ')
    assert str(tmp_path) not in said

    ask(browser)
    browser.wait("document.querySelector('#queries-said p') !== null")
    assert browser.text('#video-said p') == 'Choose a video and wait until it is shown'
    assert browser.text('#queries-said p') == 'Expected at least one query or action, but got none'
    for queries, message in (
        (('crack egg', 'crack egg'), 'Queries given more than once: crack egg'),
        (('crack egg', 'a' * 301), 'Query 2 has 301 characters, more than 300'),
    ):
        ask(browser, *queries)
        browser.wait(
            f"document.querySelector('#queries-said p').innerText.startsWith({json.dumps(message)})"
        )
    boxes = browser.run(
        "['#queries textarea', '#queries-said', '#mode'].map("
        '(s) => document.querySelector(s).getBoundingClientRect().top)'
    )
    assert boxes == sorted(boxes)  # the message stands right below its field


def test_a_video_that_browsers_do_not_play_is_converted(browser, tmp_path):
    upload(browser, write_with(tmp_path / 'old.avi', 'mpeg4'))
    browser.wait("document.querySelector('.about').innerText.startsWith('old.avi')")

    assert 'converted for the browser' in browser.text('.about')
    browser.wait("document.querySelector('video').readyState >= 2")
    assert browser.run("document.querySelector('video').duration") == pytest.approx(2, abs=0.1)


def test_nothing_is_asked_of_any_other_machine(answered):
    hosts = {urlsplit(url).hostname for url in answered.requests if url.startswith('http')}

    assert hosts == {'127.0.0.1'}
    assert len(answered.requests) > 20


def test_the_page_fits_and_looks_as_documented(answered, tmp_path):
    answered.click('.answer:nth-child(1) .span')
    answered.wait(f"document.querySelector('.stage canvas').dataset.painted === '{FOUND}'")
    answered.run('document.activeElement.blur(); scrollTo(0, 0)')
    assert answered.run(OVERFLOW_PX) == 0
    answered.wait(
        "(() => { let e = document.querySelector('.stage');"
        'for (; e; e = e.parentElement) if (getComputedStyle(e).opacity !== "1") return false;'
        'return true; })()'
    )  # what Gradio waits for is faded
    target = Path(os.environ.get('STGR_SCREENSHOT_DIR', tmp_path)) / 'demo_page.jpg'
    answered.screenshot(target)
    assert target.stat().st_size > 10_000
    answered.show_size(640, 900)
    answered.wait(f'innerWidth === 640 && {OVERFLOW_PX} === 0', timeout_sec=5)
