"""Below `/sandbox/`, in demos and tests only. Each provider's own addresses lie below its kind."""

from __future__ import annotations

from django.urls import include, path

from channels_ingest.sandbox import views
from channels_ingest.sandbox.registry import load_providers

urlpatterns = [
    path("", views.index),
    path("faults/", views.faults),
    path("scenes/<str:name>/", views.scenes),
    *(path(f"{kind}/", include(provider.list_urls())) for kind, provider in load_providers().items()),
    path("<str:kind>/<str:external_id>/messages/", views.messages),
    path("<str:kind>/<str:external_id>/sent/", views.sent),
    path("<str:kind>/<str:external_id>/receipts/", views.receipts),
]
