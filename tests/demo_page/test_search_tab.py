"""Searching an index from the page: the work behind it, and the tab in a real browser."""

import json
import os
import time
from pathlib import Path

import pytest
from annotation.chromium import Chromium, find_chromium

pytest.importorskip('gradio')

from stgr.demo_page import library as library_module
from stgr.demo_page.desk import GoneError
from stgr.demo_page.library import LibrarySearch
from stgr.demo_page.server import DemoServer
from stgr.search import SearchIndex, build_index

PROGRAM = find_chromium()
FOUND, ABSENT = 'grate cheese', 'fly a kite'


@pytest.fixture(scope='module')
def index(grounder, kitchen_folder, tmp_path_factory):
    """An index of a library whose only video grates cheese from second 6 to 9."""
    folder = tmp_path_factory.mktemp('index') / 'index'
    build_index(kitchen_folder, folder, rate_fps=2.0)
    with SearchIndex.open(folder, grounder=grounder) as opened:
        yield opened


@pytest.fixture
def library(index, tmp_path):
    return LibrarySearch(index, tmp_path)


def test_moments_are_those_of_the_index_and_can_be_opened(library, index):
    view, file = library.search([FOUND, ABSENT], top=3, everything=False)
    expected = index.search([FOUND, ABSENT], top=3)

    assert [answer['query'] for answer in view['answers']] == [FOUND, ABSENT]
    keys = [moment['key'] for moment in view['answers'][0]['moments']]
    for key, moment in zip(keys, expected[0].moments, strict=True):
        assert library.moment(key).start_sec == moment.start_sec
        assert library.moment(key).path == moment.path
    assert view['answers'][1]['summary'].startswith('does not occur above the threshold')
    assert [query['query'] for query in json.loads(file.read_text())['queries']] == [FOUND, ABSENT]


def test_moments_below_the_threshold_say_so(library):
    view, _ = library.search([ABSENT], top=2, everything=True)

    assert view['answers'][0]['moments']
    assert all('below the threshold' in m['score'] for m in view['answers'][0]['moments'])


def test_few_moments_and_files_are_kept(library, monkeypatch):
    monkeypatch.setattr(library_module, 'MOST_MOMENTS', 1)
    monkeypatch.setattr(library_module, 'MOST_SEARCHES', 1)
    (old, old_file), (new, new_file) = (
        library.search([FOUND], top=1, everything=True) for _ in range(2)
    )

    assert library.moment(new['answers'][0]['moments'][0]['key']).found
    with pytest.raises(GoneError, match='search again'):
        library.moment(old['answers'][0]['moments'][0]['key'])
    assert (old_file.exists(), new_file.exists()) == (False, True)


@pytest.fixture
def browser(grounder, index, tmp_path):
    if PROGRAM is None:
        pytest.skip('no Chromium or Chrome is installed')
    page = Chromium(PROGRAM, tmp_path / 'browser')
    with DemoServer(grounder, index=index) as server:
        page.show_size(1280, 720)
        page.open(server.url)
        page.wait("document.querySelectorAll('button[role=tab]').length === 2")
        yield page
    page.close()
    assert page.errors == []


def test_a_search_finds_a_moment_that_opens_where_it_is(browser, tmp_path):
    browser.run(
        "[...document.querySelectorAll('button[role=tab]')]"
        ".find((tab) => tab.innerText.trim() === 'Search the library').click()"
    )
    browser.wait("document.querySelector('#search').offsetWidth > 0")
    browser.click('#search')
    browser.wait("document.querySelector('#search-said p') !== null")
    assert 'at least one query' in browser.text('#search-said p')

    browser.click('#search-queries textarea')
    browser.type(f'{FOUND}\n{ABSENT}')
    time.sleep(0.5)  # Gradio takes over what is typed a little later
    browser.click('#search')
    browser.wait("document.querySelectorAll('.moments h3').length === 2")
    assert browser.run("document.querySelector('#search-said p') === null")
    absent = browser.text('.moments p:nth-of-type(2)')
    assert absent.startswith('does not occur above the threshold of 0.')
    browser.wait("document.querySelector('.card img').naturalWidth > 0")
    browser.wait("document.querySelector('#found').innerText.includes('moments')")
    browser.run('document.activeElement.blur()')
    browser.wait(
        "(() => { let e = document.querySelector('.card');"
        'for (; e; e = e.parentElement) if (getComputedStyle(e).opacity !== "1") return false;'
        'return true; })()'
    )  # what Gradio waits for is faded
    target = Path(os.environ.get('STGR_SCREENSHOT_DIR', tmp_path)) / 'demo_search.jpg'
    browser.screenshot(target)

    browser.click('.card')
    browser.wait("document.querySelector('.about').offsetWidth > 0")
    assert browser.text('.about').startswith('kitchen.mp4')
    browser.wait("Math.abs(document.querySelector('video').currentTime - 6) < 1.01")
    assert browser.run("document.querySelector('#queries textarea').value") == FOUND
    browser.click('#find')
    browser.wait("document.querySelectorAll('.answer').length === 1")
    assert browser.run("document.querySelector('video').currentTime") > 4  # it stays there
