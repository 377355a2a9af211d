import shutil
from pathlib import Path

import browser
import pytest
from page_window import choose
from running_server import RunningServer
from steady_model import config_of, write_bare_version, write_mapped_version, write_version

MONITORING_FILE = Path(__file__).parents[2] / "serving" / "config" / "monitoring.config"
MONITORING = 'prometheus_config { enable: true path: "/metrics" }'


@pytest.fixture(scope="session")
def version_folder(tmp_path_factory):
    """An exported model with an energy model inside."""
    return write_version(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def server(version_folder, tmp_path_factory):
    """A server of `steady` and others.

    `moving`, whose folder tests change; `bare`, without an energy model; `mapped`, which learnt from maps.
    """
    folder = tmp_path_factory.mktemp("server")
    for name in ("steady", "moving"):
        shutil.copytree(version_folder, folder / name / "1")
    write_bare_version(version_folder.parents[1]).parent.rename(folder / "bare")
    write_mapped_version(version_folder.parents[1]).parent.rename(folder / "mapped")
    for name in ("moving", "bare"):  # that many seconds sooner; the other two are warm
        (folder / name / "1" / "assets.extra" / "tf_serving_warmup_requests").unlink()
    (folder / "models.config").write_text(config_of(folder, "moving", "bare", "mapped"))
    (folder / "monitoring.config").write_text(MONITORING)
    words = ["--port", "0", "--rest_api_port", "0", "--model_config_file", folder / "models.config"]
    words += ["--monitoring-config-file", folder / "monitoring.config", "--enable_grpc_healthcheck_service=true"]
    words.append("--allow_version_labels_for_unavailable_models=true")
    running = RunningServer(*words, "--file_system_poll_wait_seconds", "0.2")
    running.folder = folder
    yield running
    assert running.end() == 0
    assert "no request was cut off" in running.output


@pytest.fixture(scope="session")
def graphene(version_folder):
    """A server of one model, `porous_graphene`, with the monitoring that `serving/` configures."""
    words = ["--port", 0, "--rest_api_port", 0, "--model_name", "porous_graphene"]
    words += ["--model_base_path", version_folder.parent, "--monitoring_config_file", MONITORING_FILE]
    running = RunningServer(*words)
    yield running
    assert running.end() == 0


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    """A window of headless Chromium."""
    if not browser.is_there():
        pytest.skip("needs the Debian packages chromium, chromium-driver")
    folder = tmp_path_factory.mktemp("browser")
    (folder / "downloads").mkdir()
    opened = browser.Browser(folder / "profile", folder / "downloads")
    opened.downloads = folder / "downloads"
    yield opened
    opened.close()


@pytest.fixture
def page(window, server):
    """The page, freshly loaded, with the model `steady` chosen."""
    window.size(1280, 900)
    window.open(f"{server.rest}/")
    choose(window, "steady")
    window.errors()
    yield window
    assert not window.errors()
