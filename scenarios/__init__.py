"""The shipped scenarios: TOML files, read through `sim.files.catalog`."""
