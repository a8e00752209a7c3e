#!/bin/sh
# -I: neither the caller's directory nor its variables decide what root imports.
exec /usr/bin/python3 -I /usr/local/lib/shortstop/engine "$@"
