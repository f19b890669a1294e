#!/usr/bin/env bats
# kist ps and inspect: columns, filters, formats.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
  kist create --name first -l colour=red bb echo one
  kist run --name second -l colour=blue -v vol:/data --network none bb sh -c 'exit 3' || true
  kist run -d --name third --network none bb sleep 1000
}
teardown_file() { kist_teardown_file; }

names() { kist ps --format '{{.Names}}' "$@" | tr '\n' ' '; }

@test "only what runs, all with -a, newest first" {
  [ "$(names)" = "third " ]
  [ "$(names -a)" = "third second first " ]
  [ "$(names -n 2)" = "third second " ]
  [ "$(names -l)" = "third " ]
  [ "$(kist ps -q | wc -c)" -eq 13 ]
  [ "$(kist ps -q --no-trunc | wc -c)" -eq 65 ]
}

@test "the table" {
  run kist ps -a
  [[ ${lines[0]} =~ ^CONTAINER\ ID\ +IMAGE\ +COMMAND\ +CREATED\ +STATUS\ +PORTS\ +NAMES$ ]]
  [[ $output == *'"sleep 1000"'* && $output == *'Exited (3)'* && $output == *Created* ]]
}

@test "filters" {
  [ "$(names -a --filter status=exited)" = "second " ]
  [ "$(names --filter status=created)" = "first " ]
  [ "$(names -a --filter exited=3)" = "second " ]
  [ "$(names -a --filter label=colour)" = "second first " ]
  [ "$(names -a --filter label=colour=red)" = "first " ]
  [ "$(names -a --filter volume=vol)" = "second " ]
  [ "$(names -a --filter volume=/data)" = "second " ]
  [ "$(names -a --filter ancestor=bb)" = "third second first " ]
  [ "$(names -a --filter network=none)" = "third second " ]
  [ "$(names -a --filter name=ir)" = "third first " ]
  [ "$(names -a --filter since=first)" = "third second " ]
  [ "$(names -a --filter before=third --filter status=exited)" = "second " ]
  fails_with 1 "unknown filter 'nosuch'" kist ps --filter nosuch=1
}

@test "formats" {
  kist ps -a --format json | jq -e 'select(.Names == "first") | .State == "created"'
  fails_with 1 'Nosuch' kist ps -a --format '{{.Nosuch}}'
  [[ $(kist ps -a --size --format '{{.Size}}' --filter name=second) == *B ]]
}

@test "inspect" {
  kist inspect second | jq -e '.[0] | .State.ExitCode == 3 and .State.Status == "exited"
    and .Config.Labels.colour == "blue" and .Mounts[0].Name == "vol" and .Mounts[0].RW
    and .HostConfig.NetworkMode == "none"'
  [ "$(kist inspect -f '{{.State.Running}} {{.Name}}' third)" = "true third" ]
  [ "$(kist inspect -f '{{json .Args}}' third)" = '["1000"]' ]
  fails_with 1 'no such container or image: nosuch' kist inspect nosuch
  kist tag bb zz # no id begins so
  fails_with 1 'no such container' kist inspect --type container zz
  kist inspect --type image zz >/dev/null
  kist rmi zz >/dev/null
}

@test "the beginning of an id names it, an ambiguous one does not" {
  local id
  id=$(kist ps -q)
  [ "$(kist inspect -f '{{.Name}}' "${id:0:6}")" = third ]
}

@test "rename" {
  kist rename first uno
  [ "$(names -a --filter name=uno)" = "uno " ]
  fails_with 1 'already in use' kist rename uno second
  fails_with 1 'invalid container name' kist rename uno 'x y'
  kist rename uno first
}
