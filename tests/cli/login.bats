#!/usr/bin/env bats
# kist login and logout: what the registry says, which file it lands in, helpers, and that docker's and
# podman's files are read and written as they do.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need skopeo jq htpasswd
  registry_start htpasswd joe 'pass:word'
  export R=$REGISTRY
  tiny_image localhost/app:1 "text"
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { own_home; }
teardown() { rm -rf "$T"; }

@test "good and bad credentials, and where they are kept" {
  fails_with 1 "not logged in" kist login --get-login "$R"
  fails_with 1 "kist login" kist push app:1 "$R/app:1"
  fails_with 1 "$R" kist login -u joe -p wrong "$R"
  [[ ! -e $HOME/.config/containers/auth.json ]]
  run -0 kist login -u joe --password-stdin "$R" <<<'pass:word'
  [[ $output == "Login Succeeded: $R, kept in $HOME/.config/containers/auth.json" ]]
  [[ $(stat -c %a "$HOME/.config/containers/auth.json") == 600 ]]
  run -0 kist login -q --retry 0 -u joe --password-stdin "$R" <<<'pass:word'
  [[ -z $output ]]
  [[ $(kist login --get-login "$R") == joe ]]
  kist push -q app:1 "$R/app:1" >/dev/null
  skopeo inspect --tls-verify=false --authfile "$HOME/.config/containers/auth.json" "docker://$R/app:1" >/dev/null
  kist logout "$R"
  fails_with 1 "not logged in" kist logout "$R"
  fails_with 1 "$R" kist tags "$R/app"
}

@test "thirty logins at once, and logouts between them: no entry is lost" {
  local i pids=()
  mkdir "$HOME/.docker"
  echo '{"auths":{"other.example.org":{"auth":"YTpi"}}}' >"$HOME/real.json"
  ln -s ../real.json "$HOME/.docker/config.json"
  for i in {1..10}; do kist login -u joe -p pass:word "$R/old$i" >/dev/null; done
  for i in {1..30}; do
    kist login -u joe -p pass:word "$R/team$i" >/dev/null 3>&- &
    pids+=($!)
    ((i % 3)) || {
      kist logout "$R/old$((i / 3))" >/dev/null 3>&- &
      pids+=($!)
    }
  done
  for i in "${pids[@]}"; do wait "$i"; done
  [[ -L $HOME/.docker/config.json ]]
  [[ $(jq '.auths | length' "$HOME/real.json") == 31 ]]
  [[ $(jq -r '.auths["other.example.org"].auth' "$HOME/real.json") == YTpi ]]
  [[ $(ls -A "$HOME/.docker") == config.json && $(ls -A "$HOME") == $'.docker\nreal.json' ]]
}

@test "docker's file: kept as it is, read and written" {
  mkdir "$HOME/.docker"
  echo '{"detachKeys":"ctrl-x","auths":{"other.example.org":{"auth":"YTpi"}}}' >"$HOME/.docker/config.json"
  kist login -u joe -p pass:word "$R" >/dev/null
  [[ $(jq -r .detachKeys "$HOME/.docker/config.json") == ctrl-x ]]
  [[ $(jq -r ".auths[\"$R\"].auth" "$HOME/.docker/config.json" | base64 -d) == joe:pass:word ]]
  [[ $(jq -r '.auths["other.example.org"].auth' "$HOME/.docker/config.json") == YTpi ]]
  [[ ! -e $HOME/.config/containers/auth.json ]]
  kist push -q app:1 "$R/app:1" >/dev/null
  run -0 kist logout --all
  [[ $(jq -c .auths "$HOME/.docker/config.json") == '{}' ]]
}

@test "what skopeo and podman have logged in, kist uses; and the way back" {
  skopeo login --tls-verify=false -u joe --password-stdin "$R" <<<'pass:word'
  [[ $(kist login --get-login "$R") == joe ]]
  kist push -q app:1 "$R/app:1" >/dev/null
  kist logout "$R"
  run skopeo login --get-login "$R"
  [[ $status != 0 ]]
  kist login -u joe -p pass:word --authfile "$T/auth.json" "$R" >/dev/null
  [[ $(skopeo login --authfile "$T/auth.json" --get-login "$R") == joe ]]
  [[ ! -e $HOME/.config/containers/auth.json ]]
  REGISTRY_AUTH_FILE=$T/auth.json kist tags "$R/app"
  kist tags --authfile "$T/auth.json" "$R/app"
  kist tags --creds joe:pass:word "$R/app"
  fails_with 1 "$R" kist tags --creds joe:wrong "$R/app"
}

@test "credentials of one repository" {
  kist login -u joe -p pass:word "$R/team/app" >/dev/null
  kist push -q app:1 "$R/team/app:1" >/dev/null
  fails_with 1 "$R" kist push -q app:1 "$R/other/app:1"
  [[ $(kist login --get-login "$R/team/app") == joe ]]
}

@test "credential helpers" {
  mkdir "$T/bin" "$HOME/.docker"
  cat >"$T/bin/docker-credential-test" <<HELPER
#!/bin/sh
case \$1 in
get) cat >/dev/null; [ -f "$T/secret" ] || { echo "credentials not found in native keychain"; exit 1; }; cat "$T/secret" ;;
store) cat >"$T/secret" ;;
erase) rm -f "$T/secret" ;;
esac
HELPER
  chmod 755 "$T/bin/docker-credential-test"
  export PATH=$T/bin:$PATH
  echo '{"credsStore":"test"}' >"$HOME/.docker/config.json"
  run -0 kist login -u joe -p pass:word "$R"
  [[ $output == *"kept in docker-credential-test" ]]
  [[ $(jq -r .Secret "$T/secret") == pass:word && $(<"$HOME/.docker/config.json") != *auth\"* ]]
  kist push -q app:1 "$R/app:1" >/dev/null
  kist logout "$R"
  [[ ! -e $T/secret ]]
  echo '{"credHelpers":{"'"$R"'":"absent"}}' >"$HOME/.docker/config.json"
  fails_with 1 "docker-credential-absent' is not installed" kist tags "$R/app"
}

@test "what is wrong is said, and no secret with it" {
  fails_with 1 "is no registry" kist login -u a -p b alpine
  fails_with 1 "nobody is there to ask" kist login "$R" </dev/null
  fails_with 1 "needs --username" kist login --password-stdin "$R" </dev/null
  fails_with 1 "exclude" kist login -u a -p b --password-stdin "$R" </dev/null
  fails_with 1 "password is empty" kist login -u a --password-stdin "$R" </dev/null
  mkdir -p "$HOME/.docker"
  echo '{"auths": "s3cret' >"$HOME/.docker/config.json"
  fails_with 1 "is not valid JSON" kist tags "$R/app"
  [[ $output != *s3cret* ]]
  run ! kist login -u joe -p s3cret "$R"
  [[ $output != *s3cret* ]]
  [[ $(<"$HOME/.docker/config.json") == '{"auths": "s3cret' ]]
}

@test "a terminal is asked without echo" {
  need script
  ask() { { sleep 1; echo pass:word; sleep 1; } | script -qec "'$KIST_BUILD/kist' login -u joe '$R'" /dev/null; }
  run ask
  [[ $output == *Password:* && $output == *"Login Succeeded"* && $output != *pass:word* ]]
}

@test "--creds are for one registry" {
  registry_start htpasswd ann other
  fails_with 1 "--src-creds or --dest-creds" kist copy --creds joe:pass:word "docker://$R/app:1" "docker://$REGISTRY/app:1"
  kist copy -q --dest-creds joe:pass:word store:app:1 "docker://$R/both:1"
  kist copy -q --src-creds joe:pass:word --dest-creds ann:other "docker://$R/both:1" "docker://$REGISTRY/both:1"
  kist sync -q --src docker --src-creds joe:pass:word --dest-creds ann:other "$R/both" "$REGISTRY/again"
  fails_with 1 "$REGISTRY" kist copy -q --src-creds joe:pass:word --dest-creds joe:pass:word "docker://$R/both:1" "docker://$REGISTRY/no:1"
  # who mirrors a registry does not get what was given for it
  printf 'registries:\n  example.invalid: {location: "%s", mirrors: ["%s"]}\n' "$R" "$REGISTRY" >"$T/config"
  fails_with 1 "example.invalid" env KIST_CONFIG="$T/config" "$KIST_BUILD/kist" --root "$T/root" tags --creds ann:other example.invalid/both
}
