"""TLS with certificates of a test authority, made by openssl."""

import subprocess
import time
from pathlib import Path

import pytest
from running_server import RunningServer

from rugan_tf.serve.__main__ import main
from rugan_tf.serve.client import Client, Connection

SCRIPT = Path(__file__).parents[2] / "serving" / "make_test_ca.sh"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_certificate(folder, name, authority, *valid):
    openssl(
        folder,
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.csr",
        "-subj",
        f"/CN={name}",
    )
    (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    signing = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", *(valid or ("-days", "2"))]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signing, "-extfile", f"{name}.ext", "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """What make_test_ca.sh makes, another authority, and a certificate of the first that has expired."""
    folder = tmp_path_factory.mktemp("certificates") / "tls"
    made = subprocess.run([SCRIPT, folder, "localhost"], capture_output=True, text=True, check=True)
    assert "ssl.config for --ssl_config_file" in made.stdout
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stranger"]
    openssl(folder, "req", *words, "-keyout", "stranger.key", "-out", "stranger.pem")
    make_certificate(folder, "old", "ca", "-days", "-1")
    return folder


def test_folder_of_the_test_authority_is_private_and_never_overwritten(certificates):
    assert certificates.stat().st_mode & 0o077 == 0
    again = subprocess.run([SCRIPT, certificates], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "The folder must be new or empty. Received: " in again.stderr


def ssl_config(folder, key="server.key", cert="server.pem", ca="ca.pem", name="ssl.config"):
    lines = [f"{name}: {quoted(folder / file)}" for name, file in (("server_key", key), ("server_cert", cert))]
    if ca:
        lines.append(f"custom_ca: {quoted(folder / ca)}")
    path = folder / name
    path.write_text("\n".join([*lines, "client_verify: true"]))
    return path


def quoted(path):
    return '"' + path.read_text().replace("\n", "\\n") + '"'


def test_verified_clients_are_answered_and_strangers_are_not(certificates, version_folder):
    base = version_folder.parent
    running = RunningServer("--port", 0, "--model_base_path", base, "--ssl_config_file", certificates / "ssl.config")
    address = "localhost:" + running.address.rpartition(":")[2]
    known = {"cert_file": certificates / "client.pem", "key_file": certificates / "client.key"}
    try:
        with Client(Connection(address, "default", ca_file=certificates / "ca.pem", **known)) as client:
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
        for options, cause in (
            (
                {"ca_file": certificates / "stranger.pem", **known},
                "certificate is refused: (self.signed|unable)",
            ),
            ({"ca_file": certificates / "ca.pem"}, "refuses this client"),
            ({}, "the server speaks TLS: ca_file or tls must be given"),
        ):
            start = time.monotonic()
            with (
                Client(Connection(address, "default", timeout=3, **options)) as client,
                pytest.raises(ConnectionError, match=cause),
            ):
                client.generate([-2.0], 4, 4)
            assert time.monotonic() - start < 3 + 5

        # a certificate expires while the server runs: new connections are told why, and a renewed one mends it
        good = (certificates / "ssl.config").read_text()
        ssl_config(certificates, "old.key", "old.pem")
        with (
            Client(Connection(address, "default", ca_file=certificates / "ca.pem", timeout=3, **known)) as client,
            pytest.raises(ConnectionError, match="certificate is refused: certificate has expired"),
        ):
            client.status()
        (certificates / "ssl.config").write_text(good)
        with Client(Connection(address, "default", ca_file=certificates / "ca.pem", **known)) as client:
            assert client.status() == {1: "AVAILABLE"}
    finally:
        assert running.end() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "client.key"}, "Key and certificates must be PEM and match"),
        ({"ca": None}, "Clients can be verified with a custom_ca only"),
    ],
)
def test_certificates_that_do_not_match_are_refused(certificates, version_folder, capsys, changes, message):
    path = ssl_config(certificates, **changes, name="wrong.config")
    words = ["--port", "0", "--model_base_path", str(version_folder.parent), "--ssl_config_file", str(path)]
    assert main(words) == 2
    assert message in capsys.readouterr().err
