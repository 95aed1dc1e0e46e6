# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own application
#
# The other notebooks are about the handler of one report. Here an application is asked as it stands
# in its file: unmodified, behind uvicorn's own class, on CPython's own loop. What an operating
# system leaves open is what is tried: what has come when, who is told of it first, how late the
# clock is.

# %%
# %load_ext sim
import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import sim

folder = TemporaryDirectory()
sys.path.insert(0, folder.name)

# %% [markdown]
# ## A page that tells everybody
#
# The registry of many chats, and a route of HTTP that broadcasts.

# %%
SOURCE = """
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
active: list[WebSocket] = []


@app.post("/notify")
async def notify(text: str) -> int:
    for websocket in active:
        await websocket.send_text(text)
    return len(active)


@app.websocket("/ws")
async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        active.remove(websocket)
"""
Path(folder.name, "page.py").write_text(SOURCE)
importlib.invalidate_caches()

# %% [markdown]
# Two clients: one leaves, the other asks for the route at about the same time.

# %%
CLIENTS = ["close", "post:/notify?text=hello"]
WHERE = {"app_dir": folder.name, "clients": CLIENTS, "start": "open"}


def said(found):
    """Say the verdict, and how much was looked at."""
    print(found.climbed.verdict)
    for case in found.climbed.cases:
        whole = "all of them" if case.complete else "cut"
        print(f"{case.schedules} schedules, {case.states} states, {whole}")


found = sim.check_app("page:app", **WHERE)
said(found)

# %% tags=["varies"]
found

# %% [markdown]
# Its parts can be asked for one by one: the failure, made small, and why it came about.

# %% tags=["varies"]
failure = found.failures[0]
print(failure.record.outcome.findings[0].text)
for explained in failure.explained:
    print("\n".join(explained.reason.lines()))
print("\n".join(failure.circumstances.lines()))

# %% [markdown]
# The run itself, event by event: `arrived` is what the system did, the rest is the application's
# and its clients' doing.

# %% tags=["varies"]
failure.record

# %% [markdown]
# Which schedule passes, and where does it part from the one that fails?

# %%
passing = failure.circumstances.parting.passing
passing.outcome.label

# %% [markdown]
# ## The same on the real kernel
#
# The schedule is executed on real TCP, epoll and clock. It counts if the whole history is the same.

# %% tags=["varies"]
again = sim.check_app("page:app", confirm=5, **WHERE)
executed = again.failures[0].executed
print(f"confirmed {executed.confirmed} of {len(executed.attempts)}")

# %% [markdown]
# ## Mended
#
# A route that expects members to leave while it tells them.

# %%
MENDED = SOURCE.replace(
    "        await websocket.send_text(text)\n",
    "        try:\n"
    "            await websocket.send_text(text)\n"
    "        except (WebSocketDisconnect, RuntimeError):\n"
    "            continue\n",
).replace("in active:", "in list(active):")
Path(folder.name, "mended.py").write_text(MENDED)
importlib.invalidate_caches()
mended = sim.check_app("mended:app", **WHERE)
said(mended)

# %% [markdown]
# Race-free within what was looked at: two clients, choices from when both are open, a process that
# is never late. In a test it is one line, `wsrace_app.check("page:app", clients=[...])`, and
# `wsrace report` draws the failing run beside the nearest one that passes.
#
# ## Run it again
#
# With the application in a file `page.py` of the working directory.

# %%
clients = " ".join(f"--client '{one}'" for one in CLIENTS)
print(f"wsrace check page:app {clients} --from open --confirm 20 --out found")
print("wsrace report found --app page:app")
folder.cleanup()
