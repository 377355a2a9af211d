"""One training on one device, on two, and on two machines: losses and weights must be the same."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tiny_run import arguments, write_sheets

from rugan_tf.data.pipeline import training_batches
from rugan_tf.train import devices
from rugan_tf.train.__main__ import main

HERE = Path(__file__).parent


def start(out, number=1, tf_config=None, *, xla=False):
    words = [sys.executable, str(HERE / "equal_devices.py"), str(number), str(out), *(["xla"] if xla else [])]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if tf_config is not None:
        environment["TF_CONFIG"] = json.dumps(tf_config)
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def config(workers, index):
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Arrays that the same three steps leave, by how they were trained."""
    folder = tmp_path_factory.mktemp("results")
    workers = [f"localhost:{port}" for port in free_ports(2)]
    started = {
        "one": start(folder / "one.npz"),
        "two": start(folder / "two.npz", 2),
        "first worker": start(folder / "first worker.npz", tf_config=config(workers, 0)),
        "second worker": start(folder / "second worker.npz", tf_config=config(workers, 1)),
        "one by XLA": start(folder / "one by XLA.npz", xla=True),
        "two by XLA": start(folder / "two by XLA.npz", 2, xla=True),
    }
    for name, process in started.items():
        printed = process.communicate(timeout=400)[0]
        assert process.returncode == 0, f"{name}: {printed}"
    return {name: dict(np.load(folder / f"{name}.npz")) for name in started}


@pytest.mark.parametrize(
    ("expected", "received"),
    [("one", "two"), ("one", "first worker"), ("one", "second worker"), ("one by XLA", "two by XLA")],
)
def test_devices_and_machines_give_what_one_device_gives(results, expected, received):
    one, other = results[expected], results[received]
    assert (one["replicas"], other["replicas"]) == (1, 2)
    assert one["moved"].sum() >= 7  # all but the bias of the score, which no loss depends on
    for name in one.keys() - {"replicas", "moved"}:
        np.testing.assert_allclose(other[name], one[name], atol=1e-5, err_msg=name)
    assert any(name.startswith("log-") for name in one)


def test_sheets_are_put_so_that_replicas_share_every_batch():
    states = np.arange(24, dtype=np.uint8)[:, None, None] % 4 * np.ones((1, 2, 2), np.uint8)
    settings = {"batch_size": 12, "seed": 3, "period": (1, 2), "critic_steps": 3}
    label = np.arange(24, dtype=np.float32)
    one = next(iter(training_batches(states, label, **settings)))["label"].numpy()
    two = next(iter(training_batches(states, label, **settings, num_replicas=2)))["label"].numpy()
    batches, halves = one.reshape(3, 4), two.reshape(2, 3, 2)
    for step in range(3):
        np.testing.assert_array_equal(np.concatenate(halves[:, step]), batches[step])
    with pytest.raises(ValueError, match=r"multiple of critic_steps times num_replicas. Received: batch_size=12"):
        training_batches(states, label, **settings, num_replicas=8)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        json.dumps(config(["localhost:1"], 1)),
        json.dumps(config(["localhost:x"], 0)),
        json.dumps(config(["localhost:1"], "0")),
        json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}),
        json.dumps({"cluster": {"worker": [5]}, "task": {"type": "worker", "index": 0}}),
    ],
)
def test_malformed_tf_config_is_refused(text):
    with pytest.raises(ValueError, match=r"TF_CONFIG must be JSON .* Received: ") as raised:
        devices.read_tf_config(text)
    assert str(raised.value).endswith(text)


def test_dead_worker_is_named(monkeypatch):
    mine, dead = (f"localhost:{port}" for port in free_ports(2))
    monkeypatch.setattr(devices, "PATIENCE", 0.5)
    with pytest.raises(ConnectionError, match=rf"must answer within 0.5 s. Received: .* from {dead}"):
        devices.require_workers(json.dumps(config([mine, dead], 0)))


def test_taken_port_of_a_worker_is_named():
    with socket.create_server(("", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=rf"must be free. Received: .* for {address}"):
            devices.require_workers(json.dumps(config([address, "localhost:1"], 0)))


def test_more_gpus_than_there_are_and_devices_beside_tf_config_are_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"] if kind == "GPU" else [])
    with pytest.raises(ValueError, match=r"at most the number of GPUs. Received: devices=2, GPUs=1"):
        devices.distribution_strategy(2)
    monkeypatch.setenv("TF_CONFIG", json.dumps(config(["localhost:1"], 0)))
    with pytest.raises(ValueError, match=r"without TF_CONFIG. Received: --devices 2"):
        devices.distribution_strategy(2)


def test_all_gpus_are_used_unless_devices_says_otherwise(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a", "b", "c"] if kind == "GPU" else [])
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda devices: ("mirrored", devices))
    assert devices.distribution_strategy(None) == ("mirrored", ["GPU:0", "GPU:1", "GPU:2"])
    assert devices.distribution_strategy(2) == ("mirrored", ["GPU:0", "GPU:1"])
    assert devices.distribution_strategy(1) is tf.distribute.get_strategy()


def test_loss_of_a_worker_is_told_in_one_line():
    lost = tf.errors.UnavailableError(None, None, "Collective ops is aborted")
    alone, two = tf.distribute.get_strategy(), SimpleNamespace(cluster_resolver=resolver(["a:1", "b:1"]))
    told = r"start all of them again with --resume. Received: one was lost; last good checkpoint: here"
    with pytest.raises(ConnectionError, match=told), devices.told_of_lost_workers(two, lambda: "here"):
        raise lost
    with pytest.raises(tf.errors.UnavailableError), devices.told_of_lost_workers(alone, lambda: "here"):
        raise lost


def resolver(workers):
    return SimpleNamespace(cluster_spec=lambda: tf.train.ClusterSpec({"worker": workers}))


def start_workers(data, run_dir, *others):
    """Start a long training on two workers; return them when the first checkpoint they write is there."""
    workers = [f"localhost:{port}" for port in free_ports(2)]
    words = arguments(data, run_dir, "--num-updates", "100000", "--interval", "4", *others)
    before = set(run_dir.glob("checkpoints/c*"))
    processes = []
    for index in range(2):
        environment = {**os.environ, "TF_CONFIG": json.dumps(config(workers, index)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-m", "rugan_tf.train", *words]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    end = time.monotonic() + 300
    while not set(run_dir.glob("checkpoints/c*")) - before and time.monotonic() < end:
        time.sleep(0.2)
    return processes


def test_workers_stop_together_at_sigterm_go_on_together_and_miss_each_other(tmp_path):
    data, run_dir = write_sheets(tmp_path / "sheets.npz"), tmp_path / "run"
    chief, other = start_workers(data, run_dir)
    other.send_signal(signal.SIGTERM)
    printed, _ = chief.communicate(timeout=120)
    other.communicate(timeout=120)
    assert other.returncode == chief.returncode == 0, printed
    stopped = re.search(r"stopped by SIGTERM after (\d+) generator updates, with a checkpoint", printed)
    newest = sorted(run_dir.glob("checkpoints/c*"))[-1]
    assert newest.name == f"checkpoint-{int(stopped[1]):08d}.npz"
    chief, other = start_workers(data, run_dir, "--resume")
    other.kill()
    printed, _ = chief.communicate(timeout=120)
    other.communicate()
    assert chief.returncode == 2
    rule = "rugan train: Every worker of TF_CONFIG must go on to the end; start all of them again with --resume. "
    assert re.search(re.escape(rule) + r"Received: one was lost; last good checkpoint: .*checkpoint-\d+.npz\n", printed)


def test_batch_that_devices_do_not_divide_exits_with_2(tmp_path):
    data = write_sheets(tmp_path / "sheets.npz")
    words = arguments(data, tmp_path / "run", "--devices", "3")
    done = subprocess.run(
        [sys.executable, "-m", "rugan_tf.train", *words], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 2
    assert "batch_size must be a multiple of the number of replicas. Received: batch_size=2, replicas=3" in done.stderr
    assert not (tmp_path / "run").exists()


def test_run_on_two_devices_leaves_what_a_run_on_one_leaves(tmp_path):
    data = write_sheets(tmp_path / "sheets.npz")
    words = arguments(data, tmp_path / "run", "--devices", "2")
    done = subprocess.run(
        [sys.executable, "-m", "rugan_tf.train", *words], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {"checkpoint-00000004.npz", "generator.keras", "curves.csv"} <= names


def test_main_refuses_impossible_numbers_of_devices(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments(tmp_path / "sheets.npz", tmp_path / "run", "--devices", "0"))
    assert stopped.value.code == 2
    assert "devices must be at least 1" in capsys.readouterr().err
