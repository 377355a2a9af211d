"""Where a server is, how to speak with it, and why that fails."""

import dataclasses
import socket
import ssl
from pathlib import Path

import grpc

from rugan_tf.config import OptionGroup
from rugan_tf.errors import InputError
from rugan_tf.systems import DEFAULT_SYSTEM

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.lb_policy_name", "round_robin"),  # over all addresses that the name of the server has
    # the longest pause between attempts to connect: a server that comes back is found within the time for an answer
    ("grpc.max_reconnect_backoff_ms", 2000),
]
PROBE_TIMEOUT = 2.0  # s
ALERT_WAIT = 0.5  # s, for a server that refuses a client's certificate only after the handshake


@dataclasses.dataclass(frozen=True)
class Connection(OptionGroup):
    """Where a server is, and how to speak with it."""

    server: str = "localhost:8500"
    """Address of gRPC: host:port, or unix:PATH."""
    model_name: str = DEFAULT_SYSTEM
    """Name of the model."""
    timeout: float = 60.0
    """Time for an answer, retries included, s; more than 0."""
    ca_file: Path | None = None
    """Certificate of the authority, PEM: speak TLS."""
    tls: bool = False
    """Speak TLS, and trust the authorities that this machine trusts; --ca-file trusts its own instead."""
    cert_file: Path | None = None
    """Certificate of this client, PEM, where the server verifies clients."""
    key_file: Path | None = None
    """Key of that certificate, PEM."""
    token: str | None = None
    """Sent as `authorization: Bearer TOKEN`, for a proxy in front of the server."""
    insecure: bool = False
    """Send the token although nothing is encrypted."""
    wait: float = 3.0
    """Time for a server that nobody reached yet to listen, s, at most --timeout; more for one that is starting."""

    def __post_init__(self) -> None:
        """Refuse what would end the process within gRPC, or send secrets in the clear."""
        if self.server.startswith(("http://", "https://")):
            raise InputError(f"server must be host:port of gRPC, without http://. Received: server={self.server}")
        if (self.cert_file is None) != (self.key_file is None):
            raise InputError(
                "cert_file and key_file must be given together. "
                f"Received: cert_file={self.cert_file}, key_file={self.key_file}"
            )
        if self.cert_file is not None and not self.is_encrypted:
            raise InputError("A client certificate needs TLS: ca_file or tls must be given. Received: neither")
        if self.token is not None and not self.is_encrypted and not self.insecure:
            raise InputError(
                "A token must not be sent unencrypted: ca_file, tls or insecure must be given. Received: none of them"
            )
        if self.timeout <= 0:
            raise InputError(f"timeout must be positive. Received: timeout={self.timeout}")
        if not self.wait >= 0:
            raise InputError(f"wait must not be negative. Received: wait={self.wait}")

    @property
    def is_encrypted(self) -> bool:
        """Return whether TLS is spoken."""
        return self.tls or self.ca_file is not None


def open_channel(connection: Connection) -> grpc.Channel:
    """Return a channel.

    Raises:
        OSError: a certificate file is missing.
        InputError: a file does not hold what it should.
    """
    if not connection.is_encrypted:
        return grpc.insecure_channel(connection.server, CHANNEL_OPTIONS)
    client_context(connection)  # gRPC would end the process, or say no more than that it cannot connect
    pems = (connection.ca_file, connection.key_file, connection.cert_file)
    read = [None if path is None else path.read_bytes() for path in pems]
    return grpc.secure_channel(connection.server, grpc.ssl_channel_credentials(*read), CHANNEL_OPTIONS)


def client_context(connection: Connection) -> ssl.SSLContext:
    """Return what Python's own TLS needs to connect.

    Raises:
        OSError: a file is missing.
        InputError: a file does not hold what it should.
    """
    try:
        context = ssl.create_default_context(cafile=connection.ca_file)
        if connection.cert_file is not None:
            context.load_cert_chain(connection.cert_file, connection.key_file)
    except ssl.SSLError as error:
        given = [str(path) for path in (connection.ca_file, connection.cert_file, connection.key_file) if path]
        raise InputError(
            "Certificates and key must be PEM, and the key that of the certificate. "
            f"Received: {', '.join(given)} ({error})"
        ) from None
    # Servers of gRPC may refuse whoever does not say HTTP/2.
    context.set_alpn_protocols(["h2"])
    return context


def why_unreachable(connection: Connection) -> str:
    """Return why waiting longer does not reach a server, by a connection made by hand; empty where it may."""
    if connection.server.startswith("unix:"):
        return why_no_socket(Path(connection.server.removeprefix("unix:").removeprefix("//")))
    host, _, port = connection.server.removeprefix("dns:///").rpartition(":")
    if not host or not port.isdecimal():
        return ""
    try:
        with socket.create_connection((host, int(port)), PROBE_TIMEOUT) as plain:
            found = why_no_tls(connection, plain, host.strip("[]"))
        return found or ("" if connection.is_encrypted else why_no_grpc(host, int(port)))
    except TimeoutError:  # a machine that is starting, or behind a proxy that gRPC asks and this function does not
        return ""
    except OSError as error:
        return str(error)


def why_no_grpc(host: str, port: int) -> str:
    """Return that a server speaks HTTP/1, as REST does, where gRPC is asked for; empty where it does not."""
    with socket.create_connection((host, port), PROBE_TIMEOUT) as plain:
        plain.settimeout(ALERT_WAIT)
        # A server of gRPC answers this with frames of HTTP/2, or closes the connection.
        plain.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            is_http1 = plain.recv(5) == b"HTTP/"
        except (TimeoutError, ConnectionResetError):
            return ""
    return "what listens there speaks HTTP/1, as REST does: the server must be the port of gRPC" if is_http1 else ""


def why_no_socket(path: Path) -> str:
    """Return why nothing is reached on a UNIX socket; empty where something listens."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
            plain.connect(str(path))
    except OSError as error:
        return f"{error}: {path}"
    return ""


def why_no_tls(connection: Connection, plain: socket.socket, host: str) -> str:
    """Return why TLS fails on a connection, or that the other side speaks it and this one does not."""
    # Unverified, as it only asks whether there is TLS; nothing is sent.
    context = client_context(connection) if connection.is_encrypted else ssl._create_unverified_context()
    try:
        with context.wrap_socket(plain, server_hostname=host) as encrypted:
            if not connection.is_encrypted:
                return "the server speaks TLS: ca_file or tls must be given"
            # In TLS 1.3 a client is through before the server has looked at its certificate.
            encrypted.settimeout(ALERT_WAIT)
            if not encrypted.recv(1):  # a server of gRPC speaks first, if it speaks
                wanted = "" if connection.cert_file else "; it may want a client certificate: cert_file and key_file"
                return f"the server refuses this client after the handshake{wanted}"
    except ssl.SSLCertVerificationError as error:
        return f"the server's certificate is refused: {error.verify_message}"
    except TimeoutError:
        return ""
    except ssl.SSLError as error:
        if not connection.is_encrypted:
            return "" if "WRONG_VERSION_NUMBER" in str(error) else "the server speaks TLS: ca_file or tls must be given"
        if "WRONG_VERSION_NUMBER" in str(error):
            return "the server does not speak TLS"
        return f"the server refuses this client: {error.reason or error}"
    except OSError as error:
        return str(error) if connection.is_encrypted else ""
    return ""
