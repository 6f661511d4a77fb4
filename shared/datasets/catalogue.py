"""Finds the declarations: modules of this package and of one more folder that have a `dataset`; beside the flow."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import shared.datasets
from shared.datasets.declaration import Dataset
from shared.errors import BadSettings

Catalogue = dict[str, Dataset]

RESERVED = (
    *("uploads", "datasets", "users", "tokens", "keys", "events", "parked", "health", "schema", "docs", "problems"),
    *("read", "store"),
)


def load_catalogue(folder: str = "") -> Catalogue:
    """All datasets by name: those that ship and those declared in `folder`.

    Raises BadSettings where a folder is missing, a file in it declares nothing, a name is taken or reserved, or a
    field refers to a dataset that is not there.
    """
    catalogue = shipped()
    for path in declaration_files(folder) if folder else ():
        dataset = read_declaration(path)
        if wrong := fault_of_name(dataset.name, catalogue):
            raise BadSettings(f"{path}: {wrong}")
        catalogue[dataset.name] = dataset
    for dataset in catalogue.values():
        if wrong := fault_of_references(dataset, catalogue):
            raise BadSettings(wrong)
    return catalogue


def shipped() -> Catalogue:
    """The datasets that ship, by name."""
    names = [one.name for one in pkgutil.iter_modules(shared.datasets.__path__)]
    modules = [importlib.import_module(f"shared.datasets.{name}") for name in names]
    return {module.dataset.name: module.dataset for module in modules if hasattr(module, "dataset")}


def declaration_files(folder: str) -> list[Path]:
    """The files of a folder that should declare a dataset each; raises BadSettings where there is no such folder."""
    if not Path(folder).is_dir():
        raise BadSettings(f"TABLEFOLD_DATASETS_FOLDER: {folder} is no folder.")
    return sorted(Path(folder).glob("[!_]*.py"))


def read_declaration(path: Path) -> Dataset:
    """The dataset that a file declares; raises BadSettings with whatever is wrong in it."""
    spec = importlib.util.spec_from_file_location(f"tablefold_datasets.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BadSettings(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Where annotations are looked up.
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadSettings(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    dataset = getattr(module, "dataset", None)
    if not isinstance(dataset, Dataset):
        raise BadSettings(f"{path} declares no `dataset`.")
    return dataset


def fault_of_name(name: str, taken: Catalogue) -> str:
    """Why a dataset beside others cannot be called so; empty if it can."""
    if name in taken or name in RESERVED or not name.isidentifier():
        return f"{name!r} is taken or reserved; choose another identifier."
    return ""


def fault_of_references(dataset: Dataset, catalogue: Catalogue) -> str:
    """Which of a dataset's fields refers to what is not there; empty if none does."""
    for field in dataset.file_fields:
        other = catalogue.get(field.refers)
        if field.refers and (other is None or other.key is None):
            return f"{dataset.name}.{field.name} refers to {field.refers!r}, which is no dataset with a key."
    return ""
