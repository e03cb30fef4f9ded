"""The whole table: importing this reads every family's rows."""

import importlib
import pathlib

from rows import ROWS

FAMILIES: dict = {}  # "linalg" -> names of its rows

for _path in sorted(pathlib.Path(__file__).parent.glob("domains_*.py")):
    _before = len(ROWS)
    importlib.import_module(_path.stem)
    FAMILIES[_path.stem.removeprefix("domains_")] = list(ROWS)[_before:]

CALLS = [call for row in ROWS.values() for call in row.calls]
BY_ID = {call.id: call for call in CALLS}
if len(BY_ID) < len(CALLS):
    _ids = [call.id for call in CALLS]
    raise ValueError(f"two calls alike: {[i for n, i in enumerate(_ids) if i in _ids[:n]][:5]}")
