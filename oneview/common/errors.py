"""What services raise, in words for people; `code` is the API's.

OneViewError
├── NotFound         404 not_found: there is none here, or it is another account's
├── Forbidden        403 forbidden, plan_required
├── Invalid          400 validation: names the fields
├── Conflict         409 conflict, turn_taken, client_id_reused, other_account
├── NotPossible      422 window_closed, not_possible
└── TooMany          429 rate_limited: again after `retry_after` seconds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class OneViewError(Exception):
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class NotFound(OneViewError):
    status = 404
    title = "Not found"

    def __init__(self, detail: str = "There is nothing here.") -> None:
        super().__init__(detail, code="not_found")


class Forbidden(OneViewError):
    status = 403
    title = "Not allowed"

    def __init__(self, detail: str, *, code: str = "forbidden") -> None:
        super().__init__(detail, code=code)


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    code: str
    message: str


class Invalid(OneViewError):
    status = 400
    title = "Not valid"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors), code="validation")
        self.errors: Sequence[FieldError] = errors


class Conflict(OneViewError):
    """`current` is what stands now and `yours` what was sent, for the caller to choose."""

    status = 409
    title = "Somebody was faster"

    def __init__(self, detail: str, *, code: str = "conflict", current: Any = None, yours: Any = None) -> None:
        super().__init__(detail, code=code)
        self.current = current
        self.yours = yours


class NotPossible(OneViewError):
    status = 422
    title = "Not possible now"

    def __init__(self, detail: str, *, code: str = "not_possible") -> None:
        super().__init__(detail, code=code)


class TooMany(OneViewError):
    status = 429
    title = "Too many requests"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"Please wait {retry_after} seconds.", code="rate_limited")
        self.retry_after = retry_after
