"""Looking into the pretend storage account, and its owner's hand. Real Azure has none of this."""

import json
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud.blob_errors import BlobError
from latchportal.devcloud.blob_store import ACCOUNT, Container, Limits, plain, waiting
from latchportal.devcloud.cloud import Cloud


def routes(cloud: Cloud) -> list[Route]:
    """GET, POST /_control/blobs; GET /_control/blobs/{container}/{blob}: the blob's bytes."""

    async def look(request: Request) -> JSONResponse:
        if request.method == "POST":
            _change(cloud, json.loads(await request.body()))
        store = cloud.blobs
        told = {"account": ACCOUNT, "role": store.role, "limits": asdict(store.limits)}
        kept = {"blobs": plain(store), "waiting": waiting(store), "calls": list(cloud.blob_calls)}
        return JSONResponse({**told, **kept, "containers": sorted(store.containers)})

    async def content(request: Request) -> Response:
        try:
            blob = cloud.blobs.blob(request.path_params["container"], request.path_params["blob"])
        except BlobError as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status)
        return Response(blob.content, media_type="application/octet-stream")

    return [
        Route("/_control/blobs", look, methods=["GET", "POST"]),
        Route("/_control/blobs/{container}/{blob:path}", content, methods=["GET"]),
    ]


def _change(cloud: Cloud, order: dict[str, Any]) -> None:
    """Body, each field optional: `role` bool, `limits` numbers by name, `make` and `drop` names of containers,
    `immutable` {container: "", "policy" or "policy with protected append writes"}, `remove` paths of blobs.
    """
    store = cloud.blobs
    store.role = bool(order.get("role", store.role))
    known = {one.name for one in fields(Limits)}
    for name, value in order.get("limits", {}).items():
        if name in known:
            setattr(store.limits, name, int(value))
    for name in order.get("make", []):
        store.containers.setdefault(name, Container())
    for name in order.get("drop", []):
        store.containers.pop(name, None)
    for name, how in order.get("immutable", {}).items():
        store.containers[name].immutable = how
    for path in order.get("remove", []):
        container, _, name = path.partition("/")
        store.containers[container].blobs.pop(name, None)
