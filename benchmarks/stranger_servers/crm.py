"""A CRM with 120 tools generated from resources, as gateways do it."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("crm")
DB = {}
N = {}
RES = [
    ("contact", None),
    ("company", None),
    ("deal", "company"),
    ("ticket", "contact"),
    ("invoice", "company"),
    ("quote", "deal"),
    ("product", None),
    ("campaign", None),
    ("meeting", "contact"),
    ("note", "contact"),
    ("contract", "company"),
    ("subscription", "contract"),
    ("payment", "invoice"),
    ("territory", None),
    ("team", None),
    ("lead", "campaign"),
    ("email", "contact"),
    ("form", "campaign"),
    ("asset", "company"),
    ("region", None),
]


def make(res, parent):
    pl = res + ("es" if res.endswith("s") else "ies" if False else "s")
    if res.endswith("y"):
        pl = res[:-1] + "ies"
    DB[res] = {
        f"{res[:3]}_{i}": {
            "id": f"{res[:3]}_{i}",
            "name": f"{res.title()} {i}",
            "archived": i == 3,
            **({f"{parent}_id": f"{parent[:3]}_{i}"} if parent else {}),
        }
        for i in (1, 2, 3)
    }

    def lst():
        return list(DB[res].values())

    def get(id: str):
        if id not in DB[res]:
            raise ToolError(f"{res} {id} not found")
        return DB[res][id]

    if parent:

        def create(name: str, parent_id: str):
            if parent_id not in DB[parent]:
                raise ToolError(f"{parent} {parent_id} not found")
            if DB[parent][parent_id]["archived"]:
                raise ToolError(f"{parent} {parent_id} is archived")
            k = f"{res[:3]}_{len(DB[res]) + 1}"
            DB[res][k] = {"id": k, "name": name, "archived": False, f"{parent}_id": parent_id}
            return DB[res][k]

        ns = {}
        exec(
            f"def create(name: str, {parent}_id: str) -> dict:\n    return _c(name, {parent}_id)\n",
            {"_c": create},
            ns,
        )
        create = ns["create"]
    else:

        def create(name: str) -> dict:
            k = f"{res[:3]}_{len(DB[res]) + 1}"
            DB[res][k] = {"id": k, "name": name, "archived": False}
            return DB[res][k]

    def rename(id: str, name: str) -> dict:
        r = get(id)
        if r["archived"]:
            raise ToolError(f"{res} {id} is archived and read-only; restore it first")
        r["name"] = name
        return r

    def archive(id: str) -> dict:
        r = get(id)
        if r["archived"]:
            raise ToolError(f"{res} {id} is already archived")
        r["archived"] = True
        return r

    def restore(id: str) -> dict:
        r = get(id)
        if not r["archived"]:
            raise ToolError(f"{res} {id} is not archived")
        r["archived"] = False
        return r

    lst.__annotations__["return"] = list[dict]
    get.__annotations__["return"] = dict
    mcp.add_tool(lst, name=f"list_{pl}", description=f"List {pl}")
    mcp.add_tool(get, name=f"get_{res}", description=f"Get a {res} by id")
    mcp.add_tool(
        create,
        name=f"create_{res}",
        description=f"Create a {res}" + (f" for a {parent}" if parent else ""),
    )
    mcp.add_tool(rename, name=f"rename_{res}", description=f"Rename a {res}")
    mcp.add_tool(archive, name=f"archive_{res}", description=f"Archive a {res}")
    mcp.add_tool(restore, name=f"restore_{res}", description=f"Restore an archived {res}")


for r in RES:
    make(*r)
if __name__ == "__main__":
    mcp.run()
