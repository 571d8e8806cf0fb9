"""Arm robot with preconditions."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("arm")
S = {
    "power": False,
    "homed": False,
    "estop": False,
    "gripper": "open",
    "holding": None,
    "position": "unknown",
    "speed": 50,
}
OBJ = {"cube": "bin_a", "ball": "bin_b", "rod": "tray"}
SPOTS = ["home", "bin_a", "bin_b", "tray", "inspection"]


@mcp.tool()
def get_status() -> dict:
    """Current state of the arm."""
    return dict(S)


@mcp.tool()
def power_on() -> dict:
    """Switch the motors on."""
    if S["power"]:
        raise ToolError("already on")
    S["power"] = True
    return dict(S)


@mcp.tool()
def power_off() -> dict:
    """Switch the motors off."""
    if S["holding"]:
        raise ToolError("cannot power off while holding an object")
    S["power"] = S["homed"] = False
    return dict(S)


@mcp.tool()
def home() -> dict:
    """Find the reference position."""
    if not S["power"]:
        raise ToolError("motors are off")
    S["homed"] = True
    S["position"] = "home"
    return dict(S)


@mcp.tool()
def list_locations() -> list[str]:
    """Named locations the arm can move to."""
    return SPOTS


@mcp.tool()
def scan_objects() -> list[dict]:
    """Objects the camera sees and where they are."""
    return [{"object": k, "location": v} for k, v in OBJ.items()]


@mcp.tool()
def move_to(location: str) -> dict:
    """Move to a named location."""
    if not S["power"]:
        raise ToolError("motors are off")
    if not S["homed"]:
        raise ToolError("arm not homed")
    if location not in SPOTS:
        raise ToolError(f"unknown location: {location}")
    S["position"] = location
    return dict(S)


@mcp.tool()
def open_gripper() -> dict:
    """Open the gripper."""
    if not S["power"]:
        raise ToolError("motors are off")
    if S["holding"]:
        OBJ[S["holding"]] = S["position"]
        S["holding"] = None
    S["gripper"] = "open"
    return dict(S)


@mcp.tool()
def grasp(object: str) -> dict:
    """Close the gripper around an object at the current location."""
    if not S["power"]:
        raise ToolError("motors are off")
    if object not in OBJ:
        raise ToolError(f"no object called {object}")
    if S["holding"]:
        raise ToolError(f"already holding {S['holding']}")
    if OBJ[object] != S["position"]:
        raise ToolError(f"{object} is not at the current location")
    S["holding"] = object
    S["gripper"] = "closed"
    OBJ[object] = "gripper"
    return dict(S)


@mcp.tool()
def place(location: str) -> dict:
    """Put the held object down at a location."""
    if not S["holding"]:
        raise ToolError("not holding anything")
    if location not in SPOTS:
        raise ToolError(f"unknown location: {location}")
    OBJ[S["holding"]] = location
    S["holding"] = None
    S["position"] = location
    S["gripper"] = "open"
    return dict(S)


@mcp.tool()
def set_speed(percent: int) -> dict:
    """Speed in percent."""
    if not 1 <= percent <= 100:
        raise ToolError("percent must be between 1 and 100")
    S["speed"] = percent
    return dict(S)


@mcp.tool()
def emergency_stop() -> dict:
    """Stop now."""
    S["power"] = False
    S["homed"] = False
    return dict(S)


if __name__ == "__main__":
    mcp.run()
