"""Below `/widget/`: the loader that a site embeds, the chat itself, and what its client asks for."""

from __future__ import annotations

from django.urls import path

from inbox.visitors import pages, views

app_name = "widget"
urlpatterns = [
    path("loader.js", pages.loader, name="loader"),
    path("demo/", pages.demo, name="demo"),
    path("files/<str:word>/", views.file, name="file"),
    path("<str:public_id>/", pages.chat, name="chat"),
    path("<str:public_id>/session/", views.session, name="session"),
    path("<str:public_id>/identify/", views.identify, name="identify"),
    path("<str:public_id>/messages/", views.messages, name="messages"),
    path("<str:public_id>/files/", views.files, name="files"),
]
