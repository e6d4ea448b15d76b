"""What an account without a permission is told."""

from uuid import UUID

import pytest

from floorbroker.exchange.endpoints.absent import OPERATIONS, Operation, table
from tests.unit.exchange_front.conftest import Client

CONTRACT = "AAPL250620C00100000"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
async def test_the_operation_is_answered_as_the_table_says(
    client: Client, operation: Operation
) -> None:
    path = operation.path.replace("{}", CONTRACT)
    answer = operation.answer
    refusal = await client.ask(operation.method, path, {}, answer.status)
    assert refusal["message"] == answer.message.replace("{}", CONTRACT)
    assert refusal.get("code", 0) == answer.code


async def test_there_is_no_option_contract(client: Client) -> None:
    found = await client.ask("GET", "/v2/options/contracts", underlying_symbols="AAPL")
    assert found == {"option_contracts": [], "next_page_token": None}


async def test_only_contracts_can_be_exercised(client: Client) -> None:
    refusal = await client.ask("POST", "/v2/positions/AAPL/exercise", None, 422)
    assert refusal == {"code": 42210000, "message": "invalid symbol"}
    await client.ask("POST", f"/v2/positions/{UUID(int=1)}/do-not-exercise", None, 403)


def test_the_table_for_readers_names_every_operation_once() -> None:
    lines = list(table())
    for each in OPERATIONS:
        assert sum(f"`{each.method} {each.path}`" in line for line in lines) == 1
