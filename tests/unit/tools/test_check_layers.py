"""tools/check-layers finds what it is there to find: each rule broken once in a small repository."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "check-layers"

WHOLE = {
    "proto/CMakeLists.txt": "stafett_proto(proto_events PROTOS stafett/a/v1/events.proto)\n",
    "services/lib/base/CMakeLists.txt": "stafett_library(base SRCS id.cc DEPS Threads::Threads)\n",
    "services/lib/base/id.h": "#include <string>\n",
    "services/lib/base/id.cc": '#include "lib/base/id.h"\n',
    "services/lib/redis/CMakeLists.txt": "stafett_library(redis SRCS client.cc DEPS stafett::base)\n",
    "services/lib/redis/client.cc": '#include <hiredis/read.h>\n#include "lib/base/id.h"\n',
    "services/lib/redis/client.h": "",
    "services/a/CMakeLists.txt": "stafett_library(a_domain SRCS domain/x.cc DEPS stafett::base)\n"
    "stafett_library(a_app SRCS app/x.cc DEPS stafett::a_domain)\n"
    "stafett_library(a_adapters SRCS adapters/x.cc DEPS stafett::a_app stafett::proto_events)\n"
    "stafett_service(a DEPS stafett::a_adapters)\n",
    "services/lib/host/CMakeLists.txt": "stafett_library(host DEPS stafett::base)\n",
    "services/a/domain/x.h": "#include <vector>\n",
    "services/a/domain/x.cc": '#include "a/domain/x.h"\n#include "lib/base/id.h"\n',
    "services/a/app/x.h": "",
    "services/a/app/x.cc": '#include "a/domain/x.h"\n',
    "services/a/adapters/x.h": "",
    "services/a/adapters/x.cc": '#include "a/app/x.h"\n#include "stafett/a/v1/events.pb.h"\n',
    "services/a/main.cc": '#include "a/adapters/x.h"\n',
    "services/b/CMakeLists.txt": "stafett_library(b_domain SRCS domain/y.cc DEPS stafett::base)\n",
    "services/b/domain/y.cc": "",
    "services/b/domain/y.h": "",
}


def check(root: Path, changed: dict[str, str]) -> tuple[int, str]:
    for name, text in {**WHOLE, **changed}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, str(TOOL), str(root)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_is_whole_passes(tmp_path):
    code, out = check(tmp_path, {})
    assert (code, "one way" in out) == (0, True), out


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("services/a/domain/x.cc", '#include "lib/redis/client.h"', "domain/ is pure"),
        ("services/a/domain/x.cc", "#include <google/protobuf/message.h>", "domain/ is pure"),
        ("services/a/domain/x.cc", '#include "a/app/x.h"', "domain/ is pure"),
        ("services/a/app/x.cc", '#include "stafett/a/v1/events.pb.h"', "generated code"),
        ("services/a/app/x.cc", "#include <grpcpp/grpcpp.h>", "gRPC is seen only"),
        ("services/a/app/x.cc", '#include "lib/redis/client.h"', "app/ has ports"),
        ("services/a/app/x.cc", '#include "a/adapters/x.h"', "app/ does not know its adapters"),
        ("services/a/adapters/x.cc", "#include <librdkafka/rdkafka.h>", "only lib/kafka"),
        ("services/a/adapters/x.cc", "#include <hiredis/hiredis.h>", "only lib/redis"),
        ("services/a/adapters/x.cc", '#include "b/domain/y.h"', "never includes another service"),
        ("services/a/adapters/x.cc", '#include "lib/redis/client.h"', "does not depend on stafett::redis"),
        ("services/lib/base/id.cc", '#include "a/domain/x.h"', "a library knows no service"),
        ("services/lib/base/id.cc", '#include "lib/redis/client.h"', "does not depend on stafett::redis"),
        ("services/lib/base/id.cc", '#include "lib/base/gone.h"', "no such file"),
    ],
)
def test_each_rule_is_found_with_its_place(tmp_path, file, line, rule):
    code, out = check(tmp_path, {file: f"// a comment\n  {line}\n"})
    assert code == 1
    assert any(fault.startswith(f"{file}:2: ") and rule in fault for fault in out.splitlines()), out


def test_a_circle_of_dependencies_is_found(tmp_path):
    changed = {"services/lib/base/CMakeLists.txt": "stafett_library(base SRCS id.cc DEPS stafett::redis)\n"}
    code, out = check(tmp_path, changed)
    assert code == 1
    assert "in a circle: base -> redis -> base" in out


def test_a_file_that_nobody_builds_is_found(tmp_path):
    code, out = check(tmp_path, {"services/a/domain/forgotten.cc": ""})
    assert code == 1
    assert "services/a/domain/forgotten.cc:1: is in no" in out


def test_a_source_that_is_not_there_is_found(tmp_path):
    changed = {"services/lib/base/CMakeLists.txt": "\nstafett_library(base SRCS id.cc gone.cc)\n"}
    code, out = check(tmp_path, changed)
    assert code == 1
    assert "services/lib/base/CMakeLists.txt:2: base names gone.cc" in out
