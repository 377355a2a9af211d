"""The graph of a SavedModel in a session, as TensorFlow Serving makes it.

`tf.saved_model.load` builds every function of the graph in Python, which takes longer than all else that a first sheet
needs. A session hands the graph on as it stands in the file.
"""

from pathlib import Path
from typing import Any

from rugan_tf.errors import InputError
from rugan_tf.saved.versions import GRAPH_FILE

VARIABLES = Path("variables", "variables")
INIT_OP = "__saved_model_init_op"
SERVE_TAG = "serve"


def read_meta_graph(folder: Path) -> Any:
    """Return the MetaGraphDef that is served, whose inputs take tensors of any shape.

    Raises:
        OSError: there is none.
        InputError: it cannot be read.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / GRAPH_FILE
    try:
        content = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except Exception as error:
        if isinstance(error, OSError):
            raise
        raise InputError(f"A version must hold a SavedModel. Received: {path} ({error})") from None
    graphs = [graph for graph in content.meta_graphs if SERVE_TAG in graph.meta_info_def.tags]
    if not graphs:
        raise InputError(f"A SavedModel must have a graph with the tag {SERVE_TAG}. Received: {folder}")
    inputs = {info.name.partition(":")[0] for one in graphs[0].signature_def.values() for info in one.inputs.values()}
    for node in graphs[0].graph_def.node:
        # Python's session, unlike that of the server, compares what is fed with the shape that stands here
        if node.name in inputs and node.op == "Placeholder":
            node.attr["shape"].shape.Clear()
            node.attr["shape"].shape.unknown_rank = True
            node.attr.pop("_output_shapes", None)
    return graphs[0]


def open_session(meta_graph: Any, folder: Path, config: Any = None) -> Any:
    """Return a session with the variables of a version.

    Args:
        meta_graph: of `read_meta_graph`.
        folder: version folder.
        config: ConfigProto of the session.

    Raises:
        tf.errors.OpError, ValueError: the version is damaged.
    """
    import tensorflow as tf

    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=config)
    try:
        with graph.as_default():
            saver = tf.compat.v1.train.import_meta_graph(meta_graph, import_scope="")
            if saver is not None:
                saver.restore(session, str(folder / VARIABLES))
            assets = {one.tensor_info.name: str(folder / "assets" / one.filename) for one in meta_graph.asset_file_def}
            # Tables and the like are no variables: the graph fills them itself.
            init = meta_graph.signature_def[INIT_OP].outputs if INIT_OP in meta_graph.signature_def else {}
            for info in init.values():
                session.run(graph.get_operation_by_name(info.name.partition(":")[0]), assets)
    except Exception:
        session.close()
        raise
    # From now on nothing may be added: a graph that grows with requests would fill the memory.
    graph.finalize()
    return session
