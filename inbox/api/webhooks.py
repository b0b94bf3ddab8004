"""Endpoints over the API: addresses that are told what changes. They hear everything, so supervisors register them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, cut_page, listing
from inbox.api.schema import answers
from inbox.selectors.endpoints import list_attempts, list_endpoints
from inbox.services.endpoints import change_endpoint, register_endpoint, remove_endpoint, replay_events
from oneview.accounts.permissions import Operation


class WebhooksView(AccountView):
    operations: ClassVar = {"get": Operation.MANAGE_WEBHOOKS, "post": Operation.MANAGE_WEBHOOKS}

    @answers("list_webhooks", documents.EndpointJson, is_list=True)
    def get(self, request: Request) -> Response:
        return listing([serialise.endpoint_json(endpoint) for endpoint in list_endpoints(self.account.pk)])

    @answers(
        "create_webhook", documents.EndpointWithSecretJson, body=inputs.NewEndpoint, statuses=(201,), problems=(422,)
    )
    def post(self, request: Request) -> Response:
        """The `secret` is shown this once. What happens from now on is told, one event a request."""
        actor = self.user
        endpoint, secret = register_endpoint(
            self.account, **self.read_body(inputs.NewEndpoint), actor=actor, now=self.now
        )
        return Response({**serialise.endpoint_json(endpoint), "secret": secret}, status=201)


class WebhookView(AccountView):
    operations: ClassVar = {"patch": Operation.MANAGE_WEBHOOKS, "delete": Operation.MANAGE_WEBHOOKS}

    @answers("update_webhook", documents.EndpointJson, body=inputs.EndpointChanges)
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """What is switched on again goes on where it stopped, as far as the log goes back."""
        changes = self.read_body(inputs.EndpointChanges)
        endpoint = change_endpoint(self.account, endpoint_id, **changes, actor=self.user, now=self.now)
        return Response(serialise.endpoint_json(endpoint))

    @answers("delete_webhook", None, statuses=(204,))
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        remove_endpoint(self.account, endpoint_id, actor=self.user)
        return Response(status=204)


class ReplayView(AccountView):
    operations: ClassVar = {"post": Operation.MANAGE_WEBHOOKS}

    @answers("replay_webhook", documents.EndpointJson, body=inputs.Replay)
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Everything that follows is told again, with the ids that it had, as far as the log goes back."""
        place = self.read_body(inputs.Replay)
        endpoint = replay_events(self.account, endpoint_id, **place, actor=self.user, now=self.now)
        return Response(serialise.endpoint_json(endpoint))


class AttemptsView(AccountView):
    operations: ClassVar = {"get": Operation.MANAGE_WEBHOOKS}

    @answers("list_webhook_attempts", documents.AttemptJson, is_list=True, query=inputs.Page)
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """The calls of the last seven days, the newest first."""
        asked = self.read_query(inputs.Page)
        found = list_attempts(self.account.pk, endpoint_id, before=asked.get("cursor"), limit=asked["limit"] + 1)
        attempts, cursor = cut_page(found, limit=asked["limit"])
        return listing([serialise.attempt_json(attempt) for attempt in attempts], next=cursor)
