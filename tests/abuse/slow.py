"""Opens many connections and keeps them busy with nearly nothing; prints what became of them as JSON.

slow.py heads|bodies|reads CONNECTIONS SECONDS SOURCE
"""

import asyncio
import json
import sys
from collections import Counter

KIND, CONNECTIONS, SECONDS, SOURCE = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
HOST = b"Host: blog.example.com\r\n"
BEGIN = {
    "heads": b"GET / HTTP/1.1\r\n" + HOST,
    "bodies": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n",
    "reads": b"GET /static/large HTTP/1.1\r\n" + HOST + b"\r\n",
}
DRIP = {"heads": b"X-A: b\r\n", "bodies": b"x", "reads": b""}


async def hold(until, became):
    """Keep one connection busy, and open the next when it ends; count how each ended, and what is still open at last."""
    while asyncio.get_running_loop().time() < until:
        became[await one(until)] += 1
        await asyncio.sleep(1)


async def one(until):
    """What became of one connection: open, closed, or the status of an answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", 80, local_addr=(SOURCE, 0), limit=1024)
    except OSError:
        return "refused"
    try:
        writer.write(BEGIN[KIND])
        while asyncio.get_running_loop().time() < until:
            if KIND == "reads":
                # Whoever reads nothing does not see the end either.
                await asyncio.sleep(1)
                continue
            if (ended := await end(reader, 1)) != "open":
                return ended
            writer.write(DRIP[KIND])
        # The last ones to come are still to be answered.
        return "open" if KIND == "reads" else await end(reader, 3)
    except OSError:
        return "closed"
    finally:
        writer.close()


async def end(reader, seconds):
    """How the connection ends within so many seconds."""
    try:
        answer = await asyncio.wait_for(reader.read(12), seconds)
        return answer.split()[1].decode() if answer else "closed"
    except asyncio.TimeoutError:
        return "open"


async def main():
    until, became = asyncio.get_running_loop().time() + SECONDS, Counter()
    await asyncio.gather(*(hold(until, became) for _ in range(CONNECTIONS)))
    print(json.dumps(became))


asyncio.run(main())
