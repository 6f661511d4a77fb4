"""An upload becomes visible all at once, whatever its size."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

from cli.samples import write_debts
from tests.files import debt, debts
from tests.steps import PACE_S, Api


def counts_while(api: Api, source: str, work: Callable[[], object]) -> list[int]:
    """What a reader counts before `work`, again and again while it goes on, and once after it."""
    done, reader = Event(), Api(api.url, api.token)
    counted = [reader.count("debts", source=source)]

    def read() -> None:
        while not done.wait(PACE_S):
            counted.append(reader.count("debts", source=source))
        counted.append(reader.count("debts", source=source))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            work()
        finally:
            done.set()
        reading.result()
    reader.http.close()
    return counted


def test_a_reader_counts_none_or_all_of_300_000_rows(api: Api, source: str, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=300_000, seed=300_000)
    content = path.read_bytes()
    counted = counts_while(api, source, lambda: api.upload("debts", content, source=source))

    assert set(counted) == {0, 300_000}
    assert counted == sorted(counted)
    assert counted.count(0) > 5


def test_a_small_upload_is_as_atomic(api: Api, source: str) -> None:
    content = debts(*(debt() for _ in range(1000)))
    counted = counts_while(api, source, lambda: api.upload("debts", content, source=source))

    assert set(counted) == {0, 1000}


def test_a_later_file_replaces_records_in_one_step(api: Api, source: str) -> None:
    keys = [uuid4() for _ in range(3000)]
    api.upload("debts", debts(*(debt(key) for key in keys)), source=source)

    def replace_again_and_again() -> None:
        for amount in ("1.00", "2.00", "3.00", "4.00", "99.00"):
            api.upload("debts", debts(*(debt(key, debtAmount=amount) for key in keys)), source=source)

    assert set(counts_while(api, source, replace_again_and_again)) == {3000}
    assert {one["debt_amount"] for one in api.records("debts", source=source)} == {"99.00"}
