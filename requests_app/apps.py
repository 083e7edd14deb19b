"""The requests app's entry in Django. No logic."""

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    """Ask, decide, open, close."""

    name = "requests_app"
    verbose_name = "Access requests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare the state machines, so that move() knows them; hand the audit app all it needs from above."""
        from audit_app import alarms, signing
        from audit_app.alerts import raising
        from requests_app import (  # noqa: F401
            activity_way,
            alert_mail,
            blob_way,
            datasets,
            keyring,
            lifecycle,
            logs_way,
            notify,
            reviewing,
            reviewing_delegations,
            reviewing_glass,
            words,
        )

        words.register_all()
        datasets.register_all()
        reviewing.register_all()
        reviewing_delegations.register_all()
        reviewing_glass.register_all()
        signing.register(signer=keyring.seal_signer, jwks=keyring.seal_jwks)
        alarms.listen(notify.alert)
        raising.listen(alert_mail.tell)
        logs_way.register_all()
        activity_way.register_all()
        blob_way.register_all()
