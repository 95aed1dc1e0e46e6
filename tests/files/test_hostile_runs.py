"""Tokens and files from strangers: whatever they hold, a clear answer, and nothing is executed."""

import base64
import json
import random
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from sim.files.racefile import to_text
from sim.files.token import PREFIX
from sim.files.token import _check as check
from sim.runs.keep import file_of, token_of
from tests.runs.test_replay import one

ROOT = Path(__file__).parent.parent.parent
EACH = 500
GUARD = "hostile_guard_module:run"
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**53, 2**63, 10**400, -(10**30), 1e308, "", "x", "9", [], {}),
    *(GUARD, "os:system", "__import__('os').system('touch hacked')", "../../x", "\x00", "\x1b[2J"),
    *("wsr2.", "wsrace.race.2", "\n", "競走", "x" * 10_000, [[]], {"": {}}, [None] * 1000, [[[1]]]),
    *({"__class__": "os.system"}, {"$ref": "file:///etc/passwd"}, {"uniform": [0, 1]}, "1e999"),
)


def slots(document: Any) -> list[tuple[Any, Any]]:
    """Return every place in a document where a value stands: its container, and its key."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in list(pairs):
        found.append((document, key))
        if isinstance(value, dict | list):
            found += slots(value)
    return found


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def mutated_document(text: str, rng: random.Random) -> str:
    """Return a document with one to three of its values, or its keys, or its whole text changed."""
    document = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        container, key = rng.choice(slots(document))
        change = rng.randrange(4)
        if change == 0 and isinstance(container, dict):
            container[rng.choice(["x", "__init__", "\x1b", "guard", "", key + "x"])] = (
                container.pop(key)
            )
        elif change == 1:
            del container[key]
        else:
            container[key] = rng.choice(VALUES)
        if not slots(document):
            break
    whole = json.dumps(document)
    change = rng.randrange(12)
    if change == 0:
        return whole.replace(": ", ": NaN, ", 1)
    if change == 1:
        return whole.replace("[", deep(rng.choice([40, 5000])) + ",[", 1) + "]"
    if change == 2:
        return "\ufeff" + whole
    if change == 3:
        return whole[:-1] + ", " + whole[1:]
    return whole


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return data that were cut, of which bits were flipped, or in which bytes came twice."""
    change = rng.randrange(4)
    at = rng.randrange(len(data))
    if change == 0:
        return data[:at]
    if change == 1:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if change == 2:
        return data[:at] + rng.randbytes(rng.randint(1, 9)) + data[at:]
    to = min(len(data), at + rng.randint(1, 40))
    return data[:to] + data[at:]


def token(text: str, prefix: str = PREFIX) -> str:
    """Return a token with `text` in it, whose check fits."""
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"))).decode()
    packed = packed.rstrip("=")
    return f"{prefix}.{packed}.{check(packed)}"


def inside(given: str) -> str:
    """Return the text in a token."""
    packed = given.split(".")[1]
    return zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))).decode()


def tokens() -> Iterator[str]:
    """Yield mutated tokens: half of them with a check that fits."""
    rng = random.Random(1061)
    honest = [token_of(one(seed=seed, runtime="any-order")) for seed in range(4)]
    yield token(inside(honest[0]).replace('"scenario":{', f'"scenario":{{"guard":"{GUARD}",'))
    yield from ("", "wsr1", "wsr1..", "wsr2." + honest[0][5:], "wsr99.x.y", token("{}", "wsr2"))
    for number in range(EACH - 7):
        first = honest[number % len(honest)]
        if number % 2:
            yield mutated_bytes(first.encode(), rng).decode("latin-1")
        else:
            yield token(mutated_document(inside(first), rng))


def files() -> Iterator[bytes]:
    """Yield mutated race files."""
    rng = random.Random(1062)
    honest = [to_text(file_of(one(seed=seed, runtime="any-order"))) for seed in range(4)]
    yield honest[0].replace('"scenario": {', f'"scenario": {{"guard": "{GUARD}",').encode()
    yield from (b"", b"{}", b"\x00" * 100, b"PK\x03\x04", b"\x80\x04cos\nsystem\n.")
    yield honest[0].replace("race.1", "race.2").encode()
    for number in range(EACH - 7):
        first = honest[number % len(honest)]
        if number % 2:
            yield mutated_bytes(first.encode(), rng)
        else:
            yield mutated_document(first, rng).encode("utf-8", "surrogatepass")


@lru_cache
def unharmed() -> frozenset[str]:
    return frozenset(one(seed=seed, runtime="any-order").digest for seed in range(4))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of 1,000 mutated runs, read in a process of their own."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "tokens.json").write_text(json.dumps(list(tokens())))
    for number, data in enumerate(files()):
        (folder / f"{number:04}.race.json").write_bytes(data)
    module = GUARD.split(":")[0]
    (folder / f"{module}.py").write_text("open('hacked', 'w')\ndef run(websocket): return True\n")
    before = sorted(item.name for item in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", "from tests.helpers.hostile import main; main()", str(folder)],
        cwd=folder,
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert sorted(item.name for item in folder.iterdir()) == before
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_is_a_clear_fault_or_a_divergence_or_a_run(report: dict[str, Any]) -> None:
    assert len(report["found"]) == 2 * EACH
    kinds = Counter(kind for kind, *_ in report["found"])
    assert set(kinds) <= {"UserError", "Divergence", "run"}
    assert kinds["UserError"] > EACH
    assert kinds["Divergence"] > 5
    for kind, *lines in report["found"]:
        assert lines
        for line in lines:
            assert line.isprintable()
            assert 0 < len(line) <= 1000
        if kind == "UserError":
            assert len(lines) <= 21


def test_those_that_still_run_are_mostly_the_run_that_was_recorded(report: dict[str, Any]) -> None:
    digests = [lines[0] for kind, *lines in report["found"] if kind == "run"]
    assert digests
    assert sum(digest in unharmed() for digest in digests) > len(digests) / 2


def test_none_writes_or_executes_or_imports_anything(report: dict[str, Any]) -> None:
    assert report["noted"] == []


def test_a_guard_in_a_run_is_a_name_and_nothing_more(report: dict[str, Any]) -> None:
    for kind, line in (report["found"][0], report["found"][EACH]):
        assert kind == "UserError"
        assert f"code of your own runs only if you name it: --guard {GUARD}" in line


def test_the_watch_sees_what_it_is_there_for(tmp_path: Path) -> None:
    code = """
import os, pickle
from tests.helpers.hostile import Watch
watch = Watch()
watch.on = True
open("written", "w").close()
os.open("made", os.O_CREAT)
eval("1 + 1")
import colorsys
os.system("true")
pickle.loads(b"cos\\nsystem\\n.")
watch.on = False
print([one.split()[0] for one in watch.noted])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for event in ("open", "compile", "exec", "import", "os.system", "pickle.find_class"):
        assert f"'{event}'" in done.stdout
    assert done.stdout.count("'open'") >= 2
