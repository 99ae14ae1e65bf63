"""A short run of tools/faults: long enough for a wiped Redis, a proxy, an unsafe setting and a jump of the clock, short
enough for every change. The long ones are run by hand (README.md beside this file)."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = 1918  # unsafe setting, wipe redis, proxy to redis, and then something else
MINUTES = 0.6
# So many that each of them, whatever the seed, looks at something in half a minute.
LOOKED_AT = {
    "NoAckedLoss",
    "NoPhantom",
    "OneEffect",
    "Contiguous",
    "SignalsInOrder",
    "OutboxEqualsState",
    "RebuildEqual",
    "NoLeak",
    "NoWithheldLoss",
    "Fence",
    "FetchNow",
    "NoFalseReceipt",
    "NoReceiptLoss",
    "NoCrossTalk",
    "ConfigGuard",
}


def test_what_was_promised_under_faults_holds(tmp_path):
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        ROOT / "tools" / "commands" / "faults.py",
        "--minutes",
        str(MINUTES),
        "--seed",
        str(SEED),
        "--preset",
        os.environ.get("STAFETT_PRESET", "dev"),
        "--no-build",
        "--json",
        report,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    said = json.loads(report.read_text())
    assert said["faults"] >= 3
    assert said["unknown_still"] == 0
    checked = {name for name, finding in said["invariants"].items() if finding["checked"]}
    assert checked >= LOOKED_AT
