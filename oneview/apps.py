from django.apps import AppConfig


class OneViewConfig(AppConfig):
    name = "oneview"

    def ready(self) -> None:
        from oneview import celery  # noqa: F401  every process that enqueues needs the configured app
