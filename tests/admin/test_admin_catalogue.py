"""The catalogue in the admin: the same checks as the policy files, and every change in the trail or not at all."""

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from audit_app.models import Event
from requests_app.admin import catalogue
from requests_app.models import Entitlement, Resource

pytestmark = pytest.mark.django_db
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers"
VM = {
    "key": "lab-vm-1",
    "name": "lab-vm-1",
    "kind": "vm",
    "azure_id": f"{SUBSCRIPTION}/Microsoft.Compute/virtualMachines/lab-vm-1",
    "environment": "lab",
    "owner_oid": "",
    "tags": "linux\nlab",
    "active": "on",
}
ADD = "/admin/requests_app/resource/add/"


@pytest.fixture
def client(administrator: Any, client_for: Any) -> Any:
    return client_for(administrator)


@pytest.fixture
def resource(client: Any) -> Resource:
    answer = client.post(ADD, VM)
    assert answer.status_code == 302, unescape(answer.content.decode())[-4000:]
    return Resource.objects.get(key="lab-vm-1")


def ssh(resource: Resource, **changes: Any) -> dict[str, Any]:
    return {
        "key": "lab-vm-1-ssh",
        "resource": resource.pk,
        "name": "SSH to lab-vm-1",
        "kind": "nsg",
        "nsgs": f"{SUBSCRIPTION}/Microsoft.Network/networkSecurityGroups/nsg-lab",
        "destination": "10.1.2.3",
        "protocol": "Tcp",
        "ports": "22\n08000-8010",
        "connect_host": "lab.example",
        "connect_user": "",
        "connect_command": "",
        "tags": "",
        "active": "on",
        **changes,
    }


def changes() -> list[Event]:
    return list(Event.objects.filter(kind="catalogue.changed").order_by("id"))


def test_resource_added_here_is_kept_and_stands_in_the_trail(resource: Resource, administrator: Any) -> None:
    assert (resource.origin, resource.tags) == ("admin", ["linux", "lab"])
    (event,) = changes()
    assert (event.actor_id, event.object_id) == (administrator.identity, "lab-vm-1")
    assert event.data["before"] is None
    assert event.data["after"]["azure_id"] == VM["azure_id"]


def test_change_is_recorded_with_what_was_and_what_is(client: Any, resource: Resource) -> None:
    address = reverse("admin:requests_app_resource_change", args=[resource.pk])
    assert client.post(address, {**VM, "name": "Lab machine"}).status_code == 302
    event = changes()[-1]
    assert (event.data["before"]["name"], event.data["after"]["name"]) == ("lab-vm-1", "Lab machine")


def test_removal_is_recorded_one_by_one_and_in_bulk(client: Any, resource: Resource) -> None:
    client.post(reverse("admin:requests_app_resource_delete", args=[resource.pk]), {"post": "yes"})
    assert changes()[-1].data["change"] == "removed"
    client.post(ADD, VM)
    again = Resource.objects.get(key="lab-vm-1")
    bulk = {"action": "delete_selected", "_selected_action": [again.pk], "post": "yes"}
    client.post("/admin/requests_app/resource/", bulk)
    assert not Resource.objects.filter(key="lab-vm-1").exists()
    assert [event.data["change"] for event in changes()] == ["added", "removed", "added", "removed"]


def test_change_that_can_not_be_recorded_does_not_happen(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr(catalogue, "record", fails)
    with pytest.raises(RuntimeError):
        client.post(ADD, VM)
    assert not Resource.objects.filter(key="lab-vm-1").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("key", "Upper Case", "small letters"),
        ("azure_id", "/subscriptions/nonsense", "full ARM id of a virtual machine"),
        ("environment", "", "small letters"),
        ("tags", "Not A Tag", "small letters"),
        ("kind", "toaster", "toaster"),
    ],
)
def test_resource_has_to_pass_the_checks_of_the_files(
    client: Any, field: str, value: str, words: str
) -> None:
    answer = client.post(ADD, {**VM, field: value})
    assert answer.status_code == 200
    assert words in unescape(answer.content.decode())
    assert not Resource.objects.filter(name="lab-vm-1").exists()
    assert changes() == []


def test_way_in_is_written_as_the_files_would(client: Any, resource: Resource) -> None:
    answer = client.post("/admin/requests_app/entitlement/add/", ssh(resource))
    assert answer.status_code == 302, unescape(answer.content.decode())[-4000:]
    made = Entitlement.objects.get(key="lab-vm-1-ssh")
    assert (made.ports, made.protocol, made.origin) == (["22", "8000-8010"], "Tcp", "admin")
    address = reverse("admin:requests_app_entitlement_change", args=[made.pk])
    page = unescape(client.get(address).content.decode())
    assert "22\n8000-8010" in page.replace("\r", ""), "the ports are not shown a line each"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("nsgs", "nsg-lab", "full ARM id of a network security group"),
        ("destination", "0.0.0.0", "no address a machine in Azure is reached at"),
        ("destination", "10.0.0.0/8", "valid"),
        ("ports", "22\n70000", "outside 1-65535"),
        ("ports", "90-80", "backwards"),
        ("protocol", "*", "valid choice"),
        ("connect_host", "lab; rm -rf /", "not a host name"),
        ("connect_user", "-oProxyCommand=x", "not a user name"),
        ("connect_command", "ssh {where}", "not known"),
    ],
)
def test_way_in_has_to_pass_the_checks_of_the_files(
    client: Any, resource: Resource, field: str, value: str, words: str
) -> None:
    answer = client.post("/admin/requests_app/entitlement/add/", ssh(resource, **{field: value}))
    assert answer.status_code == 200
    assert words in unescape(answer.content.decode())
    assert not Entitlement.objects.filter(key="lab-vm-1-ssh").exists()


@pytest.mark.parametrize("model", [Resource, Entitlement])
def test_rows_of_policy_files_are_for_reading(client: Any, policy: Any, model: Any) -> None:
    row = model.objects.filter(origin="file").first()
    name = model._meta.model_name
    change, delete = (
        reverse(f"admin:requests_app_{name}_{page}", args=[row.pk]) for page in ("change", "delete")
    )
    assert client.get(change).status_code == 200
    assert client.post(change, {"name": "Mine now"}).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post(f"/admin/requests_app/{name}/", bulk)
    row.refresh_from_db()
    assert row.name != "Mine now"
    assert changes() == []


def test_key_of_a_row_stays_what_it_is(client: Any, resource: Resource) -> None:
    address = reverse("admin:requests_app_resource_change", args=[resource.pk])
    client.post(address, {**VM, "key": "other-key"})
    resource.refresh_from_db()
    assert resource.key == "lab-vm-1"
