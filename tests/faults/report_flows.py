"""The flow of an export, ready to be cut: asked for, written step by step, and the same file in the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tests.faults.books import Books
from tests.faults.crashes import Flow, Scene
from tests.faults.world import Tenant, World, post, step


@dataclass(frozen=True)
class Exporter(Tenant):
    """A tenant of whose exports the files are looked at, too."""

    def books(self, at: datetime) -> Books:
        """With what is in the files."""
        files = self.world.run(at, step("report_files", tenant_id=self.id)).last()
        return replace(super().books(at), files=tuple(files))


def _exported(world: World, at: datetime) -> Scene:
    """Five customers and the tenant's own, two at a step."""
    made = world.new_tenant(at, customers=5, plans=())
    tenant = Exporter(world, made.id, made.key, made.customer_ids, made.clock_id, made.since)
    request = post("reports", "/v1/exports", tenant.key, "export", {"kind": "customers", "format": "jsonl"})
    drain = step("report_drain")
    again = [step("later", seconds=15), request, drain, step("later", seconds=150), step("sweep"), drain]
    # A step that failed is put off by half a minute; then the sweep comes round once more.
    again += [step("later", seconds=150), step("sweep"), drain]
    return Scene(at, [request, drain], again, tenant, {"runs": [("done", 6)]})


FLOWS = (Flow("export customers step by step", _exported, route="POST /v1/exports"),)
