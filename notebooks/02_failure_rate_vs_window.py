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
# # How often the race happens, against the window
#
# The report says that the error comes "now and then". How often is that, as a function of the time
# between the guard's check and the receive? Is the rate what one would compute on paper, and do the
# trials that fail under post-fix differ from those under pre-fix?

# %%
# %load_ext sim

import sim

SEED = 0
GUARDS = ("pre-fix", "post-fix", "both-states")


def swept(name, trials, *settings):
    """Run a scenario over its axis: every guard meets the same draws."""
    return sim.reproduce(sim.Task(name, settings, GUARDS, trials, SEED))


# %% [markdown]
# ## The server closes in the window
#
# A monitor closes the connection at a time drawn evenly from the 20 ms after the second check of
# the loop. The handler awaits for `window_ms` between that check and the receive. Intervals are
# Wilson's, 95 %, and the exact bound where none or all of the trials fail.

# %%
ON_311 = 'sweep.runtimes=["asyncio-3.11"]'
closing = swept("server-close", 200, ON_311)
closing

# %% [markdown]
# On paper the rate is the window divided by the 20 ms: the guard is blind for that share of the
# time. `off` is how far the simulated rate lies from this, in units of its interval: the half of
# the interval on that side is 1, so anything above 1 lies outside.

# %%
COLUMNS = ["guard", "value", "failures", "trials", "rate", "low", "high", "closed_form", "off"]


def off(row):
    """Return the distance of rate and closed form, in units of the interval on that side."""
    away = row["closed_form"] - row["rate"]
    half = row["high"] - row["rate"] if away > 0 else row["rate"] - row["low"]
    return away / half if away else 0.0


def beside_paper(found, *more):
    """Return the cells of a sweep as a frame, with how far each is from its closed form.

    Without post-fix: its rows are those of pre-fix, and would count twice.
    """
    table = sim.frame(found)
    table = table[table["guard"] != "post-fix"]
    return table.assign(off=table.apply(off, axis=1))[[*more, *COLUMNS]]


def told(table):
    """Say how well a sweep agrees with its closed form, where that is not 0 or 1 for certain."""
    open_ = table[(table["closed_form"] > 0) & (table["closed_form"] < 1)]
    sure = table.drop(open_.index)
    inside = (open_["off"].abs() <= 1).sum()
    print(f"{inside} of {len(open_)} intervals hold the closed form;", end=" ")
    print(f"the largest difference is {open_['off'].abs().max():.2f} units.")
    exact = (sure["rate"] == sure["closed_form"]).sum()
    print(f"{exact} of the {len(sure)} cells that must be 0 or 1 are.")


paper = beside_paper(closing)
paper.round(3)

# %%
told(paper)

# %% [markdown]
# Of 95 % intervals one in twenty may miss. That post-fix fails in the very same trials is shown
# below.
#
# ### Where in the loop it bites

# %%
sim.figures(closing)["heat-server-close"]

# %%
for delay_ms in (4.9, 5.1):
    at = ("window_ms=5", f"injections.0.delay_ms={delay_ms}")
    one = sim.play(sim.open_scenario("server-close", at))
    print(f"window 5 ms, closed after {delay_ms} ms: {one.outcome.label}")

# %% [markdown]
# A trial fails if the close comes before the window ends and passes if it comes later: the map is
# full on one side of a line and empty on the other. The rate is nothing but the share of closes
# that fall on the one side. both-states, which looks once more at the end, is empty.
#
# ## The client closes while the handler sends
#
# Here the axis is the work before each of five sends. The guard is blind from the message until
# the last send, less the millisecond that the close needs to arrive: a close that comes in between
# makes a send fail, and nobody reads the state that says so.

# %%
blind = swept("blind-spot", 200, ON_311)
sim.figures(blind)["rate-blind-spot"]

# %%
paper = beside_paper(blind)
told(paper)
paper[paper["guard"] == "pre-fix"].round(3)

# %%
sim.figures(blind)["offset-blind-spot"]

# %% [markdown]
# By the offset of the close, with all values of the axis together: the earlier the client leaves,
# the more of the settings are still sending, and the more runs fail.
#
# ## Turns of the loop instead of time
#
# With no time between check and receive there is still order. The closing task becomes runnable 0
# to 7 turns of the event loop after the check, and the handler gives up its turn `window_hops`
# times. On Python 3.11 `wait_for` adds one turn of its own.

# %%
turns = swept("wait-for-hop", 100)
sim.figures(turns)["rate-wait-for-hop"]

# %%
paper = beside_paper(turns, "runtime")
told(paper)
rates = paper.pivot(index="value", columns=["guard", "runtime"], values="rate").round(3)
rates[["pre-fix", "both-states"]]

# %%
hop = paper[paper["guard"] == "both-states"].groupby("runtime")[["failures", "trials"]].sum()
for runtime, row in hop.iterrows():
    print(f"both-states on {runtime}: {row['failures']} of {row['trials']} trials fail")

# %% [markdown]
# On 3.11 pre-fix and post-fix fail even at 0 turns, and both-states at every value alike: the turn
# that `wait_for` adds lies behind the last check, where no check can see. On 3.12 it is gone.
#
# ## What the published fix changes
#
# Pre-fix and post-fix meet the same draws, so they can be compared trial by trial. The interval of
# the difference is that of paired counts.

# %%
sim.figures(turns)["before-and-after"]

# %%
pairs = sim.frame([pair for found in (closing, blind, turns) for pair in found.summary.pairs])
pairs.groupby(["injection", "runtime"], sort=False).agg(
    values=("value", "count"),
    least=("difference", "min"),
    most=("difference", "max"),
    lowest=("low", "min"),
    highest=("high", "max"),
).round(3)

# %%
every = [pair.counts for found in (closing, blind, turns) for pair in found.summary.pairs]
both, before, after, neither = (sum(part) for part in zip(*every, strict=True))
print(f"{both + before + after + neither:,} pairs of trials: both fail in {both:,}, neither in")
print(f"{neither:,}, only pre-fix in {before}, only post-fix in {after}.")

# %% [markdown]
# `least` and `most` are the differences over the values of the axis, `lowest` and `highest` the
# ends of their intervals. Not a single trial ends otherwise: the difference is 0 because the runs
# are the same, not because too few of them were looked at. The rates are rates over the times that
# these scenarios draw; they are no forecast of how often a service fails.
#
# ## Run it again

# %%
for found in (closing, blind, turns):
    task = found.task
    sets = "".join(f" --set '{one}'" for one in task.settings)
    guards = "".join(f" --guard {one}" for one in task.guards)
    print(f"wsrace reproduce {task.name}{sets}{guards} --runs {task.trials} --seed {task.seed}")
    print(f"  digest {found.summary.digest[:16]}")
    for _, token in found.tokens:
        print(f"  wsrace replay {token}")
