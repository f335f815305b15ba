#!/bin/sh
# The rolling deployment with Docker: every node anew at another version, one after the other, under the clients' load.
#
#   compose/deploy.sh [--exec] [VERSION]  the version to deploy (default: v2)
#
# The sample has to be up, its clients healthy: docker compose up --build -d. At the end the clients are stopped and
# their closing tables read: exit 0 only if every one of them says ", 0 failed" and saw every node at the new version.
#
# Commands reach lb through the socket on the host where socat is installed and the socket answers, else through
# `lb` in its own container (on macOS and Windows a socket does not leave the virtual machine); --exec asks for the latter.
set -eu

ROUTE="socket"
if [ "${1:-}" = --exec ]; then ROUTE="exec"; shift; fi
VERSION=${1:-v2}
NODES="api0 api1 api2"
CLIENTS="client0 client1 client2 client3 client4"
LIMIT=60                                # seconds that one step may take

cd "$(dirname "$0")/.."
SOCKET=compose/run/lb.sock
TABLES=$(mktemp -d)
trap 'rm -rf "$TABLES"' EXIT

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { say "$*" >&2; exit 1; }

if docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
  compose() { docker-compose "$@"; }
else
  die "neither 'docker compose' nor 'docker-compose' is installed"
fi

if [ $ROUTE = socket ] &&
   ! { command -v socat && echo "show info" | socat stdio "UNIX-CONNECT:$SOCKET"; } >/dev/null 2>&1; then
  ROUTE="exec"
fi

# command_lb LINE: one runtime command, its answer on standard output.
command_lb() {
  case $ROUTE in
    socket) echo "$1" | socat -t "$LIMIT" stdio "UNIX-CONNECT:$SOCKET" ;;
    exec) compose exec -T lb0 /lb ctl "$1" </dev/null ;;
  esac
}

# order LINE: a runtime command that says nothing when it succeeds.
order() {
  answer=$(command_lb "$1") || die "no answer to '$1'"
  [ -z "$answer" ] || die "lb refused '$1': $answer"
}

# stat NODE COLUMN: a field of the node's row in `show stat`, found by the column's name.
stat() {
  command_lb "show stat" | awk -F, -v node="$1" -v column="$2" '
    NR == 1 { sub(/^# /, ""); for (i = 1; i <= NF; i++) place[$i] = i; next }
    $place["pxname"] == "api_nodes" && $place["svname"] == node { print $place[column] }'
}

drained()    { [ "$(stat "$1" scur)" = 0 ] && [ "$(stat "$1" qcur)" = 0 ]; }
up()         { [ "$(stat "$1" status)" = UP ]; }
healthy()    { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(compose ps -q "$1")")" = healthy ]; }

# wait_until CONDITION NODE
wait_until() {
  deadline=$(($(date +%s) + LIMIT))
  until "$1" "$2"; do
    [ "$(date +%s)" -lt "$deadline" ] || die "$2 is not $1 after $LIMIT s"
    sleep 0.2
  done
}

# take_out NODE: no new request, and none in flight when this returns.
take_out() {
  case $ROUTE in
    socket)
      order "disable server api_nodes/$1"
      wait_until drained "$1" ;;
    exec) compose exec -T lb0 /lb disable "api_nodes/$1" --wait "${LIMIT}s" </dev/null ;;
  esac
}

# put_back NODE: takes requests and has passed its checks when this returns.
put_back() {
  case $ROUTE in
    socket)
      order "enable server api_nodes/$1"
      wait_until up "$1" ;;
    exec) compose exec -T lb0 /lb enable "api_nodes/$1" --wait "${LIMIT}s" </dev/null ;;
  esac
}

case $ROUTE in
  socket) say "commands go through $SOCKET" ;;
  exec) say "commands go through lb in the container lb0" ;;
esac
for node in $NODES; do
  wait_until up "$node"
done
# A client that has failed before, or sends nothing, can prove nothing.
for client in $CLIENTS; do
  wait_until healthy "$client"
done
for node in $NODES; do
  take_out "$node"
  say "$node: disabled and drained"
  API_VERSION=$VERSION compose up -d --no-deps --no-build "$node" >"$TABLES/up" 2>&1 || die "$(cat "$TABLES/up")"
  wait_until healthy "$node"
  say "$node: $VERSION is healthy"
  put_back "$node"
  say "$node: enabled and up"
done

# Traffic on the last node, too, before the clients stop: some hundred requests.
before=$(stat api2 stot)
busy() { [ "$(stat "$1" stot)" -gt $((before + 100)) ]; }
wait_until busy api2

say "stopping the clients"
for client in $CLIENTS; do
  compose ps -q "$client" >"$TABLES/$client.id"
done
# shellcheck disable=SC2086  # a list of words
compose stop $CLIENTS >"$TABLES/stop" 2>&1 || die "$(cat "$TABLES/stop")"

lost=0
for client in $CLIENTS; do
  id=$(cat "$TABLES/$client.id")
  docker logs "$id" 2>/dev/null >"$TABLES/$client"
  closing=$(tail -n 1 "$TABLES/$client")
  code=$(docker inspect -f '{{.State.ExitCode}}' "$id")
  say "$client: $closing (exit $code)"
  good=yes
  case $closing in
    *" requests, 0 failed") [ "$code" = 0 ] || good=no ;;
    *) good=no ;;
  esac
  for node in $NODES; do
    grep -Eq "$node +$VERSION( |$)" "$TABLES/$client" || { say "$client: no answer of $node at $VERSION"; good=no; }
  done
  [ $good = yes ] || { lost=$((lost + 1)); cat "$TABLES/$client"; }
done
[ $lost = 0 ] || die "$lost of the clients lost requests, or missed the new version"
say "$VERSION is deployed, nothing was lost"
