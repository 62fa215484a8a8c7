"""The given data: users, events, halls and full-text search, imported once and read-only after.

import_files(Path("data/catalog"), users=..., events=..., timezone=ZoneInfo("Asia/Almaty"))
catalog = Catalog.open(Path("data/catalog"))
catalog.search("концерты", None, page=1, page_size=20)
"""

from catalog.catalog import Catalog
from catalog.errors import BadInput, CatalogError, CatalogExists, ImportRunning, NotACatalog
from catalog.events import Event, EventTable
from catalog.halls import HallPlan, Sale, Zone
from catalog.importer import import_files
from catalog.manifest import Summary, verify
from catalog.spelling import normalised
from catalog.users import User, UserTable

__all__ = [
    "BadInput",
    "Catalog",
    "CatalogError",
    "CatalogExists",
    "Event",
    "EventTable",
    "HallPlan",
    "ImportRunning",
    "NotACatalog",
    "Sale",
    "Summary",
    "User",
    "UserTable",
    "Zone",
    "import_files",
    "normalised",
    "verify",
]
