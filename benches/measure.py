"""Runs one command and prints what it cost, as one line of JSON.

    python benches/measure.py dhow sql ...

`seconds` is wall time, `cpu_seconds` user and system time together, `peak_bytes` the largest
resident size of the command or of a child of it. Rust's safe libraries do not tell the resources of
a child; Python's standard library does.
"""

import json
import resource
import subprocess
import sys
import time


def main():
    start = time.perf_counter()
    done = subprocess.run(sys.argv[1:], capture_output=True, check=False)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Linux counts kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    result = {
        "code": done.returncode,
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * unit,
        "stdout": done.stdout[-4000:].decode(errors="replace"),
        "stderr": done.stderr[-4000:].decode(errors="replace"),
    }
    print(json.dumps(result))


main()
