"""When a team is there: {"mon": [["09:00", "17:00"], ...], ...} by the clock of its zone, nothing for always.

An instant is judged by what the clock on the wall shows then. So an hour that clocks skip is never open, and one that
they show twice is open twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from oneview.common.errors import FieldError, Invalid

Hours = Mapping[str, Sequence[Sequence[str]]]

DAYS = {
    "mon": gettext_lazy("Monday"),
    "tue": gettext_lazy("Tuesday"),
    "wed": gettext_lazy("Wednesday"),
    "thu": gettext_lazy("Thursday"),
    "fri": gettext_lazy("Friday"),
    "sat": gettext_lazy("Saturday"),
    "sun": gettext_lazy("Sunday"),
}
MIDNIGHT = "24:00"  # as an end

_NAMES = tuple(DAYS)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_SPAN = re.compile(r"\s*([0-9]{1,2}:[0-9]{2})\s*[-\u2013]\s*([0-9]{1,2}:[0-9]{2})\s*", re.ASCII)


def is_open(hours: Hours, *, zone: str, at: datetime) -> bool:
    if not hours:
        return True
    wall = at.astimezone(ZoneInfo(zone))
    shown = f"{wall:%H:%M}"
    return any(begin <= shown < end for begin, end in hours.get(_NAMES[wall.weekday()], ()))


def next_opening(hours: Hours, *, zone: str, at: datetime) -> datetime | None:
    """The least instant from `at` on at which it is open, to the minute; None where there is none within two weeks."""
    if is_open(hours, zone=zone, at=at):
        return at
    place = ZoneInfo(zone)
    first = at.astimezone(place).date()
    for day in (first + timedelta(days=number) for number in range(15)):
        for instant in _list_beginnings(hours, day, place):
            if instant > at and is_open(hours, zone=zone, at=instant):
                return instant
    return None


def _list_beginnings(hours: Hours, day: date, place: ZoneInfo) -> list[datetime]:
    """The instants of a day at which it may open, in order: every minute of a day on which clocks change."""
    midnight = datetime.combine(day, clock_time(), place)
    morrow = datetime.combine(day + timedelta(days=1), clock_time(), place)
    if midnight.utcoffset() == morrow.utcoffset():
        begins = sorted(begin for begin, _ in hours.get(_NAMES[day.weekday()], ()))
        return [datetime.combine(day, clock_time.fromisoformat(begin), place).astimezone(UTC) for begin in begins]
    begin, end = midnight.astimezone(UTC), morrow.astimezone(UTC)
    return [begin + timedelta(minutes=number) for number in range(int((end - begin).total_seconds()) // 60)]


def read_times(text: str, *, day: str) -> list[list[str]]:
    """What somebody wrote for one day: "09:00-12:30, 13:30-17:00". Raises Invalid, which names the day and the form."""
    spans = []
    for part in filter(str.strip, re.split("[,;]", text)):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise _refuse(day)
        spans.append([each.zfill(5) for each in found.groups()])
    _check_day(day, spans)
    return spans


def write_times(spans: Sequence[Sequence[str]]) -> str:
    return ", ".join("-".join(span) for span in spans)


def check_hours(hours: Any, *, zone: str) -> None:
    """Raises Invalid."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(FieldError("time_zone", "invalid", _("There is no such time zone."))) from None
    if not isinstance(hours, Mapping) or not set(hours) <= set(DAYS):
        raise Invalid(FieldError("hours", "invalid", _("Hours are told by day, mon to sun.")))
    for day, spans in hours.items():
        _check_day(day, spans)


def _check_day(day: str, spans: Any) -> None:
    if not isinstance(spans, list) or not all(_is_span(span) for span in spans):
        raise _refuse(day)
    ordered = sorted(spans)
    if any(former[1] > latter[0] for former, latter in pairwise(ordered)):
        raise Invalid(FieldError(day, "invalid", _("%(day)s: these times overlap.") % {"day": DAYS[day]}))


def _is_span(span: Any) -> bool:
    if not isinstance(span, list) or len(span) != 2 or not all(isinstance(each, str) for each in span):
        return False
    begin, end = span
    return bool(_TIME.fullmatch(begin) and (_TIME.fullmatch(end) or end == MIDNIGHT) and begin < end)


def _refuse(day: str) -> Invalid:
    told = _("%(day)s: write times as 09:00-12:30, 13:30-17:00; a night ends at 24:00 and goes on the next day.")
    return Invalid(FieldError(day, "invalid", told % {"day": DAYS[day]}))
