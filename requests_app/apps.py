"""The requests app's entry in Django. No logic."""

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    """Ask, decide, open, close."""

    name = "requests_app"
    verbose_name = "Access requests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare the state machines, so that move() knows them; hand the audit app words, datasets and a way to Azure."""
        from requests_app import datasets, lifecycle, logs_way, words  # noqa: F401

        words.register_all()
        datasets.register_all()
        logs_way.register_all()
