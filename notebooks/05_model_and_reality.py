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
# # The model and reality
#
# Everything in the other notebooks was simulated. Do real servers behave like that? Here the model
# is held against what five real stacks did, cell by cell: does it predict how the trials ended?

# %%
# %load_ext sim
from collections import Counter

import pandas as pd

import sim

pd.set_option("display.max_colwidth", None)

# %% [markdown]
# ## What was measured
#
# A cell places one event at one statement of the handler on one real server and says how its trials
# ended. `cells.jsonl` holds some of the 3,878 cells in `tests/conformance/truth.jsonl.gz`, recorded
# on loopback sockets: all that varied from trial to trial, all in which another task closes between
# check and receive with no message queued, and every sixteenth of the others.

# %%
cells = sim.read_cells("cells.jsonl").cells
stacks = pd.DataFrame(
    {
        "stack": cell.stack,
        "server": cell.server,
        "python": cell.python,
        "starlette": cell.starlette,
        "trials": sum(cell.outcomes.values()),
    }
    for cell in cells
)
stacks.groupby(["stack", "server", "python", "starlette"])["trials"].agg(["count", "sum"])

# %%
print(
    f"{len(cells)} cells, {stacks['trials'].sum():,} trials; {sum(c.mixed for c in cells)} varied."
)
print(f"guards: {', '.join(sorted({cell.guard for cell in cells}))}")
print(f"events: {', '.join(sorted({cell.kind for cell in cells}))}")

# %% [markdown]
# ## Agreement
#
# A cell with one outcome agrees if the model predicts that outcome and no other. `loss` says in how
# many cells the model also has the lost messages right, `states` the two states at the end.

# %%
judged = sim.judge_all(cells)


def agreement(key):
    """Count the cells by a property of theirs, and those that agree."""
    groups = {}
    for one in judged:
        groups.setdefault(key(one.cell), []).append(one)
    rows = {}
    for name in sorted(groups):
        count = sim.tally(groups[name])
        rows[name] = {
            "one outcome": count.unmixed,
            "agree": count.agreed,
            "varied": count.mixed,
            "inside": count.inside,
            "loss": f"{sum(one.same_loss for one in groups[name])}/{count.covered}",
            "states": f"{count.states_agreed}/{count.states}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


agreement(lambda cell: cell.stack)

# %%
agreement(lambda cell: cell.kind)

# %%
whole = sim.tally(judged)
print(f"{whole.agreed} of {whole.unmixed} cells with one outcome agree.")
print(f"{whole.inside} of {whole.mixed} cells that varied lie within what was predicted.")
print(f"Of {whole.losing} cells that lose a message {whole.both_lose} were foretold.")
print(f"Cells that were foretold to lose one and do not: {whole.foretold - whole.both_lose}.")
wrong = [one for one in judged if one.prediction is not None and not one.agrees]
for one in wrong:
    print(f"  otherwise: {one.cell.label} on {one.cell.stack}")

# %% [markdown]
# ## The close in the window, on the real servers
#
# Another task closes the connection between the check and the receive. In the gap the handler
# awaits nothing (0), one turn of the loop (1) or 5 ms. The table has how many of the ten real
# trials of a cell end in the error of the report.

# %%
ERROR = "need_accept_first"
GUARDS = ("pre", "post", "both", "both_nohop", "catch")
gap = [
    one
    for one in judged
    if (one.cell.kind, one.cell.point, one.cell.queued) == ("server_close", "gap", False)
]
errors = pd.DataFrame(
    {
        "guard": one.cell.guard,
        "await": one.cell.wait,
        "stack": f"{one.cell.stack}, {one.cell.python.rpartition('.')[0]}",
        "error": one.cell.outcomes.get(ERROR, 0),
    }
    for one in gap
    if one.cell.guard in GUARDS
)
seen = errors.pivot(index=["guard", "await"], columns="stack", values="error").astype("Int64")
seen.reindex(GUARDS, level="guard")

# %%
rates = [one.cell.outcomes.get(ERROR, 0) / one.cell.n for one in gap]
always, never = rates.count(1), rates.count(0)
print(f"{len(gap)} cells: {always} always end in the error, {never} never, the rest now and then.")
print(f"{sum(one.agrees for one in gap)} of them are as predicted.")
alike = (seen.loc["pre"] == seen.loc["post"]).all(axis=None)
print(f"pre and post end in it equally often in every cell of the table: {alike}.")
for _, row in errors[(errors["guard"] == "both") & (errors["error"] > 0)].iterrows():
    print(f"both fails with await {row['await']} on {row['stack']}")

# %% [markdown]
# A missing number is a guard that a stack was not measured with. `both` fails where nothing is
# awaited in the gap and Python is 3.11: this is the turn of `wait_for`, on real sockets.
#
# ## Cells that varied
#
# Where the real trials of one cell ended in several ways, timing decides, and the model gives a
# set. All that was seen must lie in it, and it must not be so large that it says nothing.

# %%
varied = [one for one in judged if one.cell.mixed and one.prediction is not None]
counts = Counter(
    (", ".join(sorted(one.cell.seen)), ", ".join(sorted(one.prediction.classes)), one.agrees)
    for one in varied
)
pd.DataFrame(
    [(*key, number) for key, number in sorted(counts.items())],
    columns=["seen", "predicted", "inside", "cells"],
)

# %%
print(f"The mean set has {whole.mean_size:.2f} outcomes.")
groups = Counter((one.cell.kind, one.cell.stack) for one in varied)
for (kind, stack), number in sorted(groups.items()):
    print(f"{number:3} of these cells: {kind} on {stack}")

# %% [markdown]
# Trio draws the order of tasks at random. Under asyncio these are cells in which two things come
# close together, and how long something takes decides.
#
# ## Would a wrong model be noticed?
#
# Agreement means little if everything agrees. So the same cells are judged again by a model that is
# wrong on purpose: one that takes the cells of Python 3.11 for 3.12, and so has no turn of
# `wait_for`, and one that takes every server for hypercorn, whose send is silent.


# %%
def judged_as(picked, **changes):
    """Judge cells with one outcome as if they had been measured on something else."""
    plain = [one.cell for one in judged if one.prediction is not None and not one.cell.mixed]
    altered = [cell.model_copy(update=changes) for cell in plain if picked(cell)]
    return [one for one in sim.judge_all(altered) if one.prediction is not None]


no_turn = judged_as(lambda cell: cell.python.startswith("3.11"), python="3.12.1")
silent = judged_as(
    lambda cell: cell.stack.startswith("uvicorn"),
    stack="hypercorn-asyncio",
    server="hypercorn 0.18.0",
)
for name, found in (("without the turn of wait_for", no_turn), ("with a silent send", silent)):
    wrong = [one for one in found if not one.agrees]
    guards = Counter(one.cell.guard for one in wrong)
    print(f"{name}: {len(wrong)} of {len(found)} cells disagree,")
    print(f"  by guard: {', '.join(f'{guard} {guards[guard]}' for guard in sorted(guards))}")

# %% [markdown]
# ## What is not covered

# %%
for why, number in Counter(one.why for one in judged if one.prediction is None).items():
    print(f"{number} cells: {why}")

# %% [markdown]
# Beyond that: a cell has one connection, one event, and a handler that is simpler than the
# product's four modes. Links with delay, several clients and deployments of hours are simulated
# only. The cells were recorded beforehand; the servers that are installed on your machine can be
# measured anew with the same handler code.
#
# ## Run it again

# %%
print("wsrace conform --truth notebooks/cells.jsonl")
print("wsrace conform --live --trials 3")
