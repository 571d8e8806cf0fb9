"""Hotel booking."""

from datetime import date

from mcp.server import MCPServer

mcp = MCPServer("hotel")
ROOMS = {
    101: {"room_number": 101, "type": "single", "max_guests": 1, "price": 80},
    102: {"room_number": 102, "type": "double", "max_guests": 2, "price": 120},
    201: {"room_number": 201, "type": "suite", "max_guests": 4, "price": 260},
}
GUESTS = {
    "G-1": {"guest_id": "G-1", "name": "Ines Park", "email": "ines@example.org", "vip": True},
    "G-2": {"guest_id": "G-2", "name": "Tom Hale", "email": "tom@example.org", "vip": False},
}
BOOK = {
    "B-1001": {
        "booking_id": "B-1001",
        "guest_id": "G-2",
        "room_number": 102,
        "check_in": "2027-03-01",
        "check_out": "2027-03-04",
        "status": "confirmed",
        "paid": False,
    },
    "B-1002": {
        "booking_id": "B-1002",
        "guest_id": "G-1",
        "room_number": 201,
        "check_in": "2026-11-29",
        "check_out": "2026-12-03",
        "status": "checked_in",
        "paid": True,
    },
}


def err(code, message):
    return {"ok": False, "error": {"code": code, "message": message}}


def ok(**d):
    return {"ok": True, **d}


@mcp.tool()
def search_availability(check_in: str, check_out: str, guests: int = 1) -> dict:
    """Find free rooms between two dates (YYYY-MM-DD)."""
    try:
        a, b = date.fromisoformat(check_in), date.fromisoformat(check_out)
    except ValueError:
        return err("bad_date", "Dates must be YYYY-MM-DD")
    if b <= a:
        return err("bad_range", "check_out must be after check_in")
    if (b - a).days > 14:
        return err("too_long", "Stays are limited to 14 nights")
    free = [
        r
        for r in ROOMS.values()
        if r["max_guests"] >= guests
        and not any(
            x["room_number"] == r["room_number"]
            and x["status"] != "cancelled"
            and x["check_in"] < check_out
            and check_in < x["check_out"]
            for x in BOOK.values()
        )
    ]
    return ok(rooms=free)


@mcp.tool()
def find_guest(name: str) -> dict:
    """Find guests by part of their name."""
    return ok(guests=[g for g in GUESTS.values() if name.lower() in g["name"].lower()])


@mcp.tool()
def register_guest(name: str, email: str) -> dict:
    """Register a guest."""
    if "@" not in email:
        return err("bad_email", "email is not a valid address")
    gid = f"G-{len(GUESTS) + 1}"
    GUESTS[gid] = {"guest_id": gid, "name": name, "email": email, "vip": False}
    return ok(guest=GUESTS[gid])


@mcp.tool()
def list_bookings(guest_id: str | None = None) -> dict:
    """List bookings, optionally of one guest."""
    return ok(bookings=[b for b in BOOK.values() if not guest_id or b["guest_id"] == guest_id])


@mcp.tool()
def create_booking(guest_id: str, room_number: int, check_in: str, check_out: str) -> dict:
    """Book a room for a guest."""
    if guest_id not in GUESTS:
        return err("guest_not_found", f"No guest {guest_id}")
    if room_number not in ROOMS:
        return err("room_not_found", f"No room {room_number}")
    try:
        a, b = date.fromisoformat(check_in), date.fromisoformat(check_out)
    except ValueError:
        return err("bad_date", "Dates must be YYYY-MM-DD")
    if a < date(2026, 12, 1):
        return err("past_date", "check_in lies in the past")
    if b <= a:
        return err("bad_range", "check_out must be after check_in")
    if any(
        x["room_number"] == room_number
        and x["status"] != "cancelled"
        and x["check_in"] < check_out
        and check_in < x["check_out"]
        for x in BOOK.values()
    ):
        return err("room_taken", f"Room {room_number} is not available on these dates")
    bid = f"B-{1001 + len(BOOK)}"
    BOOK[bid] = {
        "booking_id": bid,
        "guest_id": guest_id,
        "room_number": room_number,
        "check_in": check_in,
        "check_out": check_out,
        "status": "confirmed",
        "paid": False,
    }
    return ok(booking=BOOK[bid])


@mcp.tool()
def pay_booking(booking_id: str, method: str) -> dict:
    """Take payment for a booking. method: card, cash or transfer"""
    b = BOOK.get(booking_id)
    if not b:
        return err("booking_not_found", f"No booking {booking_id}")
    if method not in ("card", "cash", "transfer"):
        return err("bad_method", "method must be card, cash or transfer")
    if b["paid"]:
        return err("already_paid", f"{booking_id} is already paid")
    b["paid"] = True
    return ok(booking=b)


@mcp.tool()
def check_in(booking_id: str) -> dict:
    """Check a guest in."""
    b = BOOK.get(booking_id)
    if not b:
        return err("booking_not_found", f"No booking {booking_id}")
    if b["status"] != "confirmed":
        return err("wrong_status", f"{booking_id} is {b['status']}, expected confirmed")
    if not b["paid"]:
        return err("unpaid", "Booking must be paid before check-in")
    b["status"] = "checked_in"
    return ok(booking=b)


@mcp.tool()
def check_out(booking_id: str) -> dict:
    """Check a guest out."""
    b = BOOK.get(booking_id)
    if not b:
        return err("booking_not_found", f"No booking {booking_id}")
    if b["status"] != "checked_in":
        return err("wrong_status", f"{booking_id} is {b['status']}, expected checked_in")
    b["status"] = "checked_out"
    return ok(booking=b)


@mcp.tool()
def cancel_booking(booking_id: str, reason: str) -> dict:
    """Cancel a booking."""
    b = BOOK.get(booking_id)
    if not b:
        return err("booking_not_found", f"No booking {booking_id}")
    if b["status"] == "checked_in":
        return err("guest_in_house", "The guest has checked in; check them out instead")
    b["status"] = "cancelled"
    return ok(booking=b)


if __name__ == "__main__":
    mcp.run()
