"""The deployment files, by real validators and, where that can run here, by the servers that read them."""

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from running_server import RunningServer, rest_request

from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.model_config import read_model_config, read_small_config

SERVING = Path(__file__).parents[2] / "serving"
MANIFESTS = list(yaml.safe_load_all((SERVING / "kubernetes" / "serving.yaml").read_text()))


@pytest.fixture
def base(version_folder):
    return version_folder.parent


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[one["kind"] for one in MANIFESTS])
def test_kubernetes_manifests_are_valid(manifest):
    kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_validator_refuses_what_is_wrong():
    deployment = next(one for one in MANIFESTS if one["kind"] == "Deployment")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**deployment, "spec": {**deployment["spec"], "replica": 3}}, "1.34", strict=True)


def test_kubernetes_names_and_ports_fit_together():
    by_kind = {one["kind"]: one for one in MANIFESTS}
    pod = by_kind["Deployment"]["spec"]["template"]
    assert by_kind["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    container = pod["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in by_kind["Service"]["spec"]["ports"]} == set(ports)
    assert f"--port={ports['grpc']}" in container["args"]
    assert f"--rest_api_port={ports['rest']}" in container["args"]
    assert (
        by_kind["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == by_kind["Deployment"]["metadata"]["name"]
    )
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    for argument in container["args"]:
        if "config_file=" in argument:
            path = Path(argument.partition("=")[2])
            assert str(path.parent) in mounted
            assert path.name in by_kind["ConfigMap"]["data"]


@pytest.mark.parametrize("source", ["folder", "kubernetes"])
def test_configuration_files_are_read_by_a_server(source, tmp_path):
    if source == "folder":
        models, monitoring = SERVING / "models.config", SERVING / "monitoring.config"
    else:
        data = next(one for one in MANIFESTS if one["kind"] == "ConfigMap")["data"]
        for name, text in data.items():
            (tmp_path / name).write_text(text)
        models, monitoring = tmp_path / "models.config", tmp_path / "monitoring.config"
    config = read_model_config(models)["porous_graphene"]
    assert str(config.base_path) == "/models/porous_graphene"
    prometheus = read_small_config(monitoring, "MonitoringConfig").prometheus_config
    assert prometheus.enable
    scraped = yaml.safe_load((SERVING / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["metrics_path"] == prometheus.path


def test_compose_mounts_what_exists_and_pins_every_image():
    services = yaml.safe_load((SERVING / "compose.yaml").read_text())["services"]
    assert {"serving", "serving-gpu", "proxy", "prometheus", "grafana"} == set(services)
    made_by_the_user = {"./tls", "./proxy/tokens.conf", "../saved_models/porous_graphene"}
    for service in services.values():
        assert re.fullmatch(r"[\w/-]+:v?\d[\w.-]+", service["image"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in made_by_the_user or (SERVING / source).exists()
    targets = yaml.safe_load((SERVING / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]
    assert targets["targets"] == ["serving:8501"]


def test_dashboard_asks_for_metrics_that_a_server_tells(base):
    dashboard = json.loads((SERVING / "grafana" / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    wanted = {name for one in expressions for name in re.findall(r'__name__="([^"]+)"', one)}
    labels = {
        label for one in expressions for group in re.findall(r"by \(([^)]*)\)", one) for label in group.split(", ")
    }
    words = ["--port", 0, "--rest_api_port", 0, "--model_name", "porous_graphene", "--model_base_path", base]
    running = RunningServer(*words, "--monitoring_config_file", SERVING / "monitoring.config")
    try:
        with Client(Connection(running.address)) as client:
            client.generate([-2.0], 4, 4)
        text = rest_request(f"{running.rest}/monitoring/prometheus/metrics")[1]
    finally:
        running.end()
    told = {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    assert wanted
    assert wanted <= told
    assert all(f'{label}="' in text for label in labels)


def test_test_authority_makes_certificates_that_a_server_and_a_client_accept(base, tmp_path):
    script, folder = str(SERVING / "make_test_ca.sh"), tmp_path / "tls"
    made = subprocess.run([script, str(folder), "localhost"], capture_output=True, text=True, check=True)
    assert "ssl.config for --ssl_config_file" in made.stdout
    assert os.stat(folder).st_mode & 0o077 == 0
    again = subprocess.run([script, str(folder)], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "The folder must be new or empty. Received: " in again.stderr
    words = ["--port", 0, "--model_name", "porous_graphene", "--model_base_path", base]
    running = RunningServer(*words, "--ssl_config_file", folder / "ssl.config")
    address = "localhost:" + running.address.rpartition(":")[2]
    pems = {"ca_file": folder / "ca.pem", "cert_file": folder / "client.pem", "key_file": folder / "client.key"}
    try:
        with Client(Connection(address, **pems)) as client:
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
        without = Connection(address, ca_file=folder / "ca.pem", timeout=2)
        with Client(without) as client, pytest.raises(ConnectionError):
            client.generate([-2.0], 4, 4)
    finally:
        assert running.end() == 0


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs the Debian package nginx")
def test_proxy_lets_in_who_has_a_token(base, tmp_path):
    tls = tmp_path / "tls"
    subprocess.run([str(SERVING / "make_test_ca.sh"), str(tls), "localhost"], capture_output=True, check=True)
    running = RunningServer(
        "--port", 0, "--rest_api_port", 0, "--model_name", "porous_graphene", "--model_base_path", base
    )
    (tmp_path / "tokens.conf").write_text('"Bearer secret" alice;\n')
    text = (SERVING / "proxy" / "nginx.conf").read_text()
    text = text.replace("serving:8500", running.address).replace("serving:8501", running.rest.removeprefix("http://"))
    port = free_port()
    text = text.replace("listen 8443 ssl", f"listen 127.0.0.1:{port} ssl").replace("/dev/stdout", str(tmp_path / "log"))
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    if tuple(map(int, re.search(r"(\d+)\.(\d+)\.\d+", version).groups())) < (1, 25):  # before `http2 on`
        text = text.replace("ssl;\n    http2 on;", "ssl http2;")
    text = f"pid {tmp_path}/pid; daemon off;\n" + text
    (tmp_path / "nginx.conf").write_text(text)
    command = ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "errors")]
    proxy = subprocess.Popen(command)
    try:
        known = Connection(f"localhost:{port}", ca_file=tls / "ca.pem", token="secret", timeout=30)
        with Client(known) as client:
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
            with pytest.raises(ValueError, match="PERMISSION_DENIED"):  # ModelService is not for clients
                client.status()
        stranger = Connection(f"localhost:{port}", ca_file=tls / "ca.pem", token="guess", timeout=30)
        with Client(stranger) as client, pytest.raises(ValueError, match="UNAUTHENTICATED"):
            client.generate([-2.0], 4, 4)
        for path, token, expected in (
            ("/v1/models/porous_graphene", "secret", "200"),
            ("/v1/models/porous_graphene", "guess", "401"),
            ("/monitoring/prometheus/metrics", "secret", "403"),
        ):
            words = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(tls / "ca.pem")]
            words += ["-H", f"authorization: Bearer {token}", f"https://localhost:{port}{path}"]
            done = subprocess.run(["curl", *words], capture_output=True, text=True, check=True)
            assert done.stdout == expected
    finally:
        proxy.terminate()
        proxy.wait(30)
        running.end()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
