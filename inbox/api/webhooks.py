"""Endpoints over the API: addresses that are told what changes. They hear everything, so supervisors register them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, listing
from inbox.api.schema import answers
from inbox.selectors.endpoints import list_endpoints
from inbox.services.endpoints import register_endpoint, remove_endpoint
from oneview.accounts.models import User
from oneview.accounts.permissions import Operation


class SupervisorView(AccountView):
    @property
    def supervisor(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user


class WebhooksView(SupervisorView):
    operations: ClassVar = {"get": Operation.MANAGE_WEBHOOKS, "post": Operation.MANAGE_WEBHOOKS}

    @answers("list_webhooks", documents.EndpointJson, is_list=True)
    def get(self, request: Request) -> Response:
        return listing([serialise.endpoint_json(endpoint) for endpoint in list_endpoints(self.account.pk)])

    @answers(
        "create_webhook", documents.EndpointWithSecretJson, body=inputs.NewEndpoint, statuses=(201,), problems=(422,)
    )
    def post(self, request: Request) -> Response:
        """The `secret` is shown this once. What happens from now on is told, one event a request."""
        actor = self.supervisor
        endpoint, secret = register_endpoint(
            self.account, **self.read_body(inputs.NewEndpoint), actor=actor, now=self.now
        )
        return Response({**serialise.endpoint_json(endpoint), "secret": secret}, status=201)


class WebhookView(SupervisorView):
    operations: ClassVar = {"delete": Operation.MANAGE_WEBHOOKS}

    @answers("delete_webhook", None, statuses=(204,))
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        remove_endpoint(self.account, endpoint_id, actor=self.supervisor)
        return Response(status=204)
