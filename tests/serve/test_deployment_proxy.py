"""The proxy: nginx itself reads its file, and lets in who has a token."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from rugan_tf.serve.client import Client, Connection

SERVING = Path(__file__).parents[2] / "serving"


TOKEN, STRANGER = "secret", "guess"
REST = [  # method, path, token, what the proxy answers
    ("GET", "/v1/models/porous_graphene", TOKEN, 200),
    ("GET", "/v1/models/porous_graphene/metadata", TOKEN, 200),
    ("GET", "/v1/models/porous_graphene", STRANGER, 401),
    ("POST", "/v1/models/porous_graphene:predict", TOKEN, 200),
    ("POST", "/v1/models/porous_graphene:predict", STRANGER, 401),
    ("POST", "/v1/models/porous_graphene:classify", TOKEN, 403),
    ("DELETE", "/v1/models/porous_graphene", TOKEN, 403),
    ("GET", "/v1/models", TOKEN, 403),
    ("GET", "/monitoring/prometheus/metrics", TOKEN, 403),
    ("GET", "/page/page.css", STRANGER, 200),
    ("GET", "/", STRANGER, 200),
    ("GET", "/page/../../etc/passwd", TOKEN, 400),
]


@pytest.fixture
def proxy(graphene, tmp_path):
    """nginx before a server: its port, and the file of the authority."""
    if shutil.which("nginx") is None:
        pytest.skip("needs the Debian package nginx")
    tls, port = tmp_path / "tls", free_port()
    subprocess.run([str(SERVING / "make_test_ca.sh"), str(tls), "localhost"], capture_output=True, check=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "tokens.conf").write_text(f'"Bearer {TOKEN}" alice;\n')
    (tmp_path / "mime.types").write_text("types { text/html html; text/css css; }")
    text = (SERVING / "proxy" / "conf" / "nginx.conf").read_text()
    changes = {
        "serving:8500": graphene.address,
        "serving:8501": graphene.rest.removeprefix("http://"),
        "listen 8443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/dev/stdout": str(tmp_path / "log"),
        "/usr/share/nginx/page": str(SERVING.parent / "rugan_tf" / "serve" / "page"),
    }
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    number = tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", version).groups()))
    if number < (1, 27, 3):
        changes[" resolve "] = " "
    if number < (1, 25, 1):
        changes["ssl;\n    http2 on;"] = "ssl http2;"
    assert all(found in text for found in changes)
    for found, replacement in changes.items():
        text = text.replace(found, replacement)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; daemon off;\n" + text)
    command = ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "errors")]
    subprocess.run([*command, "-t"], capture_output=True, check=True)
    running = subprocess.Popen(command)
    yield port, tls / "ca.pem"
    running.terminate()
    running.wait(30)


def test_proxy_lets_in_who_has_a_token(proxy):
    port, authority = proxy
    known = Connection(f"localhost:{port}", ca_file=authority, token=TOKEN, timeout=30)
    with Client(known) as client:
        assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
        with pytest.raises(ValueError, match="PERMISSION_DENIED"):  # ModelService is not for clients
            client.status()
    stranger = Connection(f"localhost:{port}", ca_file=authority, token=STRANGER, timeout=30)
    with Client(stranger) as client, pytest.raises(ValueError, match="UNAUTHENTICATED"):
        client.generate([-2.0], 4, 4)
    content = '{"inputs": {"energy_per_area": [-2], "rows": 4, "cols": 4, "seed": 0}}'
    answers = []
    for method, path, token, _ in REST:
        words = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--path-as-is",
            "--cacert",
            str(authority),
            "-X",
            method,
        ]
        words += ["-H", f"authorization: Bearer {token}", f"https://localhost:{port}{path}"]
        words += ["-d", content] if method == "POST" else []
        done = subprocess.run(["curl", *words], capture_output=True, text=True, check=True)
        answers.append((method, path, token, int(done.stdout)))
    assert answers == REST


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
