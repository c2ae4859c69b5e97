from __future__ import annotations

import signal

# A shell that starts the tests in the background leaves SIGINT ignored; programs under test, which
# are ended by it, would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
