"""Everything the catalog can refuse, so that the command line can print one sentence and stop.

CatalogError
├── BadInput        a given file is wrong; says which file, which line and why
├── CatalogExists   there is a catalog already, and nobody asked to replace it
├── ImportRunning   somebody else is making something in the same directory right now
└── NotACatalog     what lies there is no catalog, or a damaged or newer one
"""

from pathlib import Path


class CatalogError(Exception):
    """The common ancestor; its text is a sentence for the operator and holds no secrets."""


class BadInput(CatalogError):
    """A given file can't be imported. `line` counts physical lines from 1; None: the whole file."""

    def __init__(self, file: Path, line: int | None, reason: str) -> None:
        super().__init__(file, line, reason)
        self.file = file
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        where = f"{self.file}" if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.reason}"


class CatalogExists(CatalogError):
    """The target of an import is taken."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} exists already; ask for it to be replaced")


class ImportRunning(CatalogError):
    """Two of them in one place would destroy each other's work; backups are made there as well."""

    def __init__(self, target: Path) -> None:
        told = f"{target.parent}: an import, a backup or a restore is at work there"
        super().__init__(f"{told}; wait until it has ended")


class NotACatalog(CatalogError):
    """A directory that can't be opened as a catalog."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"{directory} is not a usable catalog: {reason}")
