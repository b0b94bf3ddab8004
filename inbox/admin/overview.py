"""What a supervisor sees first: the overview, which follows the live log, and the counts of days as a file."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from channels_ingest.models import Channel
from inbox.models import DailyCount
from inbox.models.message import AuthorKind
from inbox.selectors.counts import write_counts
from inbox.selectors.overview import read_overview
from oneview.accounts.admin_site import ScopedAdmin, account_of, actor_of, register, register_page
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.accounts.services import record_audit
from oneview.common.problems import FRAGMENT


@register_page("overview/", title=_("Overview"), operation=Operation.SEE_OVERVIEW)
def show_overview(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """With `X-Fragment` its middle alone, which the page puts in place when something has changed."""
    account, now = account_of(request), cast(AccountRequest, request).now
    context |= {"overview": read_overview(account.pk, now=now, window=account.window), "now": now}
    template = "admin/overview/content.html" if FRAGMENT in request.headers else "admin/overview/page.html"
    answer = render(request, template, context)
    answer["Vary"], answer["Cache-Control"] = f"{FRAGMENT}, Cookie", "no-store"
    return answer


@register_page("counts.csv", title=_("Counts as a file"), operation=Operation.EXPORT_COUNTS)
def export_counts(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """All days, or those from `since` to `until`."""
    account = account_of(request)
    since, until = (_read_day(request.GET.get(name, "")) for name in ("since", "until"))
    asked = {name: day.isoformat() for name, day in (("since", since), ("until", until)) if day}
    record_audit(account.pk, actor=actor_of(request), action="counts.export", target=account.slug, new=asked or None)
    name = f'attachment; filename="{account.slug}-counts.csv"'
    text = write_counts(account.pk, since=since, until=until)
    return HttpResponse(
        text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name, "Cache-Control": "no-store"}
    )


def _read_day(given: str) -> date | None:
    try:
        return parse_date(given)
    except ValueError:
        return None


class AuthorFilter(admin.SimpleListFilter):
    title = _("author")
    parameter_name = "author_kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[DailyCount]) -> list[tuple[str, Any]]:
        return [(kind.value, kind.label) for kind in AuthorKind if kind != AuthorKind.SYSTEM]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DailyCount]) -> QuerySet[DailyCount]:
        return queryset.filter(author_kind=self.value()) if self.value() else queryset


@register(DailyCount)
class DailyCountAdmin(ScopedAdmin):
    """Counted anew every hour; what a day was stays when its messages have gone."""

    operation = Operation.EXPORT_COUNTS
    list_display = ("day", "channel", "author", "author_name", "messages", "first_replies", "first_reply")
    list_filter = (AuthorFilter,)
    ordering = ("-day", "id")
    fields = ("day", "channel", "author", "author_name", "messages", "first_replies", "first_reply")
    change_list_template = "admin/overview/counts.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """The channel's name comes along."""
        names = Channel.objects.filter(account=account_of(request), id=OuterRef("channel_id")).values("name")
        return super().get_queryset(request).annotate(channel_name=Subquery(names))

    @admin.display(description=_("Channel"))
    def channel(self, count: Any) -> str:
        return str(count.channel_name or count.channel_id)

    @admin.display(description=_("Author"), ordering="author_kind")
    def author(self, count: DailyCount) -> str:
        return str(AuthorKind(count.author_kind).label)

    @admin.display(description=_("Mean time to the first reply, in minutes"))
    def first_reply(self, count: DailyCount) -> str:
        if not count.first_replies:
            return "–"
        return f"{count.first_reply_seconds / count.first_replies / 60:.1f}"
