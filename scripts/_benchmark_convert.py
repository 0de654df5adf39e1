"""Convert one session (session.yaml, output folder) and print what it cost, as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

from nwb_spikeinference_converters.sessions.convert_session import convert_session

started = time.perf_counter()
report = convert_session(Path(sys.argv[1]), Path(sys.argv[2]))
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(
    json.dumps({"s": seconds, "MB": report.path.stat().st_size / 1e6, "peak_MB": peak / 1e6, "path": str(report.path)})
)
