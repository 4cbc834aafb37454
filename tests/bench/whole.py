"""Our run from the queue to stored results, as a worker carries it out that is warm."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import people
from tests.bench.house import KEY, database, open_house

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PATIENCE_S = 600
# The largest table is larger than what people may upload.
SETTINGS = {"WORKER_PROCESSES": "1", "UPLOAD_LIMIT_MB": "8192"}


class Tree:
    """A worker with the process of its pool, as /proc shows them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def pool(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def cpu_s(self) -> float:
        """What the processes have used so far."""
        ticks = 0
        for pid in [self.pid, *self.pool]:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(after_name[11]) + int(after_name[12])
        return ticks / TICKS_PER_S

    def forget_peak(self) -> None:
        for pid in self.pool:
            # Where the kernel does not let us, the peak is that since the process began.
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The most that the pool held since, with what it shares with the worker, and what the
        worker has beside."""
        own = _kilobytes(self.pid, "smaps_rollup", "Private_Clean", "Private_Dirty")
        return (own + sum(_kilobytes(pid, "status", "VmHWM") for pid in self.pool)) / 1024


def _kilobytes(pid: int, file: str, *names: str) -> int:
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    facts = (line.partition(":")[::2] for line in lines)
    return sum(int(value.split()[0]) for name, value in facts if name in names)


class Worker:
    """Runs checks of a product of its own; the first run of a worker warms it."""

    def __init__(self, tree: Tree, product: Any, actor: Any) -> None:
        self.tree, self.product, self.actor = tree, product, actor

    def register(self, name: str) -> Any:
        """The dataset of a file in the folder of sources, with the suite."""
        from dataquality.services.datasets import (  # noqa: PLC0415  Django is set up by then
            DatasetDraft,
            register_dataset,
        )
        from dataquality.services.files import ServerPath  # noqa: PLC0415
        from dataquality.services.suites import save_suite  # noqa: PLC0415

        draft = DatasetDraft(name=name, personal_data=False, key_columns=["id"])
        dataset = register_dataset(
            self.product, draft, ServerPath(name), actor=self.actor, profile=False
        )
        save_suite(dataset, people.checks(), actor=self.actor)
        return dataset

    def run(self, dataset: Any) -> dict[str, float]:
        """CPU and peak of the worker, and wall from the request until the results are there."""
        from dataquality.models import Run  # noqa: PLC0415  Django is set up by then
        from dataquality.services.runs import request_run  # noqa: PLC0415

        self.tree.forget_peak()
        before, began = self.tree.cpu_s(), time.perf_counter()
        run = request_run(dataset, actor=self.actor)
        unfinished = Run.objects.filter(pk=run.pk, finished_at=None)
        while unfinished.exists():
            if time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError(f"The run has not ended within {PATIENCE_S} s.")
            time.sleep(0.01)
        wall = time.perf_counter() - began
        run.refresh_from_db()
        errored = run.results.filter(outcome="errored").count()
        if run.state != "failed" or errored:
            raise RuntimeError(f"The run of the bench is {run.state}: {run.error_detail}")
        return {"cpu": self.tree.cpu_s() - before, "wall": wall, "peak": self.tree.peak_mb()}


@contextmanager
def open_worker(folder: Path, server: str) -> Iterator[Worker]:
    """A house whose worker has one process, and a product in it; see `open_house`."""
    with (
        database(folder, server) as url,
        open_house(folder, url, **SETTINGS) as house,
    ):
        import django  # noqa: PLC0415  the house has chosen the settings

        django.setup()
        from backlog.models import Actor, User  # noqa: PLC0415
        from backlog.services.products import create_product  # noqa: PLC0415

        olga = User.objects.create_user("olga@bench.example", "Olga Kuznetsova")
        actor = Actor.person(olga)
        product = create_product(key=KEY, name="Bench", owner=olga, actor=actor)
        tree = Tree(house.worker)
        deadline = time.monotonic() + 120
        while not tree.pool:  # Great Expectations is imported before the pool is there
            if time.monotonic() > deadline:
                raise RuntimeError("The worker has not started:\n" + (folder / "log").read_text())
            time.sleep(0.1)
        yield Worker(tree, product, actor)
