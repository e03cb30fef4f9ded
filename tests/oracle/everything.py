"""The whole table: importing this reads every family's rows."""

import importlib
import pathlib

from rows import ROWS

for _path in sorted(pathlib.Path(__file__).parent.glob("domains_*.py")):
    importlib.import_module(_path.stem)

CALLS = [call for row in ROWS.values() for call in row.calls]
BY_ID = {call.id: call for call in CALLS}
if len(BY_ID) < len(CALLS):
    _ids = [call.id for call in CALLS]
    raise ValueError(f"two calls alike: {[i for n, i in enumerate(_ids) if i in _ids[:n]][:5]}")
