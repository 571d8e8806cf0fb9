"""Library desk which only answers in text."""

from mcp.server import MCPServer

mcp = MCPServer("library")
B = {
    "L-10": ["The Tide", "Ana Roth", None],
    "L-11": ["Slow Roads", "Pim Vos", "M-2"],
    "L-12": ["Salt", "Ana Roth", None],
    "L-13": ["Night Bus", "Eve Tran", None],
}
M = {"M-1": ["Lea", 0, True], "M-2": ["Otto", 1, True], "M-3": ["Sami", 0, False]}


@mcp.tool()
def search_catalogue(text: str) -> str:
    """Searches titles and authors."""
    hits = [k for k, v in B.items() if text.lower() in (v[0] + v[1]).lower()]
    if not hits:
        return "No results."
    return f"Found {len(hits)} items:\n" + "\n".join(
        f"{k} | {B[k][0]} | {B[k][1]} | {'on loan' if B[k][2] else 'available'}" for k in hits
    )


@mcp.tool()
def list_members() -> str:
    """Lists library members."""
    return "Member | Name | Loans | Card\n" + "\n".join(
        f"{k} | {v[0]} | {v[1]} | {'valid' if v[2] else 'expired'}" for k, v in M.items()
    )


@mcp.tool()
def lend(item: str, member: str) -> str:
    """Lends an item to a member."""
    if item not in B:
        return f"Error: no item {item}"
    if member not in M:
        return f"Error: no member {member}"
    if not M[member][2]:
        return f"Error: the card of {member} has expired, renew it first"
    if B[item][2]:
        return f"Error: {item} is on loan to {B[item][2]}"
    B[item][2] = member
    M[member][1] += 1
    return f"OK. {item} lent to {member}, due 2026-12-22."


@mcp.tool()
def give_back(item: str) -> str:
    """Takes an item back."""
    if item not in B:
        return f"Error: no item {item}"
    if not B[item][2]:
        return f"Error: {item} is not on loan"
    M[B[item][2]][1] -= 1
    B[item][2] = None
    return f"OK. {item} is back."


@mcp.tool()
def renew_card(member: str) -> str:
    """Renews a member's card for a year."""
    if member not in M:
        return f"Error: no member {member}"
    if M[member][2]:
        return f"Error: the card of {member} is still valid"
    M[member][2] = True
    return f"OK. Card of {member} renewed."


@mcp.tool()
def reserve(item: str, member: str) -> str:
    """Reserves an item that is on loan."""
    if item not in B:
        return f"Error: no item {item}"
    if member not in M:
        return f"Error: no member {member}"
    if not B[item][2]:
        return f"Error: {item} is available, lend it instead"
    return f"OK. {item} reserved for {member}."


if __name__ == "__main__":
    mcp.run()
