"""Admin pages of channels, of what could not be taken in, and of what goes out, but for the words of replies."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_ingest import checkup, services
from channels_ingest.forms import PREFIX, ChannelForm, build_form, list_rotating, read_credentials
from channels_ingest.models import Channel, DeliveryAttempt, OutboxMessage, OutboxState, QuarantinedEvent
from channels_ingest.registry import load_channels
from oneview.accounts.admin_site import (
    EditableAdmin,
    ScopedAdmin,
    account_of,
    actor_of,
    register,
    render_table,
    tell_time,
)
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.accounts.services import record_audit
from oneview.common.ids import floor_id, time_of

SHOWN_BYTES = 100_000
SHOWN_HEADERS = ("content-type", "content-length", "user-agent")


class KindFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("kind"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, adapter.label) for kind, adapter in load_channels().items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@register(Channel)
class ChannelAdmin(EditableAdmin):
    """One chooses a kind, then fills in what its adapter asks for. A channel's page begins with how it is doing."""

    operation = Operation.MANAGE_CHANNELS

    list_display = ("name", "kind_label", "external_id", "state", "last_event_at")
    list_filter = (KindFilter, "state")
    ordering = ("name", "id")
    readonly_fields = ("kind_label", "created_at")
    change_form_template = "admin/channels_ingest/channel/change.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.kind in load_channels())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("credentials")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        kinds = load_channels()
        if request.GET.get("kind") in kinds or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Which kind of channel?"),
            "opts": self.opts,
            "kinds": sorted(kinds.values(), key=lambda adapter: adapter.label.casefold()),
        }
        return TemplateResponse(request, "admin/channels_ingest/channel/choose_kind.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        adapter = load_channels().get(self._kind(request, obj))
        return build_form(adapter) if adapter else super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        adapter = load_channels().get(self._kind(request, obj))
        credentials = [PREFIX + field.name for field in adapter.credentials] if adapter else []
        parts: list[Any] = [
            (
                None,
                {"fields": ["name", "external_id"] if obj is None else ["name", "external_id", *self.readonly_fields]},
            )
        ]
        if credentials and self.has_change_permission(request, obj):
            parts.append((_("Credentials"), {"fields": credentials}))
        return parts

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is None else (*self.readonly_fields, "external_id")

    def _kind(self, request: HttpRequest, channel: Channel | None) -> str:
        return channel.kind if channel else request.GET.get("kind", "")

    @admin.display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_label(self, channel: Channel) -> str:
        adapter = load_channels().get(channel.kind)
        return adapter.label if adapter else channel.kind

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<path:object_id>/check/",
                self.admin_site.admin_view(self.check_now),
                name="channels_ingest_channel_check",
            ),
            path(
                "<path:object_id>/drop/<str:field>/",
                self.admin_site.admin_view(self.drop_secrets),
                name="channels_ingest_channel_drop",
            ),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        channel = kwargs.get("obj")
        context["show_save_and_add_another"] = False  # one connects a channel at a time, and looks how it does
        if isinstance(channel, Channel) and channel.pk:
            context |= self._describe(request, channel)
        return super().render_change_form(request, context, *args, **kwargs)

    def _describe(self, request: HttpRequest, channel: Channel) -> dict[str, Any]:
        """What the panel shows."""
        adapter = load_channels().get(channel.kind)
        window, now = account_of(request).window, cast(AccountRequest, request).now
        return {
            "channel": channel,
            "embedding": adapter.describe_embedding(site_url=settings.PUBLIC_URL, public_id=channel.public_id)
            if adapter
            else "",
            "webhook_url": f"{settings.PUBLIC_URL}/webhooks/{channel.kind}/{channel.public_id}/",
            "condition": checkup.read_condition(channel, now=now, window=window),
            "rotating": list_rotating(adapter, read_credentials(channel)) if adapter else [],
        }

    def check_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        channel = self._find_for_post(request, object_id)
        if channel and checkup.can_be_checked(channel.kind):
            checkup.request_check(channel.account_id, channel.id, now=cast(AccountRequest, request).now)
        return redirect(reverse("admin:channels_ingest_channel_change", args=[object_id]))

    def drop_secrets(self, request: HttpRequest, object_id: str, field: str) -> HttpResponse:
        channel = self._find_for_post(request, object_id)
        if channel:
            services.drop_former_secrets(channel.account_id, channel.id, field=field)
            self._record(request, "channel.drop_secret", channel.name, fields=[field])
            messages.success(request, _("Only the new value is valid now."))
        return redirect(reverse("admin:channels_ingest_channel_change", args=[object_id]))

    def _find_for_post(self, request: HttpRequest, object_id: str) -> Channel | None:
        """None for who only looks: they go to the channel's page."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        channel = self.get_object(request, object_id)
        if channel is None or not self.has_change_permission(request, channel):
            raise Http404
        return channel if request.method == "POST" else None

    def _record(self, request: HttpRequest, action: str, target: str, **new: Any) -> None:
        record_audit(account_of(request).id, actor=actor_of(request), action=action, target=target, new=new)

    def save_model(self, request: HttpRequest, obj: Channel, form: ChannelForm, change: bool) -> None:
        account = account_of(request)
        credentials, name = form.collect_credentials(), form.cleaned_data["name"]
        if change:
            services.update_channel(account.id, obj.id, name=name, credentials=credentials)
        else:
            made = services.create_channel(
                account.id,
                kind=form.adapter.kind,
                name=name,
                external_id=form.cleaned_data["external_id"],
                credentials=credentials,
            )
            obj.pk, obj.account, obj.kind, obj.public_id = made.pk, account, made.kind, made.public_id
        if checkup.can_be_checked(obj.kind):
            checkup.request_check(account.id, obj.pk, now=cast(AccountRequest, request).now)
        self._record(request, "channel.change" if change else "channel.add", name, fields=form.changed_data)

    def response_add(self, request: HttpRequest, obj: Channel, post_url_continue: str | None = None) -> HttpResponse:
        """To the channel's page: what stands there has to be given to the provider, or put into a site, next."""
        messages.success(request, _("The channel is connected. The next step is right below."))
        return redirect(reverse("admin:channels_ingest_channel_change", args=[obj.pk]))


@register(QuarantinedEvent)
class QuarantinedEventAdmin(ScopedAdmin):
    operation = Operation.MANAGE_TROUBLE
    list_display = ("received_at", "channel", "error", "state")
    list_filter = ("state", "channel")
    list_select_related = ("channel",)
    ordering = ("-id",)
    fields = ("received_at", "channel", "error", "state", "headers_shown", "body_shown")
    actions = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        now, account = cast(AccountRequest, request).now, account_of(request)
        return super().get_queryset(request).filter(received_at__gte=now - account.window)

    @admin.display(description=gettext_lazy("Headers"))
    def headers_shown(self, event: QuarantinedEvent) -> SafeString:
        """Signatures and tokens stay where they are."""
        shown = ((name, event.headers[name]) for name in SHOWN_HEADERS if name in event.headers)
        return render_table([_("Name"), _("Value")], shown)

    @admin.display(description=gettext_lazy("Body"))
    def body_shown(self, event: QuarantinedEvent) -> SafeString:
        return show_bytes(event.body)

    @admin.action(description=gettext_lazy("Take the selected requests in again"), permissions=["manage"])
    def replay(self, request: HttpRequest, queryset: QuerySet[QuarantinedEvent]) -> None:
        account = account_of(request)
        ids = list(queryset.filter(state=QuarantinedEvent.State.QUARANTINED).values_list("pk", flat=True))
        replay = services.replay_quarantined(account.id, ids=ids)
        record_audit(account.id, actor=actor_of(request), action="quarantine.replay", target=f"{len(ids)} requests")
        messages.success(
            request,
            _("%(replayed)d taken in again, %(left)d still in quarantine.")
            % {"replayed": replay.replayed, "left": replay.quarantined},
        )


@register(OutboxMessage)
class DeliveryAdmin(ScopedAdmin):
    """What was written is read in the inbox."""

    operation = Operation.MANAGE_TROUBLE
    list_display = ("created", "channel", "state", "attempts", "reason", "next_attempt_at")
    list_filter = ("state", "channel")
    list_select_related = ("channel",)
    ordering = ("-id",)
    fields = ("created", "channel", "state", "attempts", "reason", "code", "next_attempt_at", "history")
    actions = ("retry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        now, account = cast(AccountRequest, request).now, account_of(request)
        return super().get_queryset(request).filter(message_id__gte=floor_id(now - account.window)).defer("content")

    @admin.display(description=gettext_lazy("Written"), ordering="id")
    def created(self, delivery: OutboxMessage) -> str:
        return tell_time(time_of(delivery.id))

    @admin.display(description=gettext_lazy("Calls"))
    def history(self, delivery: OutboxMessage) -> SafeString:
        calls = DeliveryAttempt.objects.filter(account=delivery.account_id, outbox=delivery.pk).order_by("id")
        return render_table(
            [_("When"), _("Milliseconds"), _("Status"), _("Outcome")],
            ((call.at, call.milliseconds, call.status or "", call.outcome) for call in calls),
        )

    @admin.action(description=gettext_lazy("Try the selected deliveries again"), permissions=["manage"])
    def retry(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        account = account_of(request)
        ids = list(queryset.filter(state__in=[OutboxState.FAILED, OutboxState.UNKNOWN]).values_list("pk", flat=True))
        for id in ids:
            services.retry_delivery(account.id, id)
        record_audit(account.id, actor=actor_of(request), action="delivery.retry", target=f"{len(ids)} deliveries")
        count = len(ids)
        messages.success(
            request,
            ngettext("%(count)d delivery is tried again.", "%(count)d deliveries are tried again.", count)
            % {"count": count},
        )


def show_bytes(body: bytes | memoryview | None) -> SafeString:
    """As text in which nothing acts: what has no letter to show is written as an escape."""
    if body is None:
        return format_html("{}", _("Removed with the messages of its time."))
    text = bytes(body[:SHOWN_BYTES]).decode("utf-8", "backslashreplace")
    visible = "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
    return format_html("<pre>{}</pre>", visible)
