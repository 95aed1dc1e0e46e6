"""All forms; apart, those that are transcribed from documentation."""

from tests.logs.forms import of_libraries, of_logging
from tests.logs.forms.form import Form

FORMS: tuple[Form, ...] = (*of_logging.FORMS, *of_libraries.FORMS)
TRANSCRIBED: tuple[Form, ...] = ()
