#!/usr/bin/env bats
# Terminals: run -it, exec -it, resizing, detaching and attaching again. A script plays the person.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
}
teardown_file() { kist_teardown_file; }

# play SCRIPT KIST-ARGS...: runs kist on a pty of 33 rows and 101 columns. SCRIPT: lines of
# "expect TEXT", "send TEXT" (Python escapes), "size ROWS COLUMNS"; then the end is awaited and the
# exit status printed as the last line.
play() {
  python3 - "$@" <<'PY'
import fcntl, os, pty, re, select, struct, sys, termios, time
script, args = sys.argv[1], sys.argv[2:]
root = os.environ["KIST_ROOT"]
kist = os.environ["KIST_BUILD"] + "/kist"
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    os.execv(kist, [kist, "--root", root + "/root", "--runroot", root + "/run"] + args)
seen = b""
def read(until, timeout=10):
    global seen
    end = time.time() + timeout
    while until is None or until not in seen:
        r, _, _ = select.select([fd], [], [], max(0, end - time.time()))
        if not r:
            print("timeout waiting for", until, "after", seen)
            sys.exit(99)
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            return until is None
        seen += data
    seen = seen[seen.index(until) + len(until):]
    return True
for line in script.splitlines():
    verb, _, rest = line.strip().partition(" ")
    rest = rest.encode().decode("unicode_escape").encode("latin1")
    if verb == "expect" and not read(rest):
        print("the end came before", rest, seen)
        sys.exit(98)
    elif verb == "send":
        os.write(fd, rest)
    elif verb == "size":
        rows, columns = map(int, rest.split())
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    elif verb == "wait":
        time.sleep(float(rest))
read(None)
print(seen.decode("latin1"))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

@test "run -it: a shell on a terminal of our size" {
  run play 'expect # 
send stty size; tty; exit 4\n
expect 33 101
expect /dev/' run --rm -it --network none bb sh
  [ "${lines[-1]}" = 4 ]
}

@test "the terminal follows ours" {
  run play 'expect # 
size 44 77
wait 0.3
send stty size; exit\n
expect 44 77' run --rm -it --network none bb sh
  [ "${lines[-1]}" = 0 ]
}

@test "Ctrl-C goes to the program, not to kist" {
  run play 'expect # 
send sleep 100\n
wait 0.3
send \x03
expect # 
send exit 5\n' run --rm -it --network none bb sh
  [ "${lines[-1]}" = 5 ]
}

@test "ctrl-p ctrl-q leaves it running, attach comes back" {
  run play 'expect # 
send X=kept\n
expect # 
send \x10\x11' run -it --name away --network none bb sh
  [ "${lines[-1]}" = 0 ]
  [[ $output == *"goes on in the background"* ]]
  [ "$(kist ps --format '{{.Names}}')" = away ]
  run play 'send echo is-$X\n
expect is-kept
send exit 3\n' attach away
  [ "${lines[-1]}" = 3 ]
  kist rm away
}

@test "start -ai attaches a terminal again" {
  kist create -it --name again --network none bb sh
  run play 'expect # 
send exit 6\n' start -ai again
  [ "${lines[-1]}" = 6 ]
  kist rm again
}

@test "exec -it" {
  kist run -d --name host --network none bb sleep 1000
  run play 'expect # 
send stty size; exit 7\n
expect 33 101' exec -it host sh
  [ "${lines[-1]}" = 7 ]
  kist rm -f host
}

@test "the log of a terminal is kept too" {
  run play 'expect # 
send echo to-the-log\n
expect to-the-log
send exit\n' run -it --name tlog --network none bb sh
  kist logs tlog | grep -q to-the-log
  kist rm tlog
}
