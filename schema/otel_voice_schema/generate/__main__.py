"""Run the generator."""

import sys

from otel_voice_schema.generate import main

sys.exit(main())
