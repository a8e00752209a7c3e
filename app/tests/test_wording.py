"""How instants are said."""

import pytest

from games import wording
from tests.games import at


@pytest.mark.parametrize(
    ("clock", "words"),
    [("00:05", "12:05 a.m. PT"), ("09:00", "9:00 a.m. PT"), ("12:00", "12:00 p.m. PT"), ("18:40", "6:40 p.m. PT"), ("23:59", "11:59 p.m. PT")],
)
def test_a_clock(clock, words):
    assert wording.clock(at(clock)) == words


def test_a_day_and_its_clock():
    assert wording.day_and_clock(at("18:40")) == "May 20, 6:40 p.m. PT"
