"""A client at a port where something else than gRPC listens, or at an address that is none."""

import concurrent.futures
import http.server
import threading

import grpc
import pytest

from rugan_tf.errors import InputError
from rugan_tf.serve.connection import Connection, why_unreachable


def test_port_of_rest_is_told():
    with http.server.ThreadingHTTPServer(("localhost", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = why_unreachable(Connection(server=f"localhost:{server.server_port}"))
        server.shutdown()
    assert found == "what listens there speaks HTTP/1, as REST does: the server must be the port of gRPC"


def test_port_of_grpc_is_not_refused():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    assert why_unreachable(Connection(server=f"localhost:{port}")) == ""
    server.stop(None).wait()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_address_with_a_scheme_is_refused(scheme):
    with pytest.raises(InputError, match=rf"without http://. Received: server={scheme}://localhost:8500"):
        Connection(server=f"{scheme}://localhost:8500")
