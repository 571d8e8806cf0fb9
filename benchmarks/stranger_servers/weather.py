"""Weather alerts and subscriptions with Google-style docstrings, camelCase and nested JSON."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("weather")
ST = {
    "KSEA": {"stationId": "KSEA", "city": "Seattle", "active": True},
    "KBOI": {"stationId": "KBOI", "city": "Boise", "active": False},
}
SUB: dict[str, Any] = {}


@mcp.tool()
def listStations() -> dict[str, Any]:
    """List weather stations.

    Returns:
        A dict with the stations.
    """
    return {"data": {"stations": list(ST.values())}}


@mcp.tool()
def getForecast(stationId: str, units: str) -> dict[str, Any]:
    """Get the forecast of a station.

    Args:
        stationId: Identifier of the station, e.g. 'KSEA'
        units: Either metric or imperial
    """
    if stationId not in ST:
        raise ToolError(f"StationNotFound: {stationId}")
    if units not in ("metric", "imperial"):
        raise ToolError("ValueError: units must be 'metric' or 'imperial'")
    if not ST[stationId]["active"]:
        raise ToolError("StationInactive: activate the station before requesting a forecast")
    return {"stationId": stationId, "temp": 12, "units": units}


@mcp.tool()
def activateStation(stationId: str) -> dict[str, Any]:
    """Activate a station.

    Args:
        stationId: Identifier of the station
    """
    if stationId not in ST:
        raise ToolError(f"StationNotFound: {stationId}")
    ST[stationId]["active"] = True
    return ST[stationId]


@mcp.tool()
def createSubscription(stationId: str, email: str, threshold: float) -> dict[str, Any]:
    """Subscribe to alerts of a station.

    Args:
        stationId: Identifier of the station
        email: Where alerts go, e.g. 'ops@example.org'
        threshold: Wind speed between 10 and 50
    """
    if stationId not in ST:
        raise ToolError(f"StationNotFound: {stationId}")
    if not 10 <= threshold <= 50:
        raise ToolError("ValueError: threshold must be between 10 and 50")
    k = f"sub-{len(SUB) + 1}"
    SUB[k] = {"subscriptionId": k, "stationId": stationId, "email": email, "state": "pending"}
    return SUB[k]


@mcp.tool()
def confirmSubscription(subscriptionId: str) -> dict[str, Any]:
    """Confirm a subscription.

    Args:
        subscriptionId: What createSubscription returned
    """
    if subscriptionId not in SUB:
        raise ToolError(f"SubscriptionNotFound: {subscriptionId}")
    if SUB[subscriptionId]["state"] != "pending":
        raise ToolError("already confirmed")
    SUB[subscriptionId]["state"] = "active"
    return SUB[subscriptionId]


if __name__ == "__main__":
    mcp.run()
