"""What tests do to processes: where no file can be opened, what is open is still served."""

import os
import selectors
import socket

import pytest

from tests.processes import no_more_files


def test_where_no_file_can_be_opened_other_threads_serve_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, selectors.PollSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        with no_more_files():
            with pytest.raises(OSError, match="Too many open files"):
                os.pipe()
            assert [] == selector.select(0)
