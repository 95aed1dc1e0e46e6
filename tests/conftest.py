"""What pytest offers to all tests: `pytester`, which runs pytest itself in a folder of its own."""

pytest_plugins = ["pytester"]
