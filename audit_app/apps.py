"""The audit app's entry in Django. No logic."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The ground floor: prove it, review it, export it."""

    name = "audit_app"
    verbose_name = "Audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer the trail for export; hand table rights to the site's role after each migration by the owner's."""
        from django.db.models.signals import post_migrate

        from audit_app import datasets
        from audit_app.roles import grant_to_site

        datasets.register_all()
        post_migrate.connect(grant_to_site, dispatch_uid="audit_app.roles.grant_to_site")
