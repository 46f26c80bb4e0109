"""The page: numbers of the metafiles in tables and in sentences."""

import pytest

from stgr.apis.model_zoo import read_zoo
from stgr.apis.model_zoo.page import fill_numbers, make_page

_TEMPLATE = 'M\n{{models}}\n{{costs}}\n{{tables}}\n{{details}}\n{{checksums}}\n'


@pytest.mark.parametrize(
    ('text', 'filled'),
    [
        ('{{egg / where}} %', '78.3 ± 1.2 %'),
        ('{{egg / where | rounded}} %', '78 %'),
        ('{{egg / where - chance / where | rounded}}', '67'),  # 78.3 - 11.0
        ('{{kitchen / egg /\n  when}}', '-1.5 [-2.0, -1.0]'),
        ('nothing', 'nothing'),
    ],
)
def test_sentences_get_their_numbers(text, filled, small_zoo):
    assert fill_numbers(text, read_zoo(small_zoo()), 'kitchen') == filled


@pytest.mark.parametrize(
    'text', ['{{egg / why}}', '{{ham / where}}', '{{cellar / egg / where}}', '{{egg}}']
)
def test_a_number_that_is_not_there_is_named(text, small_zoo):
    with pytest.raises(ValueError, match='which is no number'):
        fill_numbers(text, read_zoo(small_zoo()), 'kitchen')


@pytest.mark.parametrize('text', ['{{egg / where | short}}', '{{egg / where - egg / where}}'])
def test_an_unknown_style_is_refused(text, small_zoo):
    with pytest.raises(ValueError, match='rounded'):
        fill_numbers(text, read_zoo(small_zoo()), 'kitchen')


def test_page_holds_what_the_metafile_says(small_zoo):
    page = make_page(read_zoo(small_zoo()), _TEMPLATE)

    assert '| `egg` | finds eggs | stgr models download | 0.0 MB | Apache-2.0 |' in page
    assert '| egg | 78.3 ± 1.2 | -1.5 [-2.0, -1.0] |\n| chance | 11.0 ± 0.0 |  |\n' in page
    assert '* It is 78 %.\n' in page
    assert '  egg.safetensors\n' in page


@pytest.mark.parametrize('template', ['{{models}}', _TEMPLATE + '{{models}}', _TEMPLATE + '{{x}}'])
def test_template_without_its_places_is_refused(template, small_zoo):
    with pytest.raises(ValueError, match='once each'):
        make_page(read_zoo(small_zoo()), template)
