"""The report's script in a real browser: presses and keys on curves, and nothing refused."""

import pytest
from annotation.chromium import Chromium, find_chromium

from stgr.visualization import write_report

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason='needs Chromium')


@pytest.fixture
def browser(tmp_path):
    browser = Chromium(PROGRAM, tmp_path / 'profile')
    yield browser
    browser.close()


def test_a_press_on_a_curve_and_keys_in_it_move_the_time(browser, result, tmp_path):
    path = write_report(result, tmp_path / 'report.html')
    duration_sec = result.video.duration_sec
    now = "document.querySelector('.curve').getAttribute('aria-valuenow')"
    told = "document.querySelector('.curve').getAttribute('aria-valuetext')"

    browser.open(path.as_uri())
    assert browser.run(now) == '0.00'
    browser.click('.curve', at=(0.5, 0.5))
    assert float(browser.run(now)) == pytest.approx(duration_sec / 2, abs=0.02)
    browser.run("document.querySelector('.curve').focus()")
    browser.press('ArrowRight')
    assert float(browser.run(now)) == pytest.approx(duration_sec / 2 + 1, abs=0.02)
    assert browser.run(told) == f'0:0{duration_sec / 2 + 1:.1f}'
    browser.press('ArrowLeft')
    browser.press('ArrowLeft')
    assert float(browser.run(now)) == pytest.approx(duration_sec / 2 - 1, abs=0.02)
    browser.click('button[data-start]')
    assert browser.run("document.querySelector('button[data-start]').ariaCurrent") == 'true'
    assert browser.errors == []
