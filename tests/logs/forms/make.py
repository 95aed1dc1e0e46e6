"""`python -m tests.logs.forms.make FOLDER ERRORS KINDS NAME...` writes logs, each called NAME.

A form that cannot be made leaves its traceback in FOLDER/NAME.failed.
"""

import os
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests.logs.forms.errors import ONLY, Kind, stream
from tests.logs.forms.every import FORMS, TRANSCRIBED


def main(folder: Path, errors: int, kinds: Sequence[Kind], names: Sequence[str]) -> None:
    warnings.simplefilter("ignore")
    events = list(stream(errors, kinds))
    for form in (*FORMS, *TRANSCRIBED):
        if form.name in names:
            try:
                form.make(folder / form.name, events)
            except Exception:
                (folder / f"{form.name}.failed").write_text(traceback.format_exc())


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    main(Path(sys.argv[1]), int(sys.argv[2]), ONLY[sys.argv[3]], sys.argv[4:])
