"""A site is closed and opened while visitors come."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from target import HERE, Target

VISITING = "/srv/visiting"


def test_no_request_is_lost_when_a_site_is_closed_and_opened(target: Target) -> None:
    target.server.write("/srv/visitor.py", (HERE / "visitor.py").read_text())
    target.server.run(f"touch {VISITING}")
    with ThreadPoolExecutor() as pool:
        visitor = pool.submit(target.server.run, f"python3 /srv/visitor.py 600 {VISITING}")
        try:
            target.project.play("-e", "maintenance=on", "-e", "only=blog", playbooks=("maintenance.yml",)).expect_success()
            # A deploy, or any other run, does not open it by accident.
            target.project.play().expect_success()
            assert target.server.get("blog.example.com").status == 503
            target.project.play("-e", "maintenance=off", playbooks=("maintenance.yml",)).expect_success()
            assert target.server.get("blog.example.com").status == 200
        finally:
            target.server.run(f"rm {VISITING}")
        met = json.loads(visitor.result())
    print(f"\n{target.server.name}: {len(met['took'])} requests, {len(met['failed'])} of them while the site was closed")
    assert len(met["failed"]) < len(met["took"])
    assert set(met["failed"]) == {"status 503"}
