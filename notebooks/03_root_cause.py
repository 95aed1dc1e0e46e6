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
# # Why the guards look at the wrong state
#
# Notebook 01 shows that the error comes back with the fix in place. Why? Which line reads what, and
# who wrote it in between? And what else has to be true for it to happen: which Python, which
# Starlette, which server?

# %%
# %load_ext sim
import importlib
import inspect
from collections import Counter

import pandas as pd

import sim

# %% [markdown]
# ## The blind spot, explained from a run
#
# `explore` looks at one schedule of each class (two schedules are of one class if they differ only
# in the order of independent steps). Here at all orders of the blind spot, with the client's close
# at four moments: at once, between two sends, before the last send, after it.

# %%
MOMENTS = "injections.0.delay_ms={ list = [0, 6, 10.5, 15] }"


def explored(name, guard, *settings):
    """Search all classes of schedules of a scenario under a guard."""
    return sim.explore(sim.open_scenario(name, (*settings, f"guard={guard}")))


for guard in ("pre-fix", "post-fix", "both-states"):
    print(f"{guard}: {explored('blind-spot', guard, MOMENTS).words()}")

# %%
blind = sim.counterexample(explored("blind-spot", "post-fix", MOMENTS))
blind

# %%
why = blind.explanation
print(f"post-fix asks for {' and '.join(why.checked)}.")
print(f"What fails depends on {why.use.state}.")
print(f"Does the guard look at what it is to protect? {why.use.state in why.checked}")

# %% [markdown]
# The search makes the run small: what the failure does not need is gone. The explanation is found
# in the recorded reads and writes, it is not written into the program. Post-fix's second look is at
# the same states as its first one, so repeating it right before the receive cannot help.
#
# ## The lines themselves
#
# These are the three lines that the explanation names, as they are installed here.


# %% tags=["varies"]
def show(role, touch, around=3):
    """Print the source around the line of a read or write, given as "module:line"."""
    name, _, number = touch.where.rpartition(":")
    try:
        lines = inspect.getsource(importlib.import_module(name)).splitlines()
    except (ImportError, OSError, TypeError):
        print(f"{role}: {touch.where} (there is no source of it here)\n")
        return
    print(f"{role}, {'writes' if touch.write else 'reads'} {touch.state}: {touch.where}")
    first = max(1, int(number) - around)
    for line, text in enumerate(lines[first - 1 : int(number) + around], first):
        print(f"{'>' if line == int(number) else ' '}{line:5}  {text}")
    print()


show("The guard's check", why.check)
show("The writer", why.writer)
show("The receive", why.use)

# %% [markdown]
# `receive_text()` raises when `application_state` is not CONNECTED, and that state is changed by
# `send`: on a close, and when the server says that the client is gone. `client_state` is changed by
# `receive` alone. The text "need to call accept first" is true of a connection that was never
# accepted, and misleading here.
#
# ## The turn that `wait_for` adds
#
# A guard that reads both states right before the receive is not blind. It fails nevertheless on
# Python 3.11, because `asyncio.wait_for` runs the receive in a task of its own there.

# %%
RUNTIMES = ("asyncio-3.11", "asyncio-3.12")
HOP_GUARDS = ("post-fix", "both-states", "both-no-hop", "catch")
hops = [
    explored("wait-for-hop", guard, f"runtime={runtime}", f"window_hops={turns}")
    for guard in HOP_GUARDS
    for runtime in RUNTIMES
    for turns in (0, 1)
]
table = sim.frame(hops).assign(turns=[one.scenario.window_hops for one in hops])
table["verdict"] += [f", {one.failing} of {one.classes}" for one in hops]
table.pivot_table("verdict", "guard", ["runtime", "turns"], aggfunc="first", sort=False)

# %%
for one in hops:
    if one.guard == "both-states" and not one.scenario.window_hops:
        print(f"{one.guard} on {one.scenario.runtime}: {one.words()}")

# %%
hop = sim.counterexample(next(one for one in hops if one.guard == "both-states" and one.failing))
hop

# %%
why = hop.explanation
print(f"Turns of the loop between check and use: {why.hops}, time: {why.window_ms:g} ms.")
print(f"The receive runs in the task {why.use.task.rpartition('/')[2]}, the check in the handler.")
print(f"The writer is {why.writer.task.rpartition('/')[2]}.")

# %% [markdown]
# The guard is right when it looks, and the task that closes was runnable already. It gets the turn
# that `wait_for` gives up. both-no-hop makes the same check and puts the timeout around the receive
# in place, as `asyncio.timeout()` does: race-free on 3.11 too. How many turns the Python of this
# kernel takes can be counted:

# %% tags=["varies"]
import asyncio
import platform


async def turns_of_wait_for():
    """Count the turns of the loop from the call of wait_for to the first step of what it runs."""
    loop, turns, seen = asyncio.get_running_loop(), 0, None

    def turn():
        nonlocal turns
        turns += 1
        if seen is None:
            loop.call_soon(turn)

    async def first_step():
        nonlocal seen
        seen = turns

    loop.call_soon(turn)
    await asyncio.wait_for(first_step(), 1)
    return seen


version = ".".join(platform.python_version_tuple()[:2])
print(f"Python {version}: {await turns_of_wait_for()}")

# %% [markdown]
# ## Server and Starlette
#
# The blind spot needs a server that says that the client is gone by raising from `send`, and a
# Starlette that turns this into a state (since 0.36.0). The table has pre-fix against a client that
# closes and one that resets while the handler sends, and a close by the server: race-free, or how
# the runs fail that do.

# %%
PLACES = {
    "client closes": ("blind-spot", MOMENTS),
    "client resets": ("blind-spot-abort", MOMENTS),
    "server closes": ("server-close", "window_ms=5", "injections.0.delay_ms={ list = [0, 2.5] }"),
}
STARLETTES = ("installed", "before-0.36")


def factors():
    """Search every place under every server profile, with both kinds of Starlette."""
    for server in sim.PROFILES:
        runtime = "trio" if server.startswith("hypercorn-trio") else "asyncio-3.12"
        for starlette in STARLETTES:
            where = (f'server="{server}"', f"runtime={runtime}", f'starlette="{starlette}"')
            for place, (name, *settings) in PLACES.items():
                yield place, explored(name, "pre-fix", *settings, *where)


searched = list(factors())
grid = pd.DataFrame(
    {
        "server": one.scenario.server,
        "starlette": one.scenario.starlette,
        "place": place,
        "comes to": (one.failure.outcome.label if one.failure else str(one.verdict)).split("(")[0],
    }
    for place, one in searched
)
wide = grid.pivot(index="server", columns=["place", "starlette"], values="comes to")
wide.reindex(sim.PROFILES)[[(place, starlette) for place in PLACES for starlette in STARLETTES]]

# %%
print(f"complete: {all(one.complete for _, one in searched)}")
for (place, starlette), rows in grid.groupby(["place", "starlette"], sort=False):
    counts = Counter(rows["comes to"])
    told = ", ".join(f"{what} on {number}" for what, number in counts.items())
    print(f"{place}, Starlette {starlette}, of {len(rows)} servers: {told}")

# %%
reasons = {}
for _, one in searched:
    if one.scenario.starlette == "installed" and one.because():
        reasons.setdefault(one.because(), []).append(one.scenario.server)
for reason, servers in reasons.items():
    print(f"{', '.join(dict.fromkeys(servers))}:\n  {reason}")

# %% [markdown]
# A race-free verdict on pre-fix means here that there was nothing to guard against, not that the
# guard is good. With Starlette before 0.36 the same moment gives another error, the server's own
# OSError straight out of `send`. A close by the server needs none of this: it is racy on every
# server with every Starlette. So another server or release moves the blind spot, but only another
# guard removes it.
#
# ## Run it again

# %%
print(f"wsrace replay {blind.token} --format all")
print(f"wsrace replay {hop.token} --format all")
print("wsrace explore wait-for-hop --guard both-states")
print(f"wsrace explore blind-spot --times fixed --set '{MOMENTS}'")
