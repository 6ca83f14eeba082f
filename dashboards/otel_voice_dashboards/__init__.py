"""What Grafana asks of the processor's metrics; `RENDERED` holds the boards as JSON, ready to import."""

from pathlib import Path
from typing import Final

RENDERED: Final = Path(__file__).parent / "rendered"
