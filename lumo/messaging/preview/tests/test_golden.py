"""Each kind of message as HTML, compared to the letter with what was agreed (see `goldens`)."""

import pytest
from django.utils import translation

from lumo.messaging.preview.tests import goldens


@pytest.mark.parametrize("name", goldens.NAMES)
def test_a_message_looks_as_agreed(name: str) -> None:
    with translation.override("en"):
        assert goldens.render(name) == goldens.read(name)


def test_every_golden_page_has_its_message() -> None:
    assert sorted(path.stem for path in goldens.FOLDER.glob("*.htm")) == goldens.NAMES
