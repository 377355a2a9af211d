"""What a model tells of its signatures, as a SignatureDefMap."""

from typing import Any

from tensorflow_serving.apis import get_model_metadata_pb2

from rugan_tf.serve.loaded_version import LoadedVersion


def signature_map(version: LoadedVersion) -> Any:
    """Return the signatures of a version as they stand in its file, that of its initialisation among them."""
    described = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in version.signatures.items():
        described.signature_def[name].CopyFrom(signature)
    return described
