from django.urls import path

from inbox.views import blocking, canned, context, conversations, pages, panel, profile

app_name = "inbox"
urlpatterns = [
    path("", pages.show_page, name="page"),
    path("list/", pages.show_list, name="list"),
    path("counts/", pages.show_counts, name="counts"),
    path("preferences/", profile.save_preferences, name="preferences"),
    path("canned/", canned.show_replies, name="canned"),
    path("canned/add/", canned.edit_reply, name="add_canned"),
    path("canned/<uuid:reply_id>/", canned.edit_reply, name="edit_canned"),
    path("canned/<uuid:reply_id>/remove/", canned.remove_reply, name="remove_canned"),
    path("c/<uuid:conversation_id>/", pages.show_conversation, name="conversation"),
    path("c/<uuid:conversation_id>/messages/", conversations.messages, name="messages"),
    path("c/<uuid:conversation_id>/messages/<uuid:message_id>/context/", context.show_context, name="context"),
    path("c/<uuid:conversation_id>/messages/<uuid:message_id>/labels/", context.set_labels, name="labels"),
    path("c/<uuid:conversation_id>/messages/<uuid:message_id>/redact/", context.redact, name="redact"),
    path("c/<uuid:conversation_id>/assign/", conversations.assign, name="assign"),
    path("c/<uuid:conversation_id>/take_over/", conversations.take_over, name="take_over"),
    path("c/<uuid:conversation_id>/hand_back/", conversations.hand_back, name="hand_back"),
    path("c/<uuid:conversation_id>/status/", conversations.set_status, name="status"),
    path("c/<uuid:conversation_id>/read/", conversations.mark_read, name="read"),
    path("c/<uuid:conversation_id>/unread/", conversations.mark_unread, name="unread"),
    path("c/<uuid:conversation_id>/canned/", canned.offer_replies, name="offer_canned"),
    path("c/<uuid:conversation_id>/panel/", panel.show_panel, name="panel"),
    path("c/<uuid:conversation_id>/panel/field/", panel.edit_field, name="field"),
    path("c/<uuid:conversation_id>/block/", blocking.block, name="block"),
    path("c/<uuid:conversation_id>/unblock/", blocking.unblock, name="unblock"),
    path("c/<uuid:conversation_id>/undo/", panel.undo_link, name="undo"),
]
