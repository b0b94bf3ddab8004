"""Who else has the phone or the e-mail of a contact: what an agent is asked about, and nothing that links anybody."""

from __future__ import annotations

from datetime import datetime, timedelta

from identity.normalise import normalise
from identity.selectors import find_sharers
from inbox.reach import Reach
from inbox.selectors.rows import read_rows
from inbox.shapes import ContactShape, Sharer

KEYS = ("phone", "email")
MOST = 3


def list_sharers(
    account_id: int, contact: ContactShape, *, now: datetime, window: timedelta, reach: Reach
) -> tuple[Sharer, ...]:
    """Those whose conversation is seen."""
    written = {(name, contact.attributes[name]) for name in KEYS if contact.attributes.get(name)}
    keys = written | {(name, key) for name, value in written if (key := normalise(name, value))}
    found = find_sharers(account_id, contact.id, keys) if keys else {}
    rows = read_rows(account_id, list(found), now=now, window=window) if found else ()
    return tuple(Sharer(row.id, row.name, found[row.id]) for row in rows if reach.sees(row))[:MOST]
