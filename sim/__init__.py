"""wsrace: a deterministic race-reproduction simulator for WebSocket handlers."""
