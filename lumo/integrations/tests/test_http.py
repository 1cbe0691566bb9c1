"""The HTTP client of all providers."""

import asyncio
import traceback

import pytest

from lumo.integrations.http import Http


def test_a_header_that_can_not_be_sent_is_not_shown() -> None:
    async def send() -> None:
        async with Http() as http:
            await http.send("GET", "http://127.0.0.1:9/", headers={"authorization": "pk_hidden\nvalue"})

    with pytest.raises(ValueError, match="A header holds characters") as refused:
        asyncio.run(send())
    assert "pk_hidden" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.__suppress_context__
