"""Write what the page must know of the models that TensorFlow Serving serves, for the proxy in front of it.

    python serving/make_page_models.py porous_graphene=saved_models/porous_graphene > serving/proxy/page/models.json

The embedded server tells it itself, at /page/models.json. Run again when a new version is served.
"""

import json
import pathlib
import sys

from rugan_tf.serve.page_routes import described_model


def newest(base: pathlib.Path) -> pathlib.Path:
    """Return the version folder of the highest number."""
    versions = [path for path in base.iterdir() if path.name.isdecimal() and path.is_dir()]
    if not versions:
        raise ValueError(f"A base path must hold numeric version folders. Received: {base}")
    return max(versions, key=lambda path: int(path.name))


def main(words: list[str]) -> int:
    """Print the JSON."""
    try:
        pairs = [word.partition("=") for word in words]
        folders = {name: newest(pathlib.Path(base)) for name, _, base in pairs}
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    models = [described_model(name, int(folder.name), folder) for name, folder in folders.items()]
    print(json.dumps({"models": models}))
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all("=" in word for word in sys.argv[1:]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
