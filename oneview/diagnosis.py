"""What `doctor` looks at: everything that is silently wrong with an installation until it hurts."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from oneview.accounts.models import Account
from oneview.common.crypto import decrypt
from oneview.common.scope import scope
from oneview.health import find_problems

LONGEST_SKEW = timedelta(seconds=2)
SHORTEST_SECRET_KEY = 40

ADVICE = {
    "database": "Check DATABASE_URL, or start OneView with `python3 manage.py up`.",
    "redis": "Check REDIS_URL. Nothing is lost without Redis, but live updates and sending wait for sweeps.",
    "partitions": "Start beat, or run `manage.py migrate`.",
    "drain": "Start `manage.py drain` and read its log.",
    "worker": "Start the Celery worker and beat and read their logs.",
}

WALLESS = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'accounts_membership'
  AND CASE WHEN c.relispartition THEN has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
      ELSE NOT (c.relrowsecurity AND c.relforcerowsecurity) END
ORDER BY 1
"""

ROLE = """
SELECT rolsuper OR rolbypassrls,
  EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relnamespace = 'public'::regnamespace)
FROM pg_roles r WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """`fault`: must be changed. Otherwise fine on one's own machine and worth knowing elsewhere."""

    what: str
    do: str
    fault: bool = True


def examine() -> list[Finding]:
    """Everything that was found, faults first. Without a database only what needs none is looked at."""
    findings = [*look_at_settings()]
    for name, problem in find_problems().items():
        if problem:
            findings.append(Finding(f"{name}: {problem.says}", ADVICE[name]))
    try:
        for look in (look_at_role, look_at_walls, look_at_durability, look_at_clock, look_at_migrations, look_at_keys):
            findings.extend(look())
    except OperationalError:
        pass  # the database is among the findings
    except DatabaseError as error:
        findings.append(Finding(f"The database refuses a look at it: {error}", "Run `manage.py migrate`."))
    return sorted(findings, key=lambda finding: not finding.fault)


def look_at_settings() -> Iterator[Finding]:
    url = urlsplit(settings.PUBLIC_URL)
    public = not is_loopback(url.hostname or "")
    if len(read_secret_key()) < SHORTEST_SECRET_KEY:
        yield Finding("SECRET_KEY is missing or short.", "Set it to 50 random characters.")
    if not settings.ENCRYPTION_KEYS:
        yield Finding("ENCRYPTION_KEYS is missing.", "Set it; `Fernet.generate_key()` makes a key.")
    if not all(is_key(key) for key in settings.ENCRYPTION_KEYS):
        yield Finding("ENCRYPTION_KEYS holds something that is no key.", "A key is 32 bytes in URL-safe base64.")
    if settings.DEBUG:
        yield Finding(
            "DEBUG is on: error pages show settings and data.", "Remove DEBUG from the environment.", fault=public
        )
    if public and settings.DEMO:
        yield Finding("DEMO is on: its passwords are public.", "Set DEMO=0.")
    if settings.ALLOW_LOCAL_PROVIDERS and not settings.DEMO:
        yield Finding("ALLOW_LOCAL_PROVIDERS is on.", "It is for demos and tests: remove it.", fault=public)
    if public and url.scheme != "https":
        yield Finding("PUBLIC_URL is not https: providers refuse it.", "Put a proxy with a certificate in front.")
    if public and settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        yield Finding("E-mails are printed, not sent: nobody can reset a password.", "Set EMAIL_URL.", fault=False)
    if not is_writable(settings.MEDIA_ROOT):
        yield Finding(f"Files can't be written to {settings.MEDIA_ROOT}.", "Set MEDIA_URL or the rights of the folder.")


def look_at_role() -> Iterator[Finding]:
    passes_walls, owns = query(ROLE)[0]
    if passes_walls:
        yield Finding(
            "The serving role is a superuser or has BYPASSRLS: nothing keeps accounts apart.",
            "Let DATABASE_URL name a plain role and DATABASE_OWNER_URL the owner.",
        )
    if owns:
        yield Finding(
            "The serving role owns tables: it could take the walls down.",
            "Let DATABASE_URL name another role than DATABASE_OWNER_URL.",
        )


def look_at_walls() -> Iterator[Finding]:
    for (table,) in query(WALLESS):
        yield Finding(
            f"The table {table} is open to every account.", "Run `manage.py migrate`; if it stays, report it."
        )


def look_at_durability() -> Iterator[Finding]:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    for (name,) in query("SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = 'off'", [list(names)]):
        yield Finding(
            f"{name} is off: a crash of the machine loses stored messages.", f"Set {name} = on in PostgreSQL."
        )


def look_at_clock() -> Iterator[Finding]:
    before = datetime.now(UTC)
    ((clock,),) = query("SELECT clock_timestamp()")
    skew = max(before - clock, clock - datetime.now(UTC))
    if skew > LONGEST_SKEW:
        yield Finding(
            f"The clocks of this machine and of the database differ by {skew.total_seconds():.0f} s.",
            "Run a time service on both: windows and signatures depend on it.",
        )


def look_at_migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding(f"{len(missing)} migrations have not run.", "Run `manage.py migrate`.")


def look_at_keys() -> Iterator[Finding]:
    """Whether every channel's credentials can be read with the keys of now."""
    if not all(is_key(key) for key in settings.ENCRYPTION_KEYS):
        return
    for account in Account.objects.order_by("id"):
        with scope(account):
            channels = query("SELECT name, credentials FROM channels_ingest_channel ORDER BY name")
        for name, credentials in channels:
            try:
                decrypt(bytes(credentials))
            except InvalidToken:
                yield Finding(
                    f"The credentials of channel {name!r} of account {account.slug!r} can't be decrypted.",
                    "Add the former key to ENCRYPTION_KEYS, or enter the credentials again in the admin.",
                )


def query(statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def read_secret_key() -> str:
    """Django refuses to hand out an empty one."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_writable(folder: Path) -> bool:
    """Also when it can be made: folders are made when they are needed."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK)
