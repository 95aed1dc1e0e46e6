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
# # The error of issue #1061, on demand
#
# The report says that a handler dies now and then with `WebSocket is not connected. Need to call
# "accept" first.`, and that a second check right before `receive_text()` cures it. Can the error be
# made to happen at will, and the same each time? And does the second check change anything?

# %%
# %load_ext sim
import pandas as pd

import sim

# %% [markdown]
# ## One failing run
#
# The client sends one chat message. The handler answers with five agent events, 2.4 ms of work
# before each. The client closes 10.5 ms after its message was received, before the last of them.

# %%
SETTINGS = ("injections.0.delay_ms=10.5",)
scenario = sim.open_scenario("blind-spot", (*SETTINGS, "guard=pre-fix"))
failing = sim.play(scenario)
failing

# %% [markdown]
# The plot shows the states over virtual time, and each line below it is one event: time, task, what
# happened. The text of the error is Starlette's:

# %%
for finding in failing.outcome.findings:
    print(f"{finding.kind}{' (a failure)' if finding.failure else ''}: {finding.text}")

# %%
events = sim.frame(failing)


def last(kind):
    """Return time and state of the last change of a state."""
    row = events[events["kind"] == kind].iloc[-1]
    return f"{row['state']} from {row['ms']:.1f} ms on"


raised = events[events["kind"] == "raised"].iloc[0]
print(f"client_state is {last('client_state')}, application_state {last('application_state')}.")
print(f"The handler receives at {raised['ms']:.1f} ms, and that raises {raised['outcome']}.")

# %% [markdown]
# The send that failed was swallowed, as the product does, but it left `application_state`
# DISCONNECTED. `client_state` changes only when somebody receives. The guard reads `client_state`,
# so it lets the handler go on, and `receive_text()` looks at the other state.
#
# ## The same run every time

# %%
again = sim.play(scenario)
token = sim.token_of(failing)
back = sim.replayed(token)
print(f"played:       {failing.digest[:16]}")
print(f"played again: {again.digest[:16]}, the same: {again.digest == failing.digest}")
print(f"from a token: {back.record.digest[:16]}, event for event: {back.same_trace}")

# %% [markdown]
# A digest covers every event with its time. Nothing in a run depends on the machine or the hour, so
# the token alone gives the run to somebody else.
#
# ## Before the fix and after it
#
# The same message, the same close, seven guards; and beside it a close by another task of the
# server (a heartbeat monitor, say) 2 ms into a window of 5 ms between check and receive, and a
# close by the client at that very moment.

# %%
CASES = {
    "client closes while the handler sends": ("blind-spot", *SETTINGS),
    "server closes in the window": ("server-close", "window_ms=5", "injections.0.delay_ms=2"),
    "client closes in the window": ("client-close", "window_ms=5", "injections.0.delay_ms=2"),
}


def played(guard, name, *settings):
    """Run one case under a guard."""
    return sim.play(sim.open_scenario(name, (*settings, f"guard={guard}")))


runs = {case: {guard: played(guard, *how) for guard in sim.GUARDS} for case, how in CASES.items()}
pd.DataFrame(
    {
        case: {guard: run.outcome.label for guard, run in found.items()}
        for case, found in runs.items()
    }
)

# %%
for case, found in runs.items():
    before, after = found["pre-fix"].outcome, found["post-fix"].outcome
    said = "fail alike" if before.failed and after.failed else "pass alike"
    print(f"{case}: pre-fix and post-fix {said if before == after else 'differ'}")
    print(f"  failing: {', '.join(g for g, run in found.items() if run.outcome.failed) or 'none'}")

# %% [markdown]
# The published fix (post-fix) asks the same question a second time, so it gets the same answer. The
# guards that read `application_state`, or treat the error as the disconnect that it is, hold. The
# last column is the story of the report taken literally, and it does not fail: a client that closes
# between check and receive is met by the receive itself, as an ordinary disconnect.
#
# How often it happens is the subject of notebook 02, why the guards look at the
# wrong state that of 03.
#
# ## Run it again

# %%
print(f"wsrace replay {token}")
print("wsrace reproduce blind-spot")
