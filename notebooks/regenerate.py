"""Run the notebooks and keep what they show: `python notebooks/regenerate.py [NAME ...]`.

Each .py is the source; its .ipynb is written anew. What differs from run to run or from machine to
machine is left out (times, ids, the version of Python), except in cells tagged `varies`.
"""

import base64
import io
import os
import sys
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent.resolve()
SOURCES = tuple(sorted(FOLDER.glob("[0-9]*.py")))


def executed(source: Path) -> Any:
    """Return a notebook with its outputs, run on this very Python and this checkout's `sim`."""
    book = jupytext.read(source)
    for number, cell in enumerate(book.cells, 1):
        cell.id = f"cell-{number}"
    with TemporaryDirectory() as folder:
        ours = KernelSpecManager(kernel_dirs=[])  # no installed kernel: ipykernel's is this Python
        manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ours)
        manager.connection_file = f"{folder}/kernel.json"
        client = NotebookClient(book, manager, timeout=300, record_timing=False)
        client.resources = {"metadata": {"path": str(FOLDER)}}
        client.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
        env = {**os.environ, "PYTHONPATH": str(FOLDER.parent), "IPYTHONDIR": folder}
        client.execute(env=env, cleanup_kc=True)
    book.metadata["language_info"] = {"name": "python"}
    for cell in book.cells:
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
    return book


def joined(outputs: list[Any]) -> list[Any]:
    """Return outputs with what was printed in a row as one: it comes in pieces as flushes fall."""
    whole: list[Any] = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            whole.append(copy(output))
    return whole


def keep_small(book: Any) -> None:
    """Store figures with 128 colours: they look the same in a third of the bytes."""
    for output in (one for cell in book.cells for one in cell.get("outputs", ())):
        if png := output.get("data", {}).get("image/png"):
            figure, small = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
            figure.convert("RGB").quantize(128).save(small, "PNG", optimize=True)
            output["data"]["image/png"] = base64.b64encode(small.getvalue()).decode()


if __name__ == "__main__":
    for source in SOURCES:
        if not sys.argv[1:] or source.name.startswith(tuple(sys.argv[1:])):
            book = executed(source)
            keep_small(book)
            jupytext.write(book, source.with_suffix(".ipynb"))
            print(source.stem)
