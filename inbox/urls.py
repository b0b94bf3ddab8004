from django.urls import path

from inbox import views

app_name = "inbox"
urlpatterns = [
    path("", views.show_page, name="page"),
    path("list/", views.show_list, name="list"),
    path("counts/", views.show_counts, name="counts"),
    path("preferences/", views.save_preferences, name="preferences"),
    path("c/<uuid:conversation_id>/", views.show_conversation, name="conversation"),
    path("c/<uuid:conversation_id>/messages/", views.messages, name="messages"),
    path("c/<uuid:conversation_id>/assign/", views.assign, name="assign"),
    path("c/<uuid:conversation_id>/status/", views.set_status, name="status"),
    path("c/<uuid:conversation_id>/read/", views.mark_read, name="read"),
    path("c/<uuid:conversation_id>/unread/", views.mark_unread, name="unread"),
    path("c/<uuid:conversation_id>/panel/", views.show_panel, name="panel"),
    path("c/<uuid:conversation_id>/panel/field/", views.edit_field, name="field"),
    path("c/<uuid:conversation_id>/undo/", views.undo_link, name="undo"),
]
