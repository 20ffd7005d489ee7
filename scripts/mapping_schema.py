"""Write docs/mapping.schema.json: the JSON Schema of mapping documents, as an editor takes it.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mappings.json_schema import json_schema
from scripts import made

PAPER = Path(__file__).parent.parent / "docs" / "mapping.schema.json"


def paper() -> str:
    """The whole file, as `vaultbridge mappings schema` prints it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(
        made.main(PAPER, lambda _: paper(), script="scripts.mapping_schema", arguments=sys.argv[1:])
    )
