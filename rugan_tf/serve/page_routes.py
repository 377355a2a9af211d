"""The page at / of the REST port: files of the package, and what the models tell of themselves."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.page_lattice import described_lattice, described_words, system_of

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

    def models(_: Request) -> Response:
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
    """Return the descriptions of all models, of the newest version that is served."""
    described = []
    for name in manager.models:
        if manager.is_served(name):
            with manager.request(name) as (number, loaded):
                described.append(described_model(name, number, loaded.folder))
    return described


def described_model(name: str, version: int, folder: Path) -> dict[str, Any]:
    """Return name, version, card, words and lattice of a model; the last three are None where they are not told."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a model of somebody else, or one whose folder has gone meanwhile
        card = None
    if isinstance(card, dict) and "conditions" in card:
        card |= condition_words(card["conditions"]["each"])
    system = system_of(card["system"]) if isinstance(card, dict) and "system" in card else None
    words, lattice = (None, None) if system is None else (described_words(system), described_lattice(system))
    return {"name": name, "version": version, "card": card, "words": words, "lattice": lattice}


def condition_words(conditions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return units and ranges of conditions by name, as the page looks for them beside a card."""
    return {
        "units": {one["name"]: one["unit"] for one in conditions},
        "ranges": {one["name"]: one["range"] for one in conditions},
    }
