"""The annotation page in a real browser."""

import json
import os
from pathlib import Path

import pytest
from annotation.chromium import SHIFT, Chromium, find_chromium

from stgr.annotation import read_history
from stgr.annotation.answers import current_answers

OVERFLOW_PX = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason='no Chromium or Chrome is installed')


@pytest.fixture(scope='module')
def started_browser(tmp_path_factory):
    page = Chromium(PROGRAM, tmp_path_factory.mktemp('browser'))
    yield page
    page.close()


@pytest.fixture
def browser(started_browser):
    started_browser.show_size(1280, 860)
    started_browser.open('about:blank')
    started_browser.errors.clear()
    yield started_browser
    assert started_browser.errors == []


@pytest.fixture
def saved(work, folder):
    """Return a function: what an annotator's file says, step and second -> point or status."""

    def read(annotator='ann'):
        answers = current_answers(read_history(folder, annotator, work[0]))
        return {frame: answer.point_px or answer.status for frame, answer in answers.items()}

    return read


def wait_for_frame(browser, clock):
    browser.wait(f"document.querySelector('.frame[aria-current=true]')?.innerText === '{clock}'")
    browser.wait("document.getElementById('picture').complete")


def wait_for_picture(browser, second):
    browser.wait(
        "(() => { const p = document.getElementById('picture'); return p.complete && "
        f"p.naturalWidth === 320 && p.src.endsWith('/{second}.jpg'); }})()"
    )


def test_a_person_clicks_unsets_undoes_and_marks_what_cannot_be_solved(browser, serve, saved):
    server = serve(annotator='ann')
    browser.open(server.url)
    wait_for_frame(browser, '0:00')
    wait_for_picture(browser, 0)
    assert browser.text('#action') == 'crack egg'
    assert browser.text('#total') == '0 of 7 frames'

    browser.click('#stage', at=(0.25, 0.5))
    wait_for_frame(browser, '0:01')  # it goes on by itself
    assert saved() == {(0, 0): pytest.approx((80, 120), abs=0.5)}
    browser.click('#cannot_solve')
    wait_for_frame(browser, '0:02')
    browser.click('#corrupt')
    browser.wait("document.getElementById('where').innerText.includes('package is done')")
    assert {**saved(), (0, 0): 'point'} == {
        (0, 0): 'point',
        (0, 1): 'cannot_solve',
        (0, 2): 'corrupt',
    }

    browser.click('#undo')
    browser.wait("document.getElementById('saved').innerText === 'Undone'")
    assert (0, 2) not in saved()
    browser.click('.frame:nth-child(1)')
    wait_for_frame(browser, '0:00')
    browser.click('#unset')
    browser.wait("document.getElementById('saved').innerText === 'Taken back'")
    assert saved() == {(0, 1): 'cannot_solve'}
    browser.click('#undo')  # the unset itself
    browser.wait("document.getElementById('saved').innerText === 'Undone'")
    assert saved()[0, 0] == pytest.approx((80, 120), abs=0.5)
    assert browser.text('#total') == '2 of 7 frames'


def test_everything_can_be_done_with_the_keyboard(browser, serve, saved):
    browser.open(serve(annotator='ann').url)
    wait_for_frame(browser, '0:00')

    browser.press('c')
    wait_for_frame(browser, '0:01')
    browser.press('x')
    wait_for_frame(browser, '0:02')
    browser.press('ArrowRight', SHIFT)  # 2 % of 320 right of the middle
    browser.press('ArrowDown', SHIFT)  # 2 % of 240 below it
    browser.press('Enter')
    browser.wait("document.getElementById('where').innerText.includes('package is done')")
    assert saved() == {
        (0, 0): 'cannot_solve',
        (0, 1): 'corrupt',
        (0, 2): pytest.approx((166.4, 124.8), abs=0.06),
    }
    browser.press('z')
    browser.wait("document.getElementById('saved').innerText === 'Undone'")
    browser.press('ArrowLeft')
    wait_for_frame(browser, '0:01')
    browser.press('u')
    browser.wait("document.getElementById('saved').innerText === 'Taken back'")
    assert saved() == {(0, 0): 'cannot_solve'}
    browser.press('n')
    browser.wait("document.getElementById('action').innerText === 'stir pan'")
    wait_for_frame(browser, '0:02')


def test_a_reload_goes_on_where_the_work_stopped(browser, serve, saved):
    server = serve()
    browser.open(server.url)
    browser.wait("!document.getElementById('who').hidden")
    browser.type('ann b')
    browser.press('Enter')
    browser.wait("document.getElementById('trouble').innerText.startsWith(\"annotator 'ann b'\")")
    browser.errors.clear()  # the browser notes the refusal
    browser.run("document.getElementById('who-name').value = ''")
    browser.type('ann')
    browser.press('Enter')
    wait_for_frame(browser, '0:00')
    browser.click('#stage', at=(0.5, 0.5))
    wait_for_frame(browser, '0:01')

    browser.ask('Page.reload')
    browser.wait("document.getElementById('total').innerText === '1 of 7 frames'")
    wait_for_frame(browser, '0:01')
    browser.press('z')  # what was done before the reload can be undone
    wait_for_frame(browser, '0:00')
    assert saved() == {}


def test_two_annotators_do_not_see_each_other(browser, serve, saved):
    server = serve()
    for name, place in (('ann', 0.25), ('bob', 0.75)):
        browser.open('about:blank')
        browser.open(f'{server.url}#{name}')
        wait_for_frame(browser, '0:00')
        assert browser.text('#total') == '0 of 7 frames'
        browser.click('#stage', at=(place, 0.5))
        wait_for_frame(browser, '0:01')

    assert saved('ann') == {(0, 0): pytest.approx((80, 120), abs=0.5)}
    assert saved('bob') == {(0, 0): pytest.approx((240, 120), abs=0.5)}


def test_haste_answers_no_frame_that_was_not_seen(browser, serve, saved):
    browser.open(serve(annotator='ann').url)
    wait_for_frame(browser, '0:00')

    browser.click('#stage', at=(0.25, 0.5))
    wait_for_frame(browser, '0:01')
    browser.click('#stage', at=(0.25, 0.5), count=2)  # the other half of a double click
    browser.run("for (const key of 'cx') document.dispatchEvent("
                "new KeyboardEvent('keydown', { key, bubbles: true }))")  # fmt: skip
    wait_for_frame(browser, '0:02')

    assert saved() == {(0, 0): pytest.approx((80, 120), abs=0.5), (0, 1): 'cannot_solve'}


def test_a_frame_that_cannot_be_read_can_be_marked(browser, serve, saved):
    server = serve(annotator='ann')
    server.pictures.jpeg = lambda *_: (_ for _ in ()).throw(ValueError('damaged'))
    browser.open(server.url)
    wait_for_frame(browser, '0:00')
    browser.wait("!document.getElementById('unreadable').hidden")

    browser.click('#stage')
    browser.press('x')
    wait_for_frame(browser, '0:01')

    assert saved() == {(0, 0): 'corrupt'}
    browser.errors.clear()  # the browser notes the failed requests


def test_a_narrow_window_needs_no_scrolling_to_the_side(browser, serve):
    browser.open(serve(annotator='ann').url)
    wait_for_frame(browser, '0:00')
    browser.show_size(640, 800)

    browser.wait(f'innerWidth === 640 && {OVERFLOW_PX} === 0', timeout_sec=5)


def test_an_answer_that_was_not_saved_is_said_and_not_shown(browser, serve):
    server = serve(annotator='ann')
    browser.open(server.url)
    wait_for_frame(browser, '0:00')
    server.desk.save = lambda *_: (_ for _ in ()).throw(OSError('disk full'))

    browser.click('#stage')
    browser.wait("!document.getElementById('trouble').hidden")

    assert browser.text('#trouble') == 'Not saved: disk full'
    assert browser.text('#total') == '0 of 7 frames'
    assert browser.run("document.querySelector('.frame[aria-current=true]').innerText") == '0:00'
    browser.errors.clear()  # the browser notes the failed request


def test_the_page_fits_and_looks_as_documented(browser, serve, folder, work, tmp_path):
    server = serve(annotator='ann')
    browser.open(server.url)
    wait_for_frame(browser, '0:00')
    browser.press('c')
    wait_for_frame(browser, '0:01')
    browser.press('x')
    wait_for_frame(browser, '0:02')
    browser.click('#advance')
    browser.click('#stage', at=(140 / 320, 150 / 240))
    browser.wait("document.querySelectorAll('.frame.point').length === 1")
    wait_for_picture(browser, 2)

    assert browser.run(OVERFLOW_PX) == 0
    target = Path(os.environ.get('STGR_SCREENSHOT_DIR', tmp_path)) / 'annotate.png'
    browser.screenshot(target)
    assert target.stat().st_size > 10_000
    assert (
        json.loads((folder / 'clicks' / 'ann' / 'kitchen.json').read_text())['annotator'] == 'ann'
    )
