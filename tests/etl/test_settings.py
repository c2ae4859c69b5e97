"""What may be told from outside, and what is said where it cannot be used."""

import pytest

from etl.errors import SettingError
from etl.settings import Settings, settings_from


def test_what_is_not_told_or_empty_is_the_default():
    assert settings_from({"STORECAST_HORIZON": "", "HORIZON": "3"}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("TRAILING_DAYS", "abc", "STORECAST_TRAILING_DAYS must be a whole number; found 'abc'"),
        ("TRAILING_DAYS", "-1", "STORECAST_TRAILING_DAYS must be at least 0; found -1"),
        ("QUARANTINE_LIMIT", "5%", "STORECAST_QUARANTINE_LIMIT must be a number; found '5%'"),
        ("HORIZON", "0", "STORECAST_HORIZON must be at least 1; found 0"),
        ("QUARANTINE_LIMIT", "5", "STORECAST_QUARANTINE_LIMIT must be 0 to 1; found 5.0"),
        ("QUARANTINE_LIMIT", "nan", "STORECAST_QUARANTINE_LIMIT must be 0 to 1; found nan"),
        ("APPROVAL", "Wait", "STORECAST_APPROVAL must be auto or wait; found 'Wait'"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_rule(name, text, message):
    with pytest.raises(SettingError, match=f"^{message}$"):
        settings_from({f"STORECAST_{name}": text})


@pytest.mark.parametrize(
    ("name", "text"), [("QUARANTINE_LIMIT", "1"), ("TRAILING_DAYS", "0"), ("APPROVAL", "wait")]
)
def test_a_value_at_its_bound_is_taken(name, text):
    assert str(getattr(settings_from({f"STORECAST_{name}": text}), name.lower())) in (text, "1.0")
