import json
import subprocess
import sys
from pathlib import Path


def test_two_replicas_train_agree_and_go_through_a_checkpoint(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("two_replicas.py")), str(tmp_path)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["apart"] == {"generator": 0.0, "critic": 0.0, "average": 0.0}
    assert all(result["moved"]["generator"])
    assert all(result["moved"]["critic"][:3])
    assert all(result["moved"]["average"])
    assert result["average_is_copied"]
    assert result["steps"] == [2, 1]
    assert result["is_restored"]
