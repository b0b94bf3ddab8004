"""The counts of days, as a table that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from datetime import date

from inbox.models import DailyCount
from inbox.selectors.channels import get_channels
from oneview.common.text import defuse_cell

HEAD = ("day", "channel", "kind", "author", "name", "messages", "first_replies", "mean_first_reply_seconds")


def write_counts(account_id: int, *, since: date | None = None, until: date | None = None) -> str:
    """CSV, the oldest day first. What somebody chose as a name is no formula in it."""
    rows = DailyCount.objects.filter(account=account_id)
    if since:
        rows = rows.filter(day__gte=since)
    if until:
        rows = rows.filter(day__lte=until)
    channels = get_channels(account_id)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(HEAD)
    for row in rows.order_by("day", "channel_id", "author_kind", "author_name", "author_id"):
        channel = channels.get(row.channel_id)
        mean = round(row.first_reply_seconds / row.first_replies) if row.first_replies else ""
        table.writerow(
            [
                row.day.isoformat(),
                defuse_cell(channel.name) if channel else str(row.channel_id),
                channel.kind if channel else "",
                row.author_kind,
                defuse_cell(row.author_name),
                row.messages,
                row.first_replies,
                mean,
            ]
        )
    return text.getvalue()
