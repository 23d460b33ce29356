"""What alembic makes of the revisions of a folder, without running any: heads, and the order from the first one. Files are parsed, not imported."""
import ast, json, pathlib, sys
from alembic.script.revision import Revision, RevisionMap


def values(path):
    found = {}
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision", "depends_on", "branch_labels"):
                try:
                    found[target.id] = ast.literal_eval(node.value)
                except ValueError:
                    found[target.id] = None
    return found


parsed = [values(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py"))]
revisions = [
    Revision(one["revision"], one.get("down_revision"), dependencies=one.get("depends_on"), branch_labels=one.get("branch_labels"))
    for one in parsed
    if one.get("revision")
]
known = RevisionMap(lambda: revisions)
order = [one.revision for one in known.iterate_revisions("heads", "base")][::-1]
after = {one.revision: sorted(one._all_down_revisions) for one in revisions}
print(json.dumps({"heads": sorted(known.heads), "order": order, "after": after}))
