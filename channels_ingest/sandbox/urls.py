"""Below `/sandbox/`, in demos and tests only. The graph is what a channel's `base_url` names instead of Meta's."""

from __future__ import annotations

from django.urls import path

from channels_ingest.sandbox import graph, views

urlpatterns = [
    path("", views.index),
    path("faults/", views.faults),
    path("scenes/<str:name>/", views.scenes),
    path("whatsapp/<str:external_id>/messages/", views.messages),
    path("whatsapp/<str:external_id>/sent/", views.sent),
    path("whatsapp/<str:external_id>/receipts/", views.receipts),
    path("whatsapp/graph/<str:version>/<str:phone_number_id>/messages", graph.send),
    path("whatsapp/graph/<str:version>/<str:phone_number_id>/media", graph.upload),
    path("whatsapp/graph/<str:version>/<str:media_id>", graph.describe_file),
    path("whatsapp/files/<str:external_id>/<str:media_id>", graph.download_file),
]
