"""pgbench with the very SQL that the query API prepares: what no HTTP before it can pass; beside the flow."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from cli.bench.statements import Statement
from cli.servers.postgres import binaries
from shared.errors import Unavailable

TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def transactions_per_s(
    folder: Path, url: str, one: Statement, given: Sequence[dict[int, str]], clients: int, seconds: int
) -> float:
    """How often so many clients get an answer; numbers are drawn from the range of those given, keys are the first."""
    script, constants = folder / "pgbench.sql", []
    chosen: list[str] = []
    for at, value in enumerate(one.values):
        if one.varying.get(at) == "decimal":
            drawn = [Decimal(each[at]) for each in given]
            chosen.append(f"\\set v{at} random({int(min(drawn))}, {int(max(drawn))})")
        else:
            constants += ["-D", f"v{at}={given[0][at] if at in one.varying else value}"]
    sql = re.sub(r"\$(\d+)", lambda found: f":v{int(found[1]) - 1}", " ".join(one.sql.split()))
    script.write_text("\n".join([*chosen, f"{sql};"]) + "\n")
    load = ["-n", "-M", "prepared", "-f", str(script), "-c", str(clients), "-j", "1", "-T", str(seconds)]
    done = subprocess.run(
        [str(binaries() / "pgbench"), *load, *constants, url],
        env={"PGOPTIONS": f"-c plan_cache_mode={one.plans}"},
        capture_output=True,
        text=True,
        timeout=60 + seconds,
        check=False,
    )
    found = TPS.search(done.stdout)
    if done.returncode or found is None:
        raise Unavailable(f"pgbench failed: {done.stderr.strip()[-500:]}")
    return float(found[1])
