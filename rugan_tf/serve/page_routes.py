"""The page at / of the REST port: files of the package, and what the models tell of themselves."""

import json
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.page_lattice import described_lattice

CARD = "assets.extra/rugan.json"  # in a version folder
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {  # nothing from elsewhere runs, loads or frames the page
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page_routes(manager: ModelManager) -> list[BaseRoute]:
    """Return the routes: / and /page/FILE, and /page/models.json, which lists the models with their cards."""

    def file(request: Request) -> Response:
        return file_response(request.path_params.get("name", "index.html"))

    def models(request: Request) -> Response:
        return Response(
            json.dumps({"models": described_models(manager)}), media_type="application/json", headers=HEADERS
        )

    return [Route("/", file), Route("/page/models.json", models), Route("/page/{name}", file)]


def file_response(name: str) -> Response:
    """Return a file of the page, or 404."""
    folder = resources.files("rugan_tf.serve") / "page"
    known = {entry.name for entry in folder.iterdir()}
    kind = TYPES.get(name[name.rfind(".") :]) if name in known else None
    if kind is None:
        return Response(status_code=404)
    return Response((folder / name).read_bytes(), media_type=kind, headers=HEADERS)


def described_models(manager: ModelManager) -> list[dict[str, Any]]:
    """Return name, newest version that is served, card and lattice (None where they are not told) of every model."""
    described = []
    for name in manager.models:
        if not manager.is_served(name):
            continue
        with manager.request(name) as (number, loaded):
            path = loaded.folder / CARD
            try:
                card = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # a model of somebody else, or one whose folder has gone meanwhile
                card = None
        lattice = described_lattice(card["system"]) if isinstance(card, dict) and "system" in card else None
        described.append({"name": name, "version": number, "card": card, "lattice": lattice})
    return described
