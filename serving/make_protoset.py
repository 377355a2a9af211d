"""Write the messages and services of TensorFlow Serving as a protoset, for grpcurl: the server has no reflection.

    python serving/make_protoset.py serving.protoset

They are those of the installed package tensorflow-serving-api; grpc.health.v1 is among them.
"""

import pathlib
import sys

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2


def with_imports(file: FileDescriptor, known: dict[str, FileDescriptor]) -> None:
    """Add a file and what it imports to `known`, imports first."""
    for imported in file.dependencies:
        if imported.name not in known:
            with_imports(imported, known)
    known[file.name] = file


def main(out: str) -> int:
    """Write the protoset and say what is in it."""
    files: dict[str, FileDescriptor] = {}
    for module in (prediction_service_pb2, model_service_pb2, health_pb2):
        with_imports(module.DESCRIPTOR, files)
    protoset = descriptor_pb2.FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(protoset.file.add())
    pathlib.Path(out).write_bytes(protoset.SerializeToString())
    services = [service.full_name for file in files.values() for service in file.services_by_name.values()]
    print(f"{out}: {', '.join(services)}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
