"""Parcel carrier: slow, and every third call fails with 503."""

import time

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("parcels")
P = {
    "PX1": {"parcel": "PX1", "status": "label_printed", "weight_g": 900, "to": "Oslo"},
    "PX2": {"parcel": "PX2", "status": "in_transit", "weight_g": 2500, "to": "Rome"},
    "PX3": {"parcel": "PX3", "status": "delivered", "weight_g": 400, "to": "Lyon"},
}
C = {"n": 0}


def tick():
    C["n"] += 1
    time.sleep(0.05)
    if C["n"] % 3 == 0:
        raise ToolError(
            [
                "503 Service Unavailable",
                "Request timed out, please retry",
                "429 Too Many Requests. Retry after 1 s",
            ][C["n"] // 3 % 3]
        )


@mcp.tool()
def parcels() -> list[dict]:
    """All parcels."""
    tick()
    return list(P.values())


@mcp.tool()
def track(parcel: str) -> dict:
    """Track a parcel."""
    tick()
    if parcel not in P:
        raise ToolError(f"No such parcel: {parcel}")
    return P[parcel]


@mcp.tool()
def print_label(to: str, weight_g: int) -> dict:
    """Print a label for a new parcel."""
    tick()
    if weight_g > 30000:
        raise ToolError("weight_g must not exceed 30000")
    k = f"PX{len(P) + 1}"
    P[k] = {"parcel": k, "status": "label_printed", "weight_g": weight_g, "to": to}
    return P[k]


@mcp.tool()
def hand_over(parcel: str) -> dict:
    """Hand a labelled parcel to the driver."""
    tick()
    if parcel not in P:
        raise ToolError(f"No such parcel: {parcel}")
    if P[parcel]["status"] != "label_printed":
        raise ToolError(f"Parcel is {P[parcel]['status']}")
    P[parcel]["status"] = "in_transit"
    return P[parcel]


@mcp.tool()
def claim_refund(parcel: str, reason: str) -> dict:
    """Claim a refund for a lost parcel."""
    tick()
    if parcel not in P:
        raise ToolError(f"No such parcel: {parcel}")
    if P[parcel]["status"] != "in_transit":
        raise ToolError("Refunds can only be claimed for parcels in transit")
    P[parcel]["status"] = "refunded"
    return P[parcel]


if __name__ == "__main__":
    mcp.run()
