"""The manifests, by the schema of Kubernetes, by each other, and by what TensorFlow Serving's source says of flags."""

import copy
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.model_config import read_model_config, read_small_config

KUBERNETES = Path(__file__).parents[2] / "serving" / "kubernetes"
FILES = {path.name: list(yaml.safe_load_all(path.read_text())) for path in sorted(KUBERNETES.glob("*.yaml"))}
WAYS = ["deployment-image.yaml", "deployment-object-storage.yaml"]
HEALTH_SERVICES = {"", "ModelService", "PredictionService"}  # that the official server sets
MANIFESTS = [
    pytest.param(one, id=f"{name}:{one['kind']}")
    for name, documents in FILES.items()
    for one in documents
    if not one["apiVersion"].startswith("monitoring.coreos.com/")  # of the Prometheus operator, not of Kubernetes
]


def of_kind(name, kind):
    return next(one for one in FILES[name] if one["kind"] == kind)


def pod_of(name):
    return of_kind(name, "Deployment")["spec"]["template"]


def container_of(name):
    [container] = pod_of(name)["spec"]["containers"]
    return container


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_manifests_are_valid(manifest):
    kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_validator_refuses_what_is_wrong():
    wrong = copy.deepcopy(of_kind(WAYS[0], "Deployment"))
    wrong["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


@pytest.mark.parametrize("way", WAYS)
def test_names_and_ports_fit_together(way):
    common, pod, container = "common.yaml", pod_of(way), container_of(way)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in of_kind(common, "Service")["spec"]["ports"]} == set(ports)
    assert {f"--port={ports['grpc']}", f"--rest_api_port={ports['rest']}"} <= set(container["args"])
    scaled = of_kind(common, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["name"] == of_kind(way, "Deployment")["metadata"]["name"]
    assert pod["spec"]["serviceAccountName"] == of_kind(common, "ServiceAccount")["metadata"]["name"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert "/config" in mounted  # the folder: polling would not see another file in the place of one that is mounted
    for argument in container["args"]:
        if "config_file=" in argument:
            path = Path(argument.partition("=")[2])
            assert str(path.parent) in mounted
            assert path.name in of_kind(common, "ConfigMap")["data"]


@pytest.mark.parametrize("way", WAYS)
def test_selectors_choose_the_pods(way):
    labels = pod_of(way)["metadata"]["labels"]
    chosen = [of_kind("common.yaml", "Service")["spec"]["selector"]]
    for name, kind, field in (
        ("common.yaml", "NetworkPolicy", "podSelector"),
        ("common.yaml", "PodDisruptionBudget", "selector"),
        (way, "NetworkPolicy", "podSelector"),
        (way, "Deployment", "selector"),
    ):
        chosen.append(of_kind(name, kind)["spec"][field]["matchLabels"])
    assert all(selector.items() <= labels.items() for selector in chosen)


@pytest.mark.parametrize("way", WAYS)
def test_autoscaler_alone_decides_how_many(way):
    assert "replicas" not in of_kind(way, "Deployment")["spec"]
    assert container_of(way)["resources"]["requests"]["cpu"]  # what `Utilization` is a share of


@pytest.mark.parametrize("way", WAYS)
def test_probes_ask_for_what_the_official_server_knows(way):
    """Its health service knows no models; its REST port opens when the versions at the start are loaded."""
    container = container_of(way)
    assert container["startupProbe"]["httpGet"]["path"] == "/v1/models/porous_graphene"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/porous_graphene"
    assert container["livenessProbe"]["grpc"]["service"] in HEALTH_SERVICES
    assert "--enable_grpc_healthcheck_service=true" in container["args"]


@pytest.mark.parametrize("way", WAYS)
def test_pod_ends_although_the_server_as_process_1_takes_no_sigterm(way):
    spec, [_, seconds] = pod_of(way)["spec"], container_of(way)["lifecycle"]["preStop"]["exec"]["command"]
    timeout = next(one for one in container_of(way)["args"] if one.startswith("--rest_api_timeout_in_ms="))
    assert spec["shareProcessNamespace"] is True
    assert int(timeout.partition("=")[2]) / 1000 < int(seconds) < spec["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("way", WAYS)
def test_flags_that_the_source_asks_for_are_given(way):
    container = container_of(way)
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in container["args"])
    assert flags["allow_version_labels_for_unavailable_models"] == "true"  # else labels are refused at every poll
    assert float(flags["model_config_file_poll_wait_seconds"]) > 0
    channel = dict(one.split("=") for one in flags["grpc_channel_arguments"].split(","))
    assert int(channel["grpc.max_connection_age_ms"]) > 0  # else clients never see new pods
    assert flags["tensorflow_intra_op_parallelism"] == flags["tensorflow_inter_op_parallelism"] == "$(CPU_LIMIT)"
    [limit] = [one for one in container["env"] if one["name"] == "CPU_LIMIT"]
    assert limit["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    assert container["resources"]["limits"]["cpu"]


@pytest.mark.parametrize("way", WAYS)
def test_pods_may_do_no_more_than_they_must(way):
    spec = pod_of(way)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsUser"]
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_both_ways_differ_only_in_where_the_model_comes_from():
    image, storage = (copy.deepcopy(of_kind(way, "Deployment")) for way in WAYS)
    spec = storage["spec"]["template"]["spec"]
    [init] = spec.pop("initContainers")
    assert {mount["name"] for mount in init["volumeMounts"]} >= {"models"}
    spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] != "models"]
    [container] = spec["containers"]
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] != "models"]
    container["image"] = image["spec"]["template"]["spec"]["containers"][0]["image"]
    assert storage == image


def test_configuration_of_the_cluster_is_read_by_a_server(tmp_path):
    for name, text in of_kind("common.yaml", "ConfigMap")["data"].items():
        (tmp_path / name).write_text(text)
    config = read_model_config(tmp_path / "models.config")["porous_graphene"]
    assert config.base_path.is_absolute()  # the official server refuses any other
    prometheus = read_small_config(tmp_path / "monitoring.config", "MonitoringConfig").prometheus_config
    monitor = of_kind("monitoring.yaml", "ServiceMonitor")["spec"]
    assert (prometheus.enable, prometheus.path) == (True, monitor["endpoints"][0]["path"])
    service = of_kind("common.yaml", "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_image_holds_the_model_where_the_configuration_looks():
    lines = (KUBERNETES / "model.Dockerfile").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    assert [one[0] for one in words] == ["FROM", "COPY", "ENTRYPOINT"]
    _, _, source, target = words[1]
    assert (version_folder(KUBERNETES.parents[1] / source) / "saved_model.pb").is_file()
    text = of_kind("common.yaml", "ConfigMap")["data"]["models.config"]
    assert f'base_path: "{target}"' in text
    tracked = subprocess.run(["git", "check-ignore", source], cwd=KUBERNETES.parents[1], check=False)
    assert tracked.returncode != 0
