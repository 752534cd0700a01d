#!/bin/bash
# find_package(mix CONFIG) from another project, step by step as the documentation says, and what it
# built at work:  package_test.sh BUILD_FOLDER COMPILER [FLAGS]
set -euo pipefail
build=$1 compiler=$2 flags=${3:-}
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
pids=()
cleanup() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# Waits for the first line that a program writes to a file.
first_line() {
  local _
  for _ in $(seq 1200); do
    if [ -s "$1" ] && read -r line <"$1"; then
      echo "$line"
      return
    fi
    sleep 0.1
  done
  echo "nothing in $1" >&2
  return 1
}

cmake --install "$build" --component sdk --prefix "$work/prefix" >/dev/null
cp -r "$source/examples/native" "$work/example"
cmake -S "$work/example" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" >/dev/null
cmake --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }

python3 - >"$work/port" <<'PYTHON' &
import socket, sys, threading
tcp = socket.create_server(("127.0.0.1", 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", tcp.getsockname()[1]))
print(tcp.getsockname()[1], flush=True)
def datagrams():
    while True:
        data, peer = udp.recvfrom(2048)
        udp.sendto(b"udp heard " + data, peer)
threading.Thread(target=datagrams, daemon=True).start()
while True:
    connection, _ = tcp.accept()
    line = connection.makefile("rb").readline()
    connection.sendall(b"tcp heard " + line)
    connection.close()
PYTHON
pids+=($!)
port=$(first_line "$work/port")

"$build/localnet/mix-localnet" --json --map "198.60.22.10:7=127.0.0.1:$port" >"$work/network" &
pids+=($!)
directory=$(first_line "$work/network" | sed 's/.*"directory":"\([^"]*\)".*/\1/')

for kind in tcp udp; do
  heard=$("$work/build/ask" "$directory" "$kind" 198.60.22.10 7 "hello by $kind")
  if [ "$heard" != "$kind heard hello by $kind" ]; then
    echo "by $kind came: $heard"
    exit 1
  fi
done
