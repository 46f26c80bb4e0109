"""The contact sheet: complete, escaped, and unable to fetch or run anything else."""

import re

import pytest

from stgr.visualization.contact_sheet import MAX_CAPTIONS, SheetVideo, write_contact_sheet


@pytest.fixture
def page(tmp_path):
    def write(*videos, **changes):
        options = {'title': 'Eggs', 'tables': {'Videos': {'found': 1200}}, 'notes': []} | changes
        return write_contact_sheet(tmp_path / 'sheet.html', videos=videos, **options).read_text()

    return write


VIDEO = SheetVideo(
    'egg', 'train, 1.0 min', [(1.0, 2.5, 'crack it'), (61.0, 63.0, 'whisk it')], b'jpeg', (1.75, 62)
)


def test_times_captions_pictures_and_numbers_are_shown(page):
    text = page(VIDEO)

    assert '<td>0:01.0–0:02.5</td><td>crack it</td>' in text
    assert '<b>0:01.8</b> crack it' in text
    assert '<b>1:02.0</b> whisk it' in text
    assert 'data:image/jpeg;base64,anBlZw==' in text
    assert '<th scope="row">found</th><td>1,200</td>' in text


def test_text_of_strangers_stays_text(page):
    evil = '<script>alert(1)</script>'
    video = SheetVideo(evil, evil, [(0.0, 1.0, evil)], b'x', (0.5,), evil)

    text = page(video, title=evil, notes=[evil], tables={evil: {evil: evil}})

    assert evil not in text
    assert text.count('<script>') == 1


def test_the_policy_forbids_everything_but_the_own_script(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page(VIDEO))[1]

    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)
    assert 'img-src data:' in policy
    assert 'http' not in policy


def test_a_video_that_is_left_out_says_why(page):
    text = page(SheetVideo('egg', 'train', [], left_out='another language (de)'))

    assert 'left out: another language (de)' in text
    assert 'class="left"' in text


def test_very_many_captions_are_cut_and_counted(page):
    video = SheetVideo('egg', '', [(float(i), i + 1.0, 'x') for i in range(MAX_CAPTIONS + 7)])

    assert 'and 7 more' in page(video)
