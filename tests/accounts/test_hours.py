"""Hours by the clock on the wall, through every change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oneview.accounts.hours import (
    DAYS,
    Hours,
    check_hours,
    is_open,
    next_opening,
    read_times,
    write_times,
)
from oneview.common.errors import Invalid

OFFICE = {day: [["09:00", "12:30"], ["13:30", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
ZONES = ("UTC", "Europe/Madrid", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")

clocks = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
ends = clocks | st.just("24:00")
spans = st.tuples(clocks, ends).filter(lambda span: span[0] < span[1]).map(list)
week = st.dictionaries(st.sampled_from(list(DAYS)), st.lists(spans, max_size=1), max_size=7)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC)
)


def madrid(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Madrid"), fold=fold)


def opens(hours: Hours, at: datetime) -> bool:
    return is_open(hours, zone="Europe/Madrid", at=at)


def test_a_team_without_hours_is_always_there() -> None:
    assert opens({}, madrid("2026-07-05 03:00"))


def test_a_day_opens_with_its_first_minute_and_is_closed_with_its_last() -> None:
    assert [opens(OFFICE, madrid(f"2026-07-06 {time}")) for time in ("08:59", "09:00", "12:29", "12:30", "13:30")] == [
        *(False, True, True, False, True),
    ]
    assert not opens(OFFICE, madrid("2026-07-05 10:00"))


def test_the_clock_of_the_team_counts_and_not_ours() -> None:
    summer, winter = datetime(2026, 7, 6, 7, 0, tzinfo=UTC), datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
    assert opens(OFFICE, summer)
    assert not opens(OFFICE, winter)


def test_midnight_ends_a_day_and_begins_the_next_one() -> None:
    night = {"mon": [["22:00", "24:00"]], "tue": [["00:00", "06:00"]]}
    assert opens(night, madrid("2026-07-06 23:59"))
    assert opens(night, madrid("2026-07-07 00:00"))
    assert not opens(night, madrid("2026-07-07 06:00"))


def test_it_opens_when_clocks_jump_into_its_hours() -> None:
    hours = {"sun": [["02:30", "05:00"]]}
    found = next_opening(hours, zone="Europe/Madrid", at=madrid("2026-03-29 01:00"))
    assert found == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 03:00 there


def test_an_hour_that_clocks_show_twice_is_open_twice() -> None:
    hours = {"sun": [["01:00", "02:30"]]}
    assert opens(hours, madrid("2026-10-25 02:15"))
    assert not opens(hours, madrid("2026-10-25 02:45"))
    assert opens(hours, madrid("2026-10-25 02:15", fold=1))
    again = next_opening(hours, zone="Europe/Madrid", at=madrid("2026-10-25 02:45"))
    assert again == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 02:00 there, for the second time


def test_a_team_that_never_opens_has_no_next_opening() -> None:
    assert next_opening({"mon": []}, zone="UTC", at=madrid("2026-07-05 10:00")) is None


@example(hours={"fri": [["09:00", "10:00"]]}, zone="Pacific/Apia", at=datetime(2026, 1, 1, tzinfo=UTC))
@example(hours={"sun": [["02:10", "02:20"]]}, zone="Australia/Lord_Howe", at=datetime(2026, 10, 3, tzinfo=UTC))
@given(hours=week, zone=st.sampled_from(ZONES), at=instants)
@settings(max_examples=60, deadline=None)
def test_the_next_opening_is_the_first_minute_that_is_open(hours: Hours, zone: str, at: datetime) -> None:
    minutes = (at + timedelta(minutes=number) for number in range(8 * 24 * 60))
    first = next((minute for minute in minutes if is_open(hours, zone=zone, at=minute)), None)
    found = next_opening(hours, zone=zone, at=at)
    assert found == first or (first is None and found is not None and found - at >= timedelta(days=8))


@given(st.lists(spans, max_size=1))
def test_times_are_read_as_they_are_written(given: list[list[str]]) -> None:
    assert read_times(write_times(given), day="mon") == given


def test_people_write_times_with_blanks_dashes_and_short_hours() -> None:
    assert read_times(" 9:00 \u2013 12:30;13:30-17:00, ", day="mon") == [["09:00", "12:30"], ["13:30", "17:00"]]


@pytest.mark.parametrize(
    "text", ["9-17", "morning", "09:00-25:00", "09:60-10:00", "17:00-09:00", "24:00-24:00", "٠٩:٠٠-١٧:٠٠"]
)
def test_what_is_no_time_is_refused_with_the_day_and_the_form(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_times(text, day="wed")
    [error] = refused.value.errors
    assert error.field == "wed"
    assert "Wednesday" in error.message
    assert "09:00-12:30" in error.message


def test_times_that_overlap_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read_times("09:00-12:00, 11:00-15:00", day="mon")
    assert "Monday" in refused.value.errors[0].message


@pytest.mark.parametrize(
    "hours", [[], {"mo": []}, {"mon": "09:00-17:00"}, {"mon": [["09:00"]]}, {"mon": [[9, 17]]}, {"mon": None}]
)
def test_other_shapes_are_no_hours(hours: object) -> None:
    with pytest.raises(Invalid):
        check_hours(hours, zone="UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "a\x00b"])
def test_other_names_are_no_zones(zone: str) -> None:
    with pytest.raises(Invalid):
        check_hours(OFFICE, zone=zone)
