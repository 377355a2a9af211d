"""TensorFlow's start-up lines reach nobody; everything else on stderr does."""

import os
import subprocess
import sys
import time

import pytest

from rugan_tf import quiet

START = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795728078.082197   30191 cudart_stub.cc:31] Could not find cuda drivers on your machine.\n"
    b"E0000 00:00:1795724622.904943    6698 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)\n"
)
OTHER = b"warning: the disk is nearly full\nI say: cc:31] is no start-up line\nwithout an end"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (START + OTHER + b"\n" + START + quiet.STARTED, OTHER + b"\n"),
        (START + OTHER + quiet.STARTED + START, OTHER),
        (START + OTHER, OTHER + START),  # it never started
        (START.rstrip(b"\n") + quiet.STARTED, b""),
    ],
)
def test_start_up_lines_alone_are_left_out_of_what_has_started(lines, expected):
    written = []
    quiet.pass_on(lines.splitlines(keepends=True), written.append)
    assert b"".join(written) == expected


def written(program, **environment):
    given = {name: value for name, value in os.environ.items() if name != quiet.LEVEL} | environment
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=given)


def test_tensorflow_starts_without_a_line():
    program = "import sys, rugan_tf, tensorflow; print(tensorflow.constant(2).numpy()); print('mine', file=sys.stderr)"
    done = written(program)
    assert (done.stdout, done.stderr) == ("2\n", "mine\n")


def module_that(tmp_path, monkeypatch, program):
    """Make `import tensorflow` find another module: what is held back is what its import writes."""
    (tmp_path / "tensorflow.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


WRITES = f"import os\nos.write(2, {START + OTHER!r})\n"


@pytest.mark.parametrize(("level", "expected"), [({}, OTHER), ({quiet.LEVEL: "0"}, START + OTHER)])
def test_what_is_written_at_the_import_is_passed_on(tmp_path, monkeypatch, level, expected):
    module_that(tmp_path, monkeypatch, WRITES)
    assert written("import rugan_tf, tensorflow", **level).stderr.encode() == expected


def test_failed_import_shows_its_traceback_and_all_that_it_wrote(tmp_path, monkeypatch):
    module_that(tmp_path, monkeypatch, WRITES + "raise ImportError('no such processor')\n")
    done = written("import rugan_tf, tensorflow")
    assert done.returncode == 1
    assert done.stderr.startswith((OTHER + START).decode())
    assert done.stderr.endswith("ImportError: no such processor\n")


def test_import_that_ends_the_process_shows_all_that_it_wrote(tmp_path, monkeypatch):
    """As TensorFlow does on a processor without the instructions that it was built for."""
    module_that(tmp_path, monkeypatch, WRITES + "os.abort()\n")
    done = written("import rugan_tf, tensorflow")
    assert done.returncode != 0
    assert (OTHER + START).decode() in done.stderr


def test_process_without_stderr_starts(tmp_path, monkeypatch):
    module_that(tmp_path, monkeypatch, "value = 3\n")
    assert written("import os; os.close(2)\nimport rugan_tf, tensorflow; print(tensorflow.value)").stdout == "3\n"


@pytest.mark.parametrize(
    "before",
    [
        "sys.stderr.close(); os.dup2(os.open(os.devnull, os.O_WRONLY), 2)",  # as a daemon does
        "sys.stderr = None",
        "sys.executable = None",
        "sys.executable = '/bin/false'",
        "sys.executable = '/no/such/program'",
    ],
)
def test_import_neither_fails_nor_hangs_where_nobody_can_read(tmp_path, monkeypatch, before):
    module_that(tmp_path, monkeypatch, "import time, os\ntime.sleep(0.2)\nos.write(2, b'x' * 10)\nvalue = 3\n")
    program = f"import os, sys\n{before}\nimport rugan_tf, tensorflow; print(tensorflow.value)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "3\n"


def test_failed_import_does_not_wait_for_the_processes_that_it_began(tmp_path, monkeypatch):
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    program = f"import subprocess, sys\n{child}\nraise ImportError('no')\n"
    module_that(tmp_path, monkeypatch, program)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", "import rugan_tf.quiet as q; q.PATIENCE = 0.1; import tensorflow"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert time.monotonic() - start < 20


def test_other_modules_are_found_as_ever():
    assert quiet.PlainStart(is_quiet=True).find_spec("json", None) is None


def test_pyplot_waits_until_it_is_used_and_then_works():
    program = """
import sys, rugan_tf, tensorflow, keras
waits = "matplotlib.figure" not in sys.modules
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([0, 1], [1, 0])
plt.close(figure)
from keras.src.visualization import plot_image_gallery
print(waits, type(figure).__name__, sum("Late" in type(one).__name__ for one in sys.meta_path))
"""
    assert written(program).stdout == "True Figure 0\n"
