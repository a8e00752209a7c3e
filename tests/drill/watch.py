"""Runs on a host until its input ends: prints which processes ran there, as whom, and what they took at most."""

import json
import os
import re
import select
import sys

OWN = str(os.getpid())
peaks = {}
while not select.select([sys.stdin], [], [], 0.02)[0]:
    for number in filter(str.isdigit, os.listdir("/proc")):
        if number == OWN:
            continue
        try:
            with open(f"/proc/{number}/status") as status, open(f"/proc/{number}/cmdline", "rb") as words:
                said = status.read()
                arguments = words.read(2000).replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        peak = re.search(r"VmHWM:\s+(\d+)", said)
        if peak:  # the kernel's own have none
            key = (int(re.search(r"Uid:\s+(\d+)", said)[1]), arguments)
            peaks[key] = max(peaks.get(key, 0), int(peak[1]) * 1024)
print(json.dumps([[*key, peak] for key, peak in peaks.items()]))
