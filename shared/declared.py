"""The declarations by which datasets are served, which may be older than our own; read table -> *command or query*."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.datasets.catalogue import Catalogue
from shared.datasets.stored import declared_in

DECLARED = text("""
    SELECT live.dataset, made.fingerprint, CAST(made.declaration AS text) AS declaration
    FROM read.datasets AS live JOIN read.generations AS made USING (dataset, generation)
""")


async def read_declared(engine: AsyncEngine, own: Catalogue) -> Catalogue:
    """Our own datasets, each as what is served of it was declared; raises what the database raises."""
    async with engine.connect() as connection:
        kept = {row.dataset: row for row in await connection.execute(DECLARED)}
    return {
        name: declared_in(dataset, kept[name].fingerprint, kept[name].declaration) if name in kept else dataset
        for name, dataset in own.items()
    }


def fingerprints(catalogue: Catalogue) -> Mapping[str, str]:
    """What tells one catalogue from another."""
    return {name: dataset.fingerprint for name, dataset in catalogue.items()}
