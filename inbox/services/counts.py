"""How much was written and how soon it was answered, by day, channel and author. The numbers stay when the messages
go.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from inbox.models import DailyCount
from inbox.selectors.visibility import oldest_visible
from oneview.accounts.models import Account
from oneview.common.ids import floor_id, time_of

DAYS_AGAIN = 3  # late messages and late answers change a day that is over

# A wait begins with a message of the user that follows none, or one of ours; the next of ours ends it. The day before
# is read along, so that a wait over midnight has its beginning.
COUNT = """
WITH told AS (
  SELECT m.id, m.thread_id, t.channel_id, m.direction, m.sent_at, m.author_kind,
    CASE WHEN m.author_kind = 'agent' THEN coalesce(m.author_id, 0) ELSE 0 END AS author_id,
    CASE WHEN m.author_kind = 'user' THEN '' ELSE left(m.author_name, 120) END AS author_name
  FROM inbox_message m JOIN inbox_thread t ON (t.account_id, t.id) = (m.account_id, m.thread_id)
  WHERE m.account_id = %(account)s AND m.id >= %(before)s AND m.id < %(after)s
    AND NOT m.private AND m.author_kind <> 'system' AND m.status <> 'failed'
), placed AS (
  SELECT *, lag(direction) OVER line AS former,
    min(id::text) FILTER (WHERE direction = 'outbound')
      OVER (PARTITION BY thread_id ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS answer
  FROM told WINDOW line AS (PARTITION BY thread_id ORDER BY id)
), written AS (
  SELECT channel_id, author_kind, author_id, author_name, count(*) AS messages FROM told
  WHERE sent_at >= %(start)s AND sent_at < %(end)s GROUP BY 1, 2, 3, 4
), answered AS (
  SELECT a.channel_id, a.author_kind, a.author_id, a.author_name, count(*) AS replies,
    sum(greatest(0, extract(epoch FROM a.sent_at - w.sent_at)))::bigint AS seconds
  FROM placed w JOIN told a ON a.id = w.answer::uuid
  WHERE w.direction = 'inbound' AND w.former IS DISTINCT FROM 'inbound'
    AND w.sent_at >= %(start)s AND w.sent_at < %(end)s
  GROUP BY 1, 2, 3, 4
)
INSERT INTO inbox_dailycount (
  id, account_id, day, channel_id, author_kind, author_id, author_name, messages, first_replies, first_reply_seconds)
SELECT gen_random_uuid(), %(account)s, %(day)s, channel_id, author_kind, author_id, author_name,
  coalesce(messages, 0), coalesce(replies, 0), coalesce(seconds, 0)
FROM written FULL JOIN answered USING (channel_id, author_kind, author_id, author_name)
"""


def count_days(account: Account, *, now: datetime) -> list[date]:
    """Counts the days that are new, and again those that have just passed; the days. Twice is as good as once."""
    zone = ZoneInfo(account.time_zone)
    today = now.astimezone(zone).date()
    oldest = time_of(oldest_visible(now, account.window)).astimezone(zone).date() + timedelta(days=1)
    last = DailyCount.objects.filter(account=account).order_by("-day").values_list("day", flat=True).first()
    begin = max(oldest, min(last, today) - timedelta(days=DAYS_AGAIN - 1)) if last else oldest
    days = [begin + timedelta(days=number) for number in range((today - begin).days + 1)]
    for day in days:
        _count_day(account, day, zone=zone)
    return days


def _count_day(account: Account, day: date, *, zone: ZoneInfo) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    DailyCount.objects.filter(account=account, day=day).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT,
            {
                "account": account.id,
                "day": day,
                "start": start,
                "end": end,
                "before": floor_id(start - timedelta(days=1)),
                "after": floor_id(end + timedelta(days=DAYS_AGAIN)),
            },
        )
