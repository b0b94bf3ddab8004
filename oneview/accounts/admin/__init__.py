"""Admin pages of accounts and who works in them, a module for each kind of thing."""

from oneview.accounts.admin import accounts, audit, invitations, tokens, users

__all__ = ["accounts", "audit", "invitations", "tokens", "users"]
