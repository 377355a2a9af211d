"""What serving/README.md and docs/serving.md show: commands that are taken, files that exist, answered requests."""

import ast
import contextlib
import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from rugan_tf.config import parse_command
from rugan_tf.serve import __main__ as serve_door
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.model_config import models_of

ROOT = Path(__file__).parents[2]
SERVING = ROOT / "serving"
README = (SERVING / "README.md").read_text("utf-8")
TEXT = README + (ROOT / "docs" / "serving.md").read_text("utf-8")
COMMANDS = re.findall(r"^ {4}(\S.*)$", TEXT, re.MULTILINE)
OURS = [line for line in COMMANDS if line.startswith("python -m rugan_tf.")]
CURLS = [line for line in COMMANDS if line.startswith("curl -s http:")]
MADE_BY_THE_READER = {"tls", "proxy/secrets", "proxy/page"}


@pytest.fixture(scope="module")
def running(graphene):
    return graphene


@pytest.fixture(scope="module")
def expected(running):
    with Client(Connection(running.address)) as client:
        return client.generate([-2.6], 28, 32, seed=0)


def parse(monkeypatch, name, words):
    """Return the options that a command reads, without what it does with them."""
    module = importlib.import_module(name)
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{name}.__main__")
    monkeypatch.setattr(module, "run_command", lambda prog, known, given: parse_command(prog, known, given)[0])
    return module.main(words)


def test_readme_shows_every_way_to_ask():
    doors = {line.split()[2] for line in OURS}
    assert doors == {"rugan_tf.serve", "rugan_tf.client", "rugan_tf.export"}
    assert len(CURLS) == 4
    assert sum(line.startswith("grpcurl ") for line in COMMANDS) == 1


@pytest.mark.parametrize("line", OURS)
def test_command_is_taken(monkeypatch, line):
    _, _, name, *words = shlex.split(line)
    assert parse(monkeypatch, name, words) is not None


def flags_of_official_servers():
    """Return the flags that README, compose.yaml and the manifests give TensorFlow Serving."""
    for line in COMMANDS:
        if line.startswith("docker run"):
            yield shlex.split(line.partition("tensorflow/serving:2.20.0 ")[2])
    for name, service in yaml.safe_load((SERVING / "compose.yaml").read_text())["services"].items():
        if name.startswith("serving"):
            yield service["command"]
    for path in (SERVING / "kubernetes").glob("deployment-*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text()):
            if manifest["kind"] == "Deployment":
                yield [
                    word.replace("$(CPU_LIMIT)", "2")
                    for word in manifest["spec"]["template"]["spec"]["containers"][0]["args"]
                ]


@pytest.mark.parametrize("words", list(flags_of_official_servers()))
def test_flags_of_the_official_server_are_taken_by_the_embedded_one(monkeypatch, words):
    assert words
    if not any(word.startswith("--rest_api_port") for word in words):
        words = [*words, "--rest_api_port=8501"]  # the entry point of the image adds it
    taken = parse(monkeypatch, serve_door.__name__, words)
    assert taken.model_config_file or taken.model_base_path


def test_no_command_stands_twice():
    assert len(COMMANDS) == len(set(COMMANDS))


def test_readme_is_short_and_begins_with_what_to_run():
    assert README.count("\n") <= 230
    assert README.index("python -m rugan_tf.serve ") < README.index("](page.png)") < README.index("| **identical** |")


def test_files_that_are_named_exist():
    named = set(re.findall(r"(?:^|[\s`\"/])(serving/[\w./-]+[\w]|tests/[\w./]+\.py)", TEXT))
    named |= {
        f"serving/{name}" for name in re.findall(r"`((?:proxy|grafana|kubernetes|prometheus|config)/[\w./-]+)`", TEXT)
    }
    assert len(named) > 8
    for name in named:
        inside = name.removeprefix("serving/")
        assert (ROOT / name).exists() or any(inside.startswith(made) for made in MADE_BY_THE_READER), name


def test_links_lead_to_headings():
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([\w-]+)\)", README))
    assert links
    assert links <= headings


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("line", CURLS)
def test_curl_is_answered(running, line):
    words = shlex.split(line.replace("http://localhost:8501", running.rest))
    done = subprocess.run([*words, "-f"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout).keys() & {"model_version_status", "metadata", "outputs", "predictions"}


def test_python_example_runs(running, expected):
    [block] = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile(ast.parse(block.replace("localhost:8500", running.address)), "README", "exec"), names)
    np.testing.assert_array_equal(names["states"][0], expected[0][0])
    assert names["atoms"].pbc.tolist() == [True, True, False]
    np.testing.assert_array_equal(names["per_area"], names["obtained"])


def test_request_for_grpcurl_is_answered_with_the_messages_of_the_protoset(running, expected, tmp_path):
    path = tmp_path / "serving.protoset"
    made = subprocess.run(
        [sys.executable, SERVING / "make_protoset.py", path], capture_output=True, text=True, check=True
    )
    assert "tensorflow.serving.PredictionService" in made.stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
        pool.Add(file)  # raises where an import is missing, or comes later
    words = shlex.split(next(line for line in COMMANDS if line.startswith("grpcurl ")))
    service, _, method = words[-1].rpartition("/")
    described = pool.FindServiceByName(service).FindMethodByName(method)
    request = message_factory.GetMessageClass(described.input_type)()
    json_format.Parse(words[words.index("-d") + 1], request, descriptor_pool=pool)
    with grpc.insecure_channel(running.address) as channel:
        content = channel.unary_unary(f"/{service}/{method}")(request.SerializeToString(), timeout=60)
    response = message_factory.GetMessageClass(described.output_type).FromString(content)
    np.testing.assert_array_equal(response.outputs["states"].int_val, expected[0].ravel())


def test_versions_and_labels_that_are_shown_are_read():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    shown = "\n".join(line for line in COMMANDS if line.startswith(("model_version_policy", "version_labels")))
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(f'model_config_list {{ config {{ name: "m" base_path: "/m" {shown} }} }}', config)
    model = models_of(config, "README")["m"]
    assert model.policy.choose([1, 2, 3]) == [1, 2]
    assert dict(model.labels) == {"stable": 1, "canary": 2}


def test_command_of_the_client_writes_a_sheet(running, expected, tmp_path, capsys):
    from rugan_tf.serve.client.__main__ import main

    line = next(line for line in OURS if "client generate" in line and "--num-sheets 4" in line)
    words = shlex.split(line)[3:]
    words[words.index("--out") + 1] = str(tmp_path / "sheets.npz")
    assert main([*words, "--server", running.address]) == 0
    with contextlib.closing(np.load(tmp_path / "sheets.npz")) as content:
        np.testing.assert_array_equal(content["states"][0], expected[0][0])
    assert "4 sheets of 28x32 cells" in capsys.readouterr().out
