"""Bank with idempotency keys, limits, two-step transfers."""

import json

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("bank")
ACC = {
    "ACC-001": {
        "account_id": "ACC-001",
        "owner": "Mira",
        "currency": "EUR",
        "balance": 1200.0,
        "frozen": False,
    },
    "ACC-002": {
        "account_id": "ACC-002",
        "owner": "Jon",
        "currency": "EUR",
        "balance": 80.5,
        "frozen": False,
    },
    "ACC-003": {
        "account_id": "ACC-003",
        "owner": "Mira",
        "currency": "USD",
        "balance": 560.0,
        "frozen": True,
    },
}
TX = {}
KEYS = {}
BEN = {
    "BEN-1": {
        "beneficiary_id": "BEN-1",
        "name": "Landlord",
        "iban": "DE02120300000000202051",
        "verified": True,
    },
    "BEN-2": {
        "beneficiary_id": "BEN-2",
        "name": "Gym",
        "iban": "DE02500105170137075030",
        "verified": False,
    },
}


def a(i):
    if i not in ACC:
        raise ToolError(
            json.dumps({"code": "ACCOUNT_NOT_FOUND", "message": f"account {i} does not exist"})
        )
    return ACC[i]


def fail(code, message):
    raise ToolError(json.dumps({"code": code, "message": message}))


@mcp.tool()
def accounts_list() -> list[dict]:
    """Accounts of the customer"""
    return list(ACC.values())


@mcp.tool()
def account_balance(account_id: str) -> dict:
    """Balance"""
    x = a(account_id)
    return {"account_id": account_id, "balance": x["balance"], "currency": x["currency"]}


@mcp.tool()
def beneficiaries_list() -> list[dict]:
    """Who money can be sent to"""
    return list(BEN.values())


@mcp.tool()
def beneficiary_verify(beneficiary_id: str) -> dict:
    """Run the name check for a beneficiary"""
    if beneficiary_id not in BEN:
        fail("BENEFICIARY_NOT_FOUND", "unknown beneficiary")
    BEN[beneficiary_id]["verified"] = True
    return BEN[beneficiary_id]


@mcp.tool()
def transfer_prepare(
    from_account: str, beneficiary_id: str, amount: float, idempotency_key: str
) -> dict:
    """Prepare a transfer. Send a fresh idempotency_key (UUID) per transfer."""
    x = a(from_account)
    if beneficiary_id not in BEN:
        fail("BENEFICIARY_NOT_FOUND", "unknown beneficiary")
    if idempotency_key in KEYS:
        fail("DUPLICATE_KEY", "this idempotency_key was used before")
    if len(idempotency_key) < 8:
        fail("BAD_KEY", "idempotency_key must have at least 8 characters")
    if x["frozen"]:
        fail("ACCOUNT_FROZEN", "account is frozen")
    if not BEN[beneficiary_id]["verified"]:
        fail("BENEFICIARY_UNVERIFIED", "beneficiary must be verified first")
    if amount <= 0:
        fail("BAD_AMOUNT", "amount must be positive")
    if amount > 500:
        fail("LIMIT_EXCEEDED", "a single transfer may not exceed 500.00")
    if amount > x["balance"]:
        fail("INSUFFICIENT_FUNDS", f"balance is {x['balance']:.2f}")
    KEYS[idempotency_key] = True
    t = f"TX-{len(TX) + 1}"
    TX[t] = {
        "transfer_id": t,
        "from_account": from_account,
        "beneficiary_id": beneficiary_id,
        "amount": amount,
        "state": "prepared",
    }
    return TX[t]


@mcp.tool()
def transfer_confirm(transfer_id: str) -> dict:
    """Confirm a prepared transfer; only then is money moved"""
    if transfer_id not in TX:
        fail("TRANSFER_NOT_FOUND", f"no transfer {transfer_id}")
    t = TX[transfer_id]
    if t["state"] != "prepared":
        fail("WRONG_STATE", f"transfer is {t['state']}")
    t["state"] = "executed"
    ACC[t["from_account"]]["balance"] -= t["amount"]
    return t


@mcp.tool()
def transfer_cancel(transfer_id: str) -> dict:
    """Cancel a prepared transfer"""
    if transfer_id not in TX:
        fail("TRANSFER_NOT_FOUND", f"no transfer {transfer_id}")
    t = TX[transfer_id]
    if t["state"] != "prepared":
        fail("WRONG_STATE", f"transfer is {t['state']}")
    t["state"] = "cancelled"
    return t


@mcp.tool()
def account_freeze(account_id: str) -> dict:
    """Freeze an account"""
    x = a(account_id)
    if x["frozen"]:
        fail("ALREADY_FROZEN", "account is frozen already")
    x["frozen"] = True
    return x


@mcp.tool()
def account_unfreeze(account_id: str) -> dict:
    """Unfreeze an account"""
    x = a(account_id)
    if not x["frozen"]:
        fail("NOT_FROZEN", "account is not frozen")
    x["frozen"] = False
    return x


@mcp.tool()
def transfers_list(account_id: str, limit: int = 20) -> list[dict]:
    """Transfers of an account, newest first. limit is at most 50."""
    a(account_id)
    if limit > 50:
        fail("LIMIT_TOO_LARGE", "limit must be <= 50")
    return [t for t in TX.values() if t["from_account"] == account_id][:limit]


if __name__ == "__main__":
    mcp.run()
