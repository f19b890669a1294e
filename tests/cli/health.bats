#!/usr/bin/env bats
# Health checks: run by the monitor, shown by ps and inspect.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
}
teardown_file() { kist_teardown_file; }

health() { kist inspect -f '{{.State.Health.Status}}' "$1"; }
becomes() { # NAME STATUS
  local i
  for i in $(seq 100); do [ "$(health "$1")" = "$2" ] && return; sleep 0.1; done
  echo "health is $(health "$1"), not $2"
  return 1
}

@test "starting, healthy, unhealthy, healthy" {
  kist run -d --name h --network none --health-cmd 'test -e /good || { echo no file; exit 1; }' \
    --health-interval 200ms --health-retries 2 bb sleep 1000
  [ "$(health h)" = starting ]
  kist exec h touch /good
  becomes h healthy
  [[ $(kist ps --format '{{.Status}}') == *"(healthy)" ]]
  kist exec h rm /good
  becomes h unhealthy
  [[ $(kist inspect -f '{{.State.Health.LastOutput}}' h) == *"no file"* ]]
  kist exec h touch /good
  becomes h healthy
  [ "$(kist ps -q --filter health=healthy | wc -l)" -eq 1 ]
  kist rm -f h
}

@test "a check that hangs is a failure and does not stay" {
  kist run -d --name slow --network none --health-cmd 'sleep 1000' --health-interval 200ms \
    --health-timeout 300ms --health-retries 1 bb sleep 2000
  becomes slow unhealthy
  kist rm -f slow
}

@test "the image's HEALTHCHECK, and --no-healthcheck" {
  kist import -c 'ENV PATH=/bin' -c 'HEALTHCHECK --interval=200ms CMD true' \
    "$KIST_ROOT/rootfs.tar" checked >/dev/null
  kist run -d --name yes --network none checked sleep 1000
  becomes yes healthy
  kist run -d --name no --network none --no-healthcheck checked sleep 1000
  [[ $(kist ps --filter name=no --format '{{.Status}}') != *health* ]]
  kist rm -f yes no
}
