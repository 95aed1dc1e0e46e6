"""All forms; apart, those that are transcribed from documentation."""

from tests.logs.forms import (
    of_journal,
    of_libraries,
    of_logging,
    of_managers,
    of_programs,
    of_rsyslog,
    transcribed,
)
from tests.logs.forms.form import Form

FORMS: tuple[Form, ...] = (
    *of_logging.FORMS,
    *of_libraries.FORMS,
    *of_rsyslog.FORMS,
    *of_journal.FORMS,
    *of_managers.FORMS,
    *of_programs.FORMS,
)
TRANSCRIBED: tuple[Form, ...] = transcribed.FORMS
