"""All addresses below Django; `/webhooks/` and sockets are answered before it, by the door and the consumers."""

from __future__ import annotations

import sys
from importlib import import_module

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import include, path
from django.views.defaults import page_not_found, permission_denied
from django.views.generic import RedirectView

from oneview import health
from oneview.accounts.admin_site import site
from oneview.accounts.views import answer_invitation
from oneview.common.problems import problem, unavailable, wants_problem

for app in ("oneview.accounts", "identity", "channels_ingest", "inbox"):
    import_module(f"{app}.admin")  # registers its pages; only processes that serve them need these

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="inbox:page")),
    path("inbox/", include("inbox.urls")),
    path("widget/", include("inbox.visitors.urls")),
    path("api/v1/", include("inbox.api.urls")),
    path("admin/", site.urls),
    path("accounts/invitation/<int:account_id>-<str:word>/", answer_invitation, name="invitation"),
    path("accounts/", include("allauth.account.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health/live/", health.live),
    path("health/ready/", health.ready),
    path("metrics", health.metrics),
]
if settings.DEMO:
    urlpatterns.append(path("sandbox/", include("channels_ingest.sandbox.urls")))


def handler403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if wants_problem(request):
        return problem(403, code="forbidden", title="Not allowed", detail="You may not do this.")
    return permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if wants_problem(request):
        return problem(404, code="not_found", title="Not found", detail="There is nothing here.")
    return page_not_found(request, exception)


def handler500(request: HttpRequest) -> HttpResponseBase:
    """503, to be asked again, while the database is away. No request in these pages: its user is in the database."""
    if isinstance(sys.exc_info()[1], OperationalError):
        answer: HttpResponse = unavailable()
    else:
        answer = problem(500, code="internal", title="Something went wrong", detail="It was written down.")
    if not wants_problem(request):
        answer = HttpResponse(render_to_string(f"{answer.status_code}.html"), status=answer.status_code)
    return answer
