from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from inbox.api import blocking, canned, contacts, files, history, notes, turns, views, webhooks
from inbox.api.base import Missing

DESCRIPTION = {"POSTPROCESSING_HOOKS": ["inbox.api.schema.name_documents"], "COMPONENT_SPLIT_PATCH": False}

urlpatterns = [
    path("conversations/", views.ConversationsView.as_view()),
    path("conversations/<uuid:conversation_id>/", views.ConversationView.as_view()),
    path("conversations/<uuid:conversation_id>/messages/", views.MessagesView.as_view()),
    path("conversations/<uuid:conversation_id>/read/", views.ReadView.as_view()),
    path("conversations/<uuid:conversation_id>/take_over/", turns.TakeOverView.as_view()),
    path("conversations/<uuid:conversation_id>/hand_back/", turns.HandBackView.as_view()),
    path("conversations/<uuid:conversation_id>/handover/", turns.HandoverView.as_view()),
    path("contacts/<uuid:contact_id>/", contacts.ContactView.as_view()),
    path("contacts/<uuid:contact_id>/identities/", contacts.IdentitiesView.as_view()),
    path("contacts/<uuid:contact_id>/explain/", contacts.ExplainView.as_view()),
    path("contacts/<uuid:contact_id>/merge/", contacts.MergeView.as_view()),
    path("contacts/<uuid:contact_id>/split/", contacts.SplitView.as_view()),
    path("contacts/<uuid:contact_id>/keep_apart/", contacts.KeepApartView.as_view()),
    path("contacts/<uuid:contact_id>/notes/", notes.NotesView.as_view()),
    path("contacts/<uuid:contact_id>/notes/<uuid:note_id>/", notes.NoteView.as_view()),
    path("contacts/<uuid:contact_id>/history/", history.HistoryView.as_view()),
    path("contacts/<uuid:contact_id>/history/<uuid:entry_id>/revert/", history.RevertView.as_view()),
    path("contacts/<uuid:contact_id>/block/", blocking.BlockView.as_view()),
    path("contacts/<uuid:contact_id>/unblock/", blocking.UnblockView.as_view()),
    path("messages/<uuid:message_id>/", views.MessageView.as_view()),
    path("messages/<uuid:message_id>/redact/", views.RedactView.as_view()),
    path("events/", views.EventsView.as_view()),
    path("channels/", views.ChannelsView.as_view()),
    path("canned-replies/", canned.CannedRepliesView.as_view()),
    path("canned-replies/<uuid:reply_id>/", canned.CannedReplyView.as_view()),
    path("webhooks/", webhooks.WebhooksView.as_view()),
    path("webhooks/<uuid:endpoint_id>/", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:endpoint_id>/attempts/", webhooks.AttemptsView.as_view()),
    path("webhooks/<uuid:endpoint_id>/replay/", webhooks.ReplayView.as_view()),
    path("files/", files.FilesView.as_view()),
    path("files/<uuid:file_id>/", files.FileView.as_view()),
    path("schema/", SpectacularAPIView.as_view(custom_settings=DESCRIPTION), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(template_name="inbox/api_docs.html"), name="api_docs"),
    re_path("", Missing.as_view()),
]
