"""A small validation plan."""

from typing import Any

from sim.model.plan import Plan

VISITS: list[dict[str, Any]] = [
    {"scenario": "healthy", "weight": 3},
    {"scenario": "blind-spot", "label": "closed while answering", "weight": 1},
    {"scenario": "state-change", "weight": 1, "set": {"window_ms": 5}},
    {"scenario": "eaten-disconnect", "weight": 1, "set": {"window_ms": 12}},
]
PHASES: list[dict[str, Any]] = [
    {"name": "first", "to_min": 1, "criteria": {"connection_success": {"at_least": 0.99}}},
    {
        "name": "rest",
        "from_min": 1,
        "to_min": 5,
        "criteria": {"race_errors": {"at_most": 0}, "chat_completion": {"at_least": 0.5}},
    },
]


def small(**keys: Any) -> Plan:
    """Return a plan of six clients and five minutes; keys replace parts."""
    deployment = {"clients": 6, "ramp_ms": 20_000, "away_ms": {"exponential": 15_000}}
    return Plan.model_validate(
        {
            "name": "small",
            "deployment": {**deployment, **keys.pop("deployment", {})},
            "visits": keys.pop("visits", VISITS),
            "phases": keys.pop("phases", PHASES),
            **keys,
        }
    )
