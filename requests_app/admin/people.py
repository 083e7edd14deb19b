"""People and groups in the admin, for reading: the directory and the sign-in make them, never a form."""

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group

from audit_app.admin_base import ReadOnly
from requests_app.models import DirectoryGroup, Person, SignIn

# Tables of libraries that nobody may keep by hand here: roles and accounts come from Entra at sign-in.
_NOT_OURS = ("auth", "account", "socialaccount")
for _label in _NOT_OURS:
    for _model in apps.get_app_config(_label).get_models():
        if admin.site.is_registered(_model):
            admin.site.unregister(_model)


@admin.register(Person)
class PersonAdmin(ReadOnly):
    """Whom the directory and the sign-ins told of."""

    list_display = (
        "display_name",
        "user_principal_name",
        "job_title",
        "enabled",
        "guest",
        "directory_read_at",
    )
    list_filter = ("enabled", "guest", "groups")
    search_fields = ("display_name", "user_principal_name", "mail", "key__exact")
    search_help_text = "Name, user name, mail, or the whole tenant and object id."
    ordering = ("display_name", "id")
    fields = (
        "display_name",
        "user_principal_name",
        "mail",
        "job_title",
        "enabled",
        "guest",
        "manager",
        "groups",
        "tid",
        "oid",
        "directory_read_at",
        "last_login",
    )


@admin.register(Group)
class RoleAdmin(ReadOnly):
    """App roles of Entra, as sign-ins brought them."""

    list_display = ("name",)
    search_fields = ("name",)
    fields = ("name",)


@admin.register(DirectoryGroup)
class DirectoryGroupAdmin(ReadOnly):
    """Groups that policy names."""

    list_display = ("name", "oid", "read_at")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(SignIn)
class SignInAdmin(ReadOnly):
    """Who signed in when, from where, with which roles."""

    list_display = ("at", "person", "source_address", "roles")
    list_select_related = ("person",)
    search_fields = ("person__display_name", "source_address")
    ordering = ("-at",)
    exclude = ("session_id",)
