"""Which of the two roles does what."""

from typing import Any


class OwnerMigrates:
    """The serving role may not change the schema: migrations run on the alias `owner` only."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
