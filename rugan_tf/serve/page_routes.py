"""The page at / of the REST port: files of the package, and what the models tell of themselves."""

import json
import logging
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rugan_tf.errors import InputError
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.page_lattice import described_lattice, described_words
from rugan_tf.systems.named import system_named

LOGGER = logging.getLogger(__name__)
MAX_SHOWN, MAX_TOLD = 256, 1024  # characters of a card, and of what is wrong with it
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
    # Names that are there, and no others: no path leads out of the folder.
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
    """Return name, version, card, words and lattice of a model; the last three are None where they are not told.

    What is wrong with a card stands in `problem`, so that one bad model does not hide the others.
    """
    told: dict[str, Any] = {"name": name, "version": version, "card": None, "words": None, "lattice": None}
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a model of somebody else, or one whose folder has gone meanwhile
        return told
    try:
        if not isinstance(card, dict) or not isinstance(card.get("system", ""), str):
            raise InputError(f"A card must be an object whose system is text. Received: {str(card)[:MAX_SHOWN]}")
        told["card"] = card | (condition_words(card["conditions"]) if "conditions" in card else {})
        if "system" in card:
            system = system_named(card["system"])
            told |= {"words": described_words(system), "lattice": described_lattice(system)}
    except InputError as error:
        LOGGER.warning("the page cannot tell all of %s version %d: %s", name, version, error)
        told["problem"] = str(error)[:MAX_TOLD]
    return told


def condition_words(content: Any) -> dict[str, dict[str, Any]]:
    """Return units and ranges of conditions by name, as the page looks for them beside a card.

    Raises:
        InputError: the card's conditions are not what an export writes.
    """
    conditions = content.get("each") if isinstance(content, dict) else None
    if not isinstance(conditions, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and {"unit", "range"} <= set(one)
        for one in conditions
    ):
        raise InputError(f"Conditions must have name, unit and range each. Received: {str(content)[:MAX_SHOWN]}")
    return {
        "units": {one["name"]: one["unit"] for one in conditions},
        "ranges": {one["name"]: one["range"] for one in conditions},
    }
