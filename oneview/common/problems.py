"""Errors as `application/problem+json`, for every answer of the API, those outside of its views included."""

from __future__ import annotations

from typing import Any

import structlog
from django.http import HttpRequest, JsonResponse

from oneview.common.errors import Invalid, NotPossible, OneViewError, TooMany

FRAGMENT = "X-Fragment"  # header of a page's script that asks for a part of it


def wants_problem(request: HttpRequest) -> bool:
    """Whether it is a program that asks: the API, or the script of the inbox. People get pages."""
    if request.path.startswith("/api/") or FRAGMENT in request.headers:
        return True
    return request.path.startswith("/inbox/") and request.method not in ("GET", "HEAD")


def problem(status: int, *, code: str, title: str, detail: str, **more: Any) -> JsonResponse:
    """`more`: further members (`errors`, `current`, `reason`)."""
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [],
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **more,
    }
    return JsonResponse(content, status=status, content_type="application/problem+json")


def problem_of(error: OneViewError) -> JsonResponse:
    more: dict[str, Any] = {}
    if isinstance(error, Invalid):
        more["errors"] = [{"field": e.field, "code": e.code, "message": e.message} for e in error.errors]
    if isinstance(error, NotPossible):
        more["reason"] = error.detail
    for name in ("current", "yours"):
        if (value := getattr(error, name, None)) is not None:
            more[name] = value
    response = problem(error.status, code=error.code, title=error.title, detail=error.detail, **more)
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after)
    return response


def unavailable() -> JsonResponse:
    """While the database is away."""
    response = problem(503, code="unavailable", title="Not available", detail="Please try again in a few seconds.")
    response["Retry-After"] = "5"
    return response
