"""The OpenAPI description, made from the typed dictionaries of `documents`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, is_typeddict

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_array_type, build_object_type, resolve_type_hint
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.serializers import Serializer

from inbox.api import documents

View = TypeVar("View", bound=Callable[..., HttpResponse])


RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    description="Seconds until it may be asked again",
    response=[429, 503],
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "oneview.accounts.tokens.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def answers(
    operation: str,
    shape: Any,
    *,
    is_list: bool = False,
    body: type[Serializer[Any]] | None = None,
    query: type[Serializer[Any]] | None = None,
    statuses: tuple[int, ...] = (200,),
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Describes a method. `shape`: the document it answers, or one entry of the list it answers, None for an empty
    answer. `problems`: statuses of refusals beyond those of every method.
    """
    schema: Any = None if shape is None else _describe(shape)
    if is_list:
        properties = {"results": build_array_type(schema), "next": {"type": "string", "nullable": True}}
        schema = build_object_type(properties, required=["results", "next"])
    return extend_schema(
        operation_id=operation,
        request=body,
        parameters=[*([query] if query else ()), RETRY_AFTER],
        responses={
            **dict.fromkeys(statuses, schema),
            **refusals(*problems, *((413, 415) if body else ())),
        },
    )


def refusals(*more: int) -> dict[tuple[str, str], Any]:
    """Problem documents by status: those that every method may answer, and `more`. 404 is that of an id in the address,
    too; 429 that of a caller who asks too often; 503 says that the database is away for a moment.
    """
    problem = _describe(documents.ProblemJson)
    statuses = sorted({400, 401, 403, 404, 429, 503, *more})
    return {(str(status), "application/problem+json"): problem for status in statuses}


def _describe(shape: Any) -> Any:
    return resolve_type_hint(shape)  # type: ignore[no-untyped-call]


def name_documents(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: gives every document its name, and refers to it wherever it stands. Of inputs it says
    that names which they do not know are refused.
    """
    shapes = {name.removesuffix("Json"): shape for name, shape in vars(documents).items() if is_typeddict(shape)}
    named = {name: _describe(shape) for name, shape in shapes.items()}
    schemas = result["components"].setdefault("schemas", {})
    for taken in schemas.values():
        taken["additionalProperties"] = False
    schemas |= {name: _refer(schema, named, at_top=True) for name, schema in named.items()}
    result["paths"] = _refer(result["paths"], named)
    _drop_unused(result, schemas)
    return result


def _drop_unused(result: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Documents that the API does not speak: what visitors are told, parts of others."""
    while unused := [name for name in schemas if f"#/components/schemas/{name}'" not in repr(result)]:
        for name in unused:
            del schemas[name]


def _refer(node: Any, named: dict[str, Any], *, at_top: bool = False) -> Any:
    if isinstance(node, list):
        return [_refer(each, named) for each in node]
    if not isinstance(node, dict):
        return node
    if not at_top:
        plain = {key: value for key, value in node.items() if key != "nullable"}
        name = next((name for name, schema in named.items() if schema == plain), None)
        if name:
            reference = {"$ref": f"#/components/schemas/{name}"}
            return {"allOf": [reference], "nullable": True} if "nullable" in node else reference
    return {key: _refer(value, named) for key, value in node.items()}
