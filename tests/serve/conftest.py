import runpy
import shutil
from pathlib import Path

import pytest
from running_server import RunningServer

from rugan_tf.export.saved_model import export_run

MAX_CELLS = 100_000
MONITORING = 'prometheus_config { enable: true path: "/metrics" }'


@pytest.fixture(scope="session")
def version_folder(tmp_path_factory):
    """An exported model with an energy model inside."""
    made = runpy.run_path(str(Path(__file__).parents[1] / "export" / "untrained_run.py"))
    run_dir = made["write_run"](tmp_path_factory.mktemp("served_run"))
    judge = made["write_counting_energy"](tmp_path_factory.mktemp("served_judge") / "1")
    return export_run(run_dir, tmp_path_factory.mktemp("served_models"), MAX_CELLS, judge)


@pytest.fixture(scope="session")
def server(version_folder, tmp_path_factory):
    """A server of two models: `steady`, and `moving`, whose folder tests change."""
    folder = tmp_path_factory.mktemp("server")
    for name in ("steady", "moving"):
        shutil.copytree(version_folder, folder / name / "1")
    (folder / "models.config").write_text(
        f"""model_config_list {{
          config {{
            name: "steady" base_path: "{folder}/steady" model_platform: "tensorflow"
            version_labels {{ key: "stable" value: 1 }}
          }}
          config {{ name: "moving" base_path: "{folder}/moving" model_platform: "tensorflow" }}
        }}"""
    )
    (folder / "monitoring.config").write_text(MONITORING)
    words = ["--port", "0", "--rest_api_port", "0", "--model_config_file", folder / "models.config"]
    words += ["--monitoring-config-file", folder / "monitoring.config", "--enable_grpc_healthcheck_service"]
    running = RunningServer(*words, "--file_system_poll_wait_seconds", "0.2")
    running.folder = folder
    yield running
    assert running.end() == 0
    assert "no request was cut off" in running.output
