"""Finds the declarations: modules of this package and of one more folder that have a `dataset`; beside the flow."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

import shared.datasets
from shared.datasets.declaration import Dataset
from shared.errors import BadSettings

Catalogue = dict[str, Dataset]

RESERVED = ("uploads", "datasets", "users", "tokens", "events", "parked", "health", "schema", "read", "store")


def load_catalogue(folder: str = "") -> Catalogue:
    """All datasets by name: those that ship and those declared in `folder`.

    Raises BadSettings where a folder is missing, a file in it declares nothing, or a name is taken or reserved.
    """
    names = [one.name for one in pkgutil.iter_modules(shared.datasets.__path__)]
    shipped = [importlib.import_module(f"shared.datasets.{name}") for name in names]
    catalogue = {module.dataset.name: module.dataset for module in shipped if hasattr(module, "dataset")}
    for module in _modules_in(folder) if folder else ():
        dataset = getattr(module, "dataset", None)
        if not isinstance(dataset, Dataset):
            raise BadSettings(f"{module.__file__} declares no `dataset`.")
        if dataset.name in catalogue or dataset.name in RESERVED or not dataset.name.isidentifier():
            raise BadSettings(f"{module.__file__}: {dataset.name!r} is taken or reserved; choose another identifier.")
        catalogue[dataset.name] = dataset
    return catalogue


def _modules_in(folder: str) -> list[ModuleType]:
    if not Path(folder).is_dir():
        raise BadSettings(f"TABLEFOLD_DATASETS_FOLDER: {folder} is no folder.")
    return [_import_file(path) for path in sorted(Path(folder).glob("[!_]*.py"))]


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tablefold_datasets.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BadSettings(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Where annotations are looked up.
    spec.loader.exec_module(module)
    return module
