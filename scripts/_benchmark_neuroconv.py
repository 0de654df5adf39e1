"""Convert one .nsX file with neuroconv (source, target) as its documentation does, and print what it cost, as JSON."""

import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from neuroconv.datainterfaces import BlackrockRecordingInterface

source, target = map(Path, sys.argv[1:])
started = time.perf_counter()
interface = BlackrockRecordingInterface(file_path=source)
metadata = interface.get_metadata()
metadata["NWBFile"].update(session_start_time=datetime(2000, 1, 1, tzinfo=UTC))
interface.run_conversion(nwbfile_path=target, metadata=metadata)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"s": seconds, "MB": target.stat().st_size / 1e6, "peak_MB": peak / 1e6, "path": str(target)}))
