"""Garden planner whose errors are friendly prose, never flagged as errors."""

from mcp.server import MCPServer

mcp = MCPServer("garden")
BEDS = {
    "north": {"size": 4, "plants": ["kale"], "dug": True},
    "south": {"size": 2, "plants": [], "dug": False},
    "herb": {"size": 3, "plants": ["mint", "basil", "thyme"], "dug": True},
}
SEEDS = {"carrot": 30, "kale": 0, "pea": 12, "beet": 5}
WATER = {"litres": 40}


@mcp.tool()
def show_beds() -> str:
    """Shows the beds of the garden and what grows there."""
    return "\n".join(
        f"{n}: {b['size']} places, {'dug over' if b['dug'] else 'not dug over yet'}, "
        f"growing: {', '.join(b['plants']) or 'nothing'}"
        for n, b in BEDS.items()
    )


@mcp.tool()
def show_seeds() -> str:
    """Shows the seed box."""
    return "\n".join(f"- {n}: {c} seeds" for n, c in SEEDS.items())


@mcp.tool()
def dig_bed(bed: str) -> str:
    """Digs over a bed."""
    if bed not in BEDS:
        return f"Hmm, I couldn't find a bed called {bed}. Have a look at show_beds."
    if BEDS[bed]["dug"]:
        return f"Sorry, the {bed} bed has been dug over already."
    BEDS[bed]["dug"] = True
    return f"The {bed} bed is dug over now."


@mcp.tool()
def sow(bed: str, plant: str) -> str:
    """Sows a plant in a bed."""
    if bed not in BEDS:
        return f"Hmm, I couldn't find a bed called {bed}. Have a look at show_beds."
    if plant not in SEEDS:
        return f"Sorry, we have no {plant} in the seed box."
    if not SEEDS[plant]:
        return f"Sorry, we ran out of {plant} seeds. Buy some with buy_seeds."
    if not BEDS[bed]["dug"]:
        return f"I can't sow there yet: the {bed} bed needs digging over first (dig_bed)."
    if len(BEDS[bed]["plants"]) >= BEDS[bed]["size"]:
        return f"Sorry, the {bed} bed is full. Harvest something first."
    BEDS[bed]["plants"].append(plant)
    SEEDS[plant] -= 1
    return f"Sowed {plant} in the {bed} bed."


@mcp.tool()
def harvest(bed: str, plant: str) -> str:
    """Harvests a plant from a bed."""
    if bed not in BEDS:
        return f"Hmm, I couldn't find a bed called {bed}. Have a look at show_beds."
    if plant not in BEDS[bed]["plants"]:
        return f"There is no {plant} growing in the {bed} bed."
    BEDS[bed]["plants"].remove(plant)
    return f"Harvested the {plant} from the {bed} bed. Enjoy!"


@mcp.tool()
def buy_seeds(plant: str, amount: int) -> str:
    """Buys seeds, at most 50 at once."""
    if plant not in SEEDS:
        return f"Sorry, the shop does not carry {plant}."
    if amount > 50:
        return "Sorry, you can only buy up to 50 seeds at once."
    SEEDS[plant] += amount
    return f"Bought {amount} {plant} seeds."


@mcp.tool()
def water_bed(bed: str, litres: int) -> str:
    """Waters a bed from the barrel."""
    if bed not in BEDS:
        return f"Hmm, I couldn't find a bed called {bed}. Have a look at show_beds."
    if litres > WATER["litres"]:
        return f"Oh no, there are only {WATER['litres']} litres left in the barrel."
    WATER["litres"] -= litres
    return f"Watered {bed} with {litres} litres."


@mcp.tool()
def barrel_level() -> str:
    """How much water is left."""
    return f"{WATER['litres']} litres left"


if __name__ == "__main__":
    mcp.run()
