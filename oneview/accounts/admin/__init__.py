"""Admin pages of accounts and who works in them, a module for each kind of thing."""

from oneview.accounts.admin import accounts, audit, invitations, members, tokens

__all__ = ["accounts", "audit", "invitations", "members", "tokens"]
