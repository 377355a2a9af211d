import json
import math
import subprocess
import sys
from pathlib import Path


def test_two_replicas_take_one_step_and_agree():
    script = Path(__file__).with_name("two_replicas.py")
    command = [sys.executable, str(script)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["apart"] == {"generator": 0.0, "critic": 0.0, "average": 0.0}
    assert all(result["moved"]["generator"])
    assert all(result["moved"]["critic"][:3])
    assert all(result["moved"]["average"])
    assert result["iterations"] == [2, 1]
    assert all(math.isfinite(values[0]) for values in result["history"].values())
