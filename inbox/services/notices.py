"""What supervisors are told by e-mail, wherever they are."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from inbox.models import Endpoint
from oneview.accounts.models import Account, Membership, Role
from oneview.common.scope import scope

PAUSE = timedelta(minutes=5)  # until the mail server is asked again


def tell_endpoint_off(account_id: int, endpoint_id: UUID) -> None:
    """That OneView switched an endpoint off, where that is still to be told. Of several who do it at once one does, and
    what ended half way is done again.

    Raises OSError when the mail can't be sent: it is due again after a pause.
    """
    account = Account.objects.get(id=account_id)
    with scope(account) as now:
        row = Endpoint.objects.filter(account=account, id=endpoint_id)
        is_due = row.filter(report_at__lte=now).update(report_at=now + PAUSE)
        endpoint = row.first()
        emails = _list_supervisors(account)
    if not is_due or endpoint is None:
        return
    if emails:
        _send_endpoint_off(account, endpoint, emails)
    with scope(account):
        row.filter(report_at=endpoint.report_at).update(report_at=None)


def _send_endpoint_off(account: Account, endpoint: Endpoint, emails: list[str]) -> None:
    """Says why. Names its host only: the rest of an address may hold a secret."""
    host = urlsplit(endpoint.url).hostname or ""
    page = urljoin(settings.PUBLIC_URL, reverse("admin:inbox_endpoint_change", args=[endpoint.id]))
    with override(account.language):
        lines = [
            _("%(account)s no longer tells %(host)s what happens.") % {"account": account, "host": host},
            endpoint.reason,
            _("Nothing is told until it is switched on again: %(page)s") % {"page": page},
            _("Events are kept for 24 hours. What is older then can't be sent again."),
        ]
        send_mail(_("OneView switched off the endpoint %(host)s") % {"host": host}, "\n\n".join(lines), None, emails)


def _list_supervisors(account: Account) -> list[str]:
    members = Membership.objects.filter(account=account, role=Role.SUPERVISOR, is_active=True, user__is_active=True)
    return list(members.order_by("pk").values_list("user__email", flat=True))
