"""The admin at /admin/: supervisors see their own account, operators what is in none. Auth permissions do not count.

Three walls stand behind each other: these permissions, a filter by `request.account` in every queryset, and row level
security, since AccountMiddleware runs the whole request in the account's scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from oneview.accounts.models import Account, User
from oneview.accounts.permissions import OPERATOR, Operation, may
from oneview.common.errors import OneViewError

if TYPE_CHECKING:
    AnyModelAdmin = ModelAdmin[Any]
else:
    AnyModelAdmin = ModelAdmin
A = TypeVar("A", bound=AnyModelAdmin)

# Both look objects up by model and id, past the admin classes: nothing here needs them.
LEFT_OUT = {"autocomplete", "view_on_site"}

FILTER_FORMS = ("exact", "isnull", "id__exact")  # how the filters of lists ask


def role_of(request: HttpRequest) -> str | None:
    membership = getattr(request, "membership", None)
    return membership.role if membership else None


def is_operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def is_allowed(request: HttpRequest, operation: Operation) -> bool:
    """By the role in the account that is open, or as the operator of the installation."""
    return may(role_of(request), operation) or (is_operator(request) and may(OPERATOR, operation))


def account_of(request: HttpRequest) -> Account:
    account = getattr(request, "account", None)
    if account is None:
        raise PermissionDenied
    return account  # type: ignore[no-any-return]


def actor_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def tell_refusals(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """What a service refuses is undone, and said on the page it was asked on."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except OneViewError as error:
            if request.method != "POST":
                raise
            messages.error(request, error.detail)
            return redirect(request.get_full_path())

    return wrapped


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the admin that shows no model. `path` is its address below the admin, and its name."""

    path: str
    title: str | Promise
    operation: Operation
    view: Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]


class OneViewAdminSite(AdminSite):
    site_title = site_header = "OneView"
    index_title = _("Administration")
    site_url = None  # the way to the inbox is beside it

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []

    def has_permission(self, request: HttpRequest) -> bool:
        return is_allowed(request, Operation.OPEN_ADMIN)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own = [path(page.path, self.admin_view(partial(self._show, page)), name=page.path) for page in self.pages]
        return [*own, *(url for url in super().get_urls() if getattr(url, "name", None) not in LEFT_OUT)]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        pages = [page for page in self.pages if is_allowed(request, page.operation)]
        return {**super().each_context(request), "own_pages": pages}

    def _show(self, page: Page, request: HttpRequest) -> HttpResponseBase:
        if not is_allowed(request, page.operation):
            raise PermissionDenied
        return page.view(request, {**self.each_context(request), "title": page.title})

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return tell_refusals(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One signs in as for the inbox. Who did so and may not see the admin is told, and not asked again."""
        target = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?next={quote(target)}")
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """307: the browser sends its POST on."""
        response = HttpResponseRedirect(reverse("account_logout"))
        response.status_code = 307
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_change_password")

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        return super().get_log_entries(request).filter(user=actor_of(request))


site = OneViewAdminSite()


def register(model: type[Model]) -> Callable[[type[A]], type[A]]:
    """Registers the decorated admin class on our site."""

    def decorate(admin_class: type[A]) -> type[A]:
        site.register(model, admin_class)
        return admin_class

    return decorate


def register_page(
    path: str, *, title: str | Promise, operation: Operation
) -> Callable[[Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]], Any]:
    """Makes the decorated view a page of our site. It is given what every page of the admin is shown with."""

    def decorate(view: Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]) -> Any:
        site.pages.append(Page(path, title, operation, view))
        return view

    return decorate


def render_table(head: Sequence[str | Promise], rows: Iterable[Sequence[Any]]) -> SafeString:
    """Rows of an object's own page. Everything in them is escaped but what is marked safe."""
    told = ([tell_time(cell) if isinstance(cell, datetime) else cell for cell in row] for row in rows)
    titles = format_html_join("", "<th scope=col>{}</th>", ((title,) for title in head))
    lines = [format_html("<tr>{}</tr>", format_html_join("", "<td>{}</td>", ((cell,) for cell in row))) for row in told]
    if not lines:
        return format_html("{}", "-")
    body = format_html_join("", "{}", ((line,) for line in lines))
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", titles, body)


def tell_time(at: datetime) -> str:
    """As Django tells columns of a table; what a method returns it writes on an object's own page as Python does."""
    return str(localize(localtime(at)))


def tell_yes_no(value: bool) -> str:
    """Where Django's red cross would make an alarm of what is as it should be."""
    return gettext("Yes") if value else gettext("No")


def link_inbox(conversation_id: UUID) -> SafeString:
    address = reverse("inbox:conversation", args=[conversation_id])
    return format_html('<a href="{}">{}</a>', address, _("Open in inbox"))


class _ReadOnlyAdmin(AnyModelAdmin):
    """Who may do `operation` sees the pages. Nothing can be added, changed or deleted, and only the declared filters
    filter.
    """

    operation: ClassVar[Operation]

    show_full_result_count = False
    view_on_site = False
    actions: Any = ()
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Empty for who may see none: a history page looks for its object before it asks for the right to."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if self.has_view_permission(request) else rows.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, self.operation)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Asked by actions that name "manage"."""
        return is_allowed(request, self.operation)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what the declared filters ask. Django lets an address filter by any column and in any manner: hashes and
        passwords could be guessed letter by letter.
        """
        filters = [each if isinstance(each, str) else getattr(each, "parameter_name", "") for each in self.list_filter]
        return any(lookup in (each, *(f"{each}__{form}" for form in FILTER_FORMS)) for each in filters)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False


class ScopedAdmin(_ReadOnlyAdmin):
    """What belongs to an account, for its supervisors."""

    operation = Operation.READ_ACCOUNT
    exclude: ClassVar[Any] = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(account=account_of(request))


class OperatorAdmin(_ReadOnlyAdmin):
    """What belongs to no account, for operators."""

    operation = Operation.OPERATE

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_allowed(request, Operation.OPERATE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, Operation.OPERATE)


class EditableAdmin(ScopedAdmin):
    """What supervisors add and change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_allowed(request, self.operation)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, self.operation)
