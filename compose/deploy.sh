#!/bin/sh
# The rolling deployment with Docker: every node replaced by another version, one after the other, under the clients' load.
# `deploy.sh --help` tells the rest.
set -eu

usage() {
  cat <<'END'
Usage: compose/deploy.sh [--exec] [VERSION]

Deploys VERSION (default: v2) on every node of the running sample, one after the other, under the clients' load.

The sample has to be up and its clients healthy: docker compose up --build -d. At the end the clients are stopped and their closing tables are read.
The version of each node that is done is kept in .env, so that a later `docker compose up -d` leaves it as it is.

  --exec      give commands through lb in its container; without it through the socket on the host, where socat is
              installed and the socket answers (on macOS and Windows a socket does not leave the virtual machine)
  -h, --help  this text

COMPOSE names another program than `docker compose` or `docker-compose`: COMPOSE=docker-compose compose/deploy.sh v2

Exit codes: 0 deployed, no request failed and every client saw every node at the new version; 1 it did not go so; 2 wrong usage.
END
}

wrong() { echo "deploy.sh: $*; see compose/deploy.sh --help" >&2; exit 2; }

ROUTE="socket" VERSION=
for argument in "$@"; do
  case $argument in
    -h|--help) usage; exit 0 ;;
    --exec) ROUTE="exec" ;;
    -*) wrong "there is no option $argument" ;;
    '') wrong "VERSION is empty" ;;
    *[!A-Za-z0-9._-]*) wrong "a version is made of letters, digits, '.', '_' and '-', not '$argument'" ;;
    *) [ -z "$VERSION" ] || wrong "one VERSION at a time, not '$VERSION' and '$argument'"; VERSION=$argument ;;
  esac
done
VERSION=${VERSION:-v2}
NODES="api0 api1 api2"
CLIENTS="client0 client1 client2 client3 client4"
LIMIT=60                                # seconds that one step may take

cd "$(dirname "$0")/.."
SOCKET=compose/run/lb.sock
LOCK=compose/run/deploy.lock
TABLES=
DONE=
STATES=

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { say "$*" >&2; exit 1; }

# ended: cleans up, whatever happened, and says what a deployment that broke off leaves behind.
ended() {
  code=$?
  [ -z "$TABLES" ] || rm -rf "$TABLES" "$LOCK"
  if [ $code != 0 ] && [ -n "$DONE" ]; then
    say "broken off; at $VERSION:$DONE (kept in .env). compose/deploy.sh $VERSION goes on, with another version it goes back" >&2
  fi
}
trap ended EXIT
trap 'exit 130' INT TERM

if [ -n "${COMPOSE:-}" ]; then
  compose() { $COMPOSE "$@"; }
elif docker compose version >/dev/null 2>&1; then
  compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
  compose() { docker-compose "$@"; }
else
  die "neither 'docker compose' nor 'docker-compose' is installed"
fi
docker version >/dev/null 2>&1 || die "docker: no engine answers. Is it running, and may $(id -un) use it?"

# One look at all containers: each service with what it does, and how healthy it is.
IDS=$(compose ps -q 2>/dev/null || true)
# shellcheck disable=SC2086  # a list of words
[ -z "$IDS" ] || STATES=$(docker inspect -f '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' $IDS)
state() { printf '%s\n' "$STATES" | sed -n "s/^$1 //p"; }

# What cannot become right by waiting is said before anything is touched.
for service in lb0 $NODES; do
  case $(state "$service") in
    running*) ;;
    *) die "the sample is not running ($service is not up): docker compose up --build -d" ;;
  esac
done
for client in $CLIENTS; do
  case $(state "$client") in
    "running unhealthy"*)
      die "$client has had a failed request, or gets no answers: it can prove nothing. A new one: docker compose up -d --no-deps --force-recreate $client" ;;
    running*) ;;
    *) die "$client is not running (a deployment stops the clients at its end). Start them again: docker compose up -d" ;;
  esac
done

# A folder is made by one process only.
if ! mkdir "$LOCK" 2>/dev/null; then
  [ -d "$LOCK" ] || die "$LOCK cannot be made: may $(id -un) write to compose/run?"
  other=$(cat "$LOCK/pid" 2>/dev/null || true)
  if [ -z "$other" ] || kill -0 "$other" 2>/dev/null; then
    die "another deployment is running (process ${other:-unknown}): wait for its end. If there is none, remove $LOCK"
  fi
  say "process $other has left $LOCK behind: taken over"
fi
echo $$ >"$LOCK/pid"
TABLES=$(mktemp -d)

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

# keep NODE: its version is that of later calls of compose, unless they say API_VERSION.
keep() {
  name=$(echo "$1" | tr '[:lower:]' '[:upper:]')_VERSION
  { grep -v "^$name=" .env; echo "$name=\${API_VERSION:-$VERSION}"; } >"$TABLES/env"
  # Not moved: .env keeps its owner and its mode.
  cat "$TABLES/env" >.env
}

case $ROUTE in
  socket) say "commands go through $SOCKET" ;;
  exec) say "commands go through lb in the container lb0" ;;
esac
for node in $NODES; do
  case $(stat "$node" status) in
    MAINT*|DRAIN*)
      die "$node is out of service ($(stat "$node" status)), perhaps by a deployment that broke off. Put it back: docker compose exec lb0 /lb enable api_nodes/$node --wait 30s" ;;
  esac
done
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
  keep "$node"
  DONE="$DONE $node"
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
DONE=
[ $lost = 0 ] || die "$lost of the clients lost requests, or missed the new version"
say "$VERSION is deployed, nothing was lost"
