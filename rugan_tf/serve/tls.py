"""TLS of the server: key and certificates from an SSLConfig, read again when the file changes."""

import logging
import ssl
import tempfile
from pathlib import Path
from typing import Any

import grpc

from rugan_tf.errors import InputError
from rugan_tf.serve.model_config import read_small_config

LOGGER = logging.getLogger(__name__)


def server_credentials(path: Path) -> grpc.ServerCredentials:
    """Return credentials from an SSLConfig; a renewed certificate in the file is shown to the next connection.

    Raises:
        InputError: key and certificate do not match, or clients are to be verified without a CA.
    """
    config = read_ssl_config(path)
    seen = [changed_at(path)]

    def renewed() -> Any:
        if changed_at(path) == seen[0]:
            return None
        # Before it is read, so that a file with an error is told of once and not at every connection.
        seen[0] = changed_at(path)
        try:
            again = read_ssl_config(path)
        except (ValueError, OSError) as error:
            LOGGER.error("the certificate is left as it was: %s", error)
            return None
        LOGGER.info("the certificate is that of %s now", path)
        return configuration_of(again)

    return grpc.dynamic_ssl_server_credentials(
        configuration_of(config), renewed, require_client_authentication=config.client_verify
    )


def changed_at(path: Path) -> tuple[int, int]:
    """Return what tells a file from the one that was there before it; zeros while there is none."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def configuration_of(config: Any) -> Any:
    """Return what gRPC takes."""
    return grpc.ssl_server_certificate_configuration(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
    )


def read_ssl_config(path: Path) -> Any:
    """Read an SSLConfig whose key and certificates match.

    Raises:
        InputError: they do not, or clients are to be verified without a CA.
    """
    config = read_small_config(path, "SSLConfig")
    if not config.server_key or not config.server_cert:
        raise InputError(f"An SSLConfig must hold server_key and server_cert. Received: {path}")
    if config.client_verify and not config.custom_ca:
        raise InputError(f"Clients can be verified with a custom_ca only. Received: {path} without one")
    # In files, since Python reads a chain from nothing else; the key is never readable for others.
    with tempfile.TemporaryDirectory() as folder:
        key, cert = Path(folder, "key"), Path(folder, "cert")
        key.touch(mode=0o600)
        key.write_text(config.server_key)
        cert.write_text(config.server_cert)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            if config.custom_ca:
                context.load_verify_locations(cadata=config.custom_ca)
        except ssl.SSLError as error:
            raise InputError(f"Key and certificates must be PEM and match. Received: {path} ({error})") from None
    return config
