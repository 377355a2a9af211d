"""What a model tells of its signatures, as a SignatureDefMap."""

from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from rugan_tf.serve.loaded_version import LoadedVersion

PREDICT_METHOD = "tensorflow/serving/predict"


def signature_map(version: LoadedVersion) -> Any:
    """Return the signatures of a version with names, dtypes and shapes of inputs and outputs."""
    described = get_model_metadata_pb2.SignatureDefMap()
    for name, function in version.signatures.items():
        signature = meta_graph_pb2.SignatureDef(method_name=PREDICT_METHOD)
        for key, spec in version.specification(name).items():
            signature.inputs[key].CopyFrom(tensor_info(f"{name}_{key}:0", spec))
        for index, (key, spec) in enumerate(sorted(function.structured_outputs.items())):
            signature.outputs[key].CopyFrom(tensor_info(f"StatefulPartitionedCall_{name}:{index}", spec))
        described.signature_def[name].CopyFrom(signature)
    return described


def tensor_info(name: str, spec: Any) -> Any:
    """Return the TensorInfo of a TensorSpec."""
    return meta_graph_pb2.TensorInfo(name=name, dtype=spec.dtype.as_datatype_enum, tensor_shape=spec.shape.as_proto())
