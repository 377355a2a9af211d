"""compose.yaml, the rules of Prometheus and the dashboard of Grafana, by their parsers and by a running server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from running_server import rest_request

from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.model_config import read_model_config, read_small_config

SERVING = Path(__file__).parents[2] / "serving"
COMPOSE = yaml.safe_load((SERVING / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
MADE_BY_THE_USER = {"./tls", "./proxy/secrets", "./proxy/page"}
ALERTS = yaml.safe_load((SERVING / "prometheus" / "alerts.yml").read_text())
DASHBOARD = json.loads((SERVING / "grafana" / "dashboards" / "json" / "rugan.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture
def promtool(tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool, of the Debian package prometheus")

    def run(*words, text=None):
        if text is not None:
            (tmp_path / "file.yml").write_text(text)
            words = (*words, tmp_path / "file.yml")
        return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)

    return run


def test_images_are_pinned_and_folders_exist():
    for service in SERVICES.values():
        assert re.fullmatch(r"[\w/-]+:v?\d[\w.-]+", service["image"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source not in MADE_BY_THE_USER and source not in COMPOSE["volumes"]:
                assert (SERVING / source).exists(), source


def test_folders_are_mounted_where_files_are_read_again():
    for name in ("serving", "serving-gpu", "prometheus", "grafana"):
        for volume in SERVICES[name]["volumes"]:
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (SERVING / source).is_dir(), volume


def test_ports_of_the_host_do_not_collide():
    ports = [port.rpartition(":")[0] for service in SERVICES.values() for port in service["ports"]]
    assert len(set(ports)) == len(ports)
    numbers = [re.search(r":-(\d+)\}", port)[1] for port in ports]
    assert len(set(numbers)) == len(numbers)
    outside = {name for name, service in SERVICES.items() for port in service["ports"] if "127.0.0.1" not in port}
    assert outside == {"proxy"}


@pytest.mark.parametrize("name", list(SERVICES))
def test_services_may_do_no_more_than_they_must(name):
    service = SERVICES[name]
    assert service["init"] is True  # process 1 takes no SIGTERM that it does not ask for
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", ["serving", "serving-gpu"])
def test_official_server_gets_what_its_source_asks_for(name):
    service = SERVICES[name]
    flags = dict(word.removeprefix("--").split("=", 1) for word in service["command"])
    assert service["entrypoint"] == ["/usr/bin/tensorflow_model_server"]
    assert flags["allow_version_labels_for_unavailable_models"] == "true"
    assert float(flags["model_config_file_poll_wait_seconds"]) > 0
    assert "grpc.max_connection_age_ms" in flags["grpc_channel_arguments"]
    assert flags["tensorflow_intra_op_parallelism"] == str(SERVICES["serving"]["cpus"])


def test_configuration_files_are_read_by_a_server():
    config = read_model_config(SERVING / "config" / "models.config")["porous_graphene"]
    mounted = {volume.split(":")[1] for volume in SERVICES["serving"]["volumes"]}
    assert str(config.base_path) in mounted
    prometheus = read_small_config(SERVING / "config" / "monitoring.config", "MonitoringConfig").prometheus_config
    [scraped] = yaml.safe_load((SERVING / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert (prometheus.enable, prometheus.path) == (True, scraped["metrics_path"])
    [discovered] = scraped["dns_sd_configs"]
    assert discovered["names"] == ["serving"]
    assert discovered["port"] == 8501


def test_health_check_of_the_container_tells_a_server_that_answers(graphene):
    *shell, script = SERVICES["serving"]["healthcheck"]["test"][1:]
    assert shell == ["bash", "-c"]
    port = graphene.rest.rpartition(":")[2]
    for found, expected in ((port, 0), ("9", 1)):
        done = subprocess.run([*shell, script.replace("8501", found)], capture_output=True, timeout=30, check=False)
        assert done.returncode == expected


def test_alerts_are_the_same_in_the_cluster():
    documents = yaml.safe_load_all((SERVING / "kubernetes" / "monitoring.yaml").read_text())
    [rule] = [one for one in documents if one["kind"] == "PrometheusRule"]
    assert rule["spec"]["groups"] == ALERTS["groups"]


def test_rules_and_expressions_are_promql(promtool):
    checked = promtool("check", "config", SERVING / "prometheus" / "prometheus.yml")
    assert checked.returncode == 0, checked.stderr
    rules = [{"record": f"panel:{index}", "expr": expression} for index, expression in enumerate(EXPRESSIONS)]
    checked = promtool("check", "rules", text=yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert checked.returncode == 0, checked.stderr
    assert promtool("check", "rules", text="groups: [{name: x, rules: [{record: y, expr: 'sum('}]}]").returncode != 0


def series(name, values, **labels):
    told = ",".join(f'{label}="{value}"' for label, value in ({"__name__": name} | labels).items())
    return {"series": f"{{{told}}}", "values": values}


def test_alerts_fire_when_they_should_and_no_share_is_missing_without_failures(promtool):
    count, loads = ":tensorflow:serving:request_count", ":tensorflow:cc:saved_model:load_attempt_count"
    given = [
        series(count, "0+95x40", model_name="m", status="OK"),
        series(count, "0+5x40", model_name="m", status="INTERNAL"),
        series(count, "0+9x40", model_name="quiet", status="OK"),
        series(loads, "0 0 0 0 1x36", model_path="/m/2", status="fail"),
        series("up", "1x40", job="tensorflow-serving"),
    ]
    share = next(one for one in EXPRESSIONS if 'status!="OK"' in one and "request_count" in one)

    def fires(name, **labels):
        [rule] = [rule for rule in ALERTS["groups"][0]["rules"] if rule["alert"] == name]
        summary = rule["annotations"]["summary"]
        for label, value in labels.items():
            summary = summary.replace("{{ $labels." + label + " }}", value)
        return [{"exp_labels": rule["labels"] | labels, "exp_annotations": {"summary": summary}}]

    alerts = {
        "RuganServingFaults": fires("RuganServingFaults", model_name="m"),
        "RuganServingVersionNotLoaded": fires("RuganServingVersionNotLoaded", model_path="/m/2"),
        "RuganServingMistakes": [],
        "RuganServingDown": [],
        "RuganServingAbsent": [],
    }
    samples = [
        {"labels": '{model_name="m"}', "value": 0.05},
        {"labels": '{model_name="quiet"}', "value": 0},
    ]
    tests = {
        "rule_files": [str(SERVING / "prometheus" / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": given,
                "alert_rule_test": [
                    {"eval_time": "20m", "alertname": name, "exp_alerts": found} for name, found in alerts.items()
                ],
                "promql_expr_test": [{"expr": share, "eval_time": "20m", "exp_samples": samples}],
            }
        ],
    }
    checked = promtool("test", "rules", text=yaml.safe_dump(tests))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dashboard_asks_for_metrics_that_a_server_tells(graphene):
    wanted = {name for one in EXPRESSIONS for name in re.findall(r'__name__="([^"]+)"', one)}
    labels = {
        label for one in EXPRESSIONS for group in re.findall(r"by \(([^)]*)\)", one) for label in group.split(", ")
    }
    with Client(Connection(graphene.address)) as client:
        client.generate([-2.0], 4, 4)
    text = rest_request(f"{graphene.rest}/monitoring/prometheus/metrics")[1]
    told = {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    assert wanted
    assert wanted <= told
    assert all(f'{label}="' in text for label in labels - {"pod", "instance"})  # those two Prometheus adds


def test_latency_is_asked_for_as_rest_and_as_grpc_name_it():
    patterns = {found for one in EXPRESSIONS for found in re.findall(r'API=~"([^"]+)"', one)}
    assert patterns
    for pattern in patterns:
        assert re.fullmatch(pattern, "Predict")  # gRPC
        assert re.fullmatch(pattern, "predict")  # REST
