# shellcheck shell=bash
# Where kist's words differ from podman's, for the suites in ../shared/bench (see bench/run).
op_kist_prune() { echo "$(tool_cmd kist) prune --force"; }
op_kist_rm() { echo "$(tool_cmd kist) rm -f $1"; }
op_kist_wipe() {
  local t
  t=$(tool_cmd kist)
  echo "for i in \$($t ps -aq); do $t rm -f \$i; done; for i in \$($t images -q | sort -u); do $t rmi -f \$i; done; $t prune --all --force"
}
