from datetime import date

import pytest

from stafett_story import people


def test_made_numbers_are_synthetic_valid_and_always_the_same():
    first = people.synthetic_number(date(2017, 5, 14), "a")
    assert people.why_not_synthetic(first) is None
    assert first.startswith("148517")
    assert first == people.synthetic_number(date(2017, 5, 14), "a")
    assert first != people.synthetic_number(date(2017, 5, 14), "b")


def test_the_vector_of_the_number_checks_is_accepted():
    assert people.why_not_synthetic("10915596784") is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1091559678", "eleven digits"),
        ("1091559678a", "eleven digits"),
        ("02013299997", "only synthetic"),  # valid, and might be somebody's
        ("10915596785", "10915596784"[:9]),
    ],
)
def test_other_numbers_are_refused_with_the_reason(number, reason):
    assert reason in people.why_not_synthetic(number)
