"""A headless Chromium, where there is one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

ROOT = Path(__file__).parent.parent.parent


def _found(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def chromium(dark: bool = False, width: int = 1300) -> "Iterator[WebDriver]":
    """A browser without a network; skips the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = (
        _found("chromium", "chromium-browser", "google-chrome"),
        _found("chromedriver"),
    )
    if browser is None or driver is None:
        pytest.skip("there is no chromium with chromedriver: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    arguments += [f"--window-size={width},1000", "--host-resolver-rules=MAP * ~NOTFOUND"]
    if dark:
        arguments.append("--blink-settings=preferredColorScheme=0")
    for argument in arguments:
        options.add_argument(argument)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        started.set_script_timeout(120)
        yield started
    finally:
        started.quit()


def axe() -> str:
    """The source of axe-core; skips the test where it is not installed."""
    places = [ROOT / "node_modules", Path(os.environ.get("WSRACE_NODE_MODULES", "."))]
    for place in places:
        script = place / "axe-core" / "axe.min.js"
        if script.is_file():
            return script.read_text(encoding="utf-8")
    pytest.skip("axe-core is not installed: npm install --no-save axe-core")
