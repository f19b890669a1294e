/* A config with everything, in pieces that tests replace. */
#pragma once

#define SAMPLE_PROCESS                                                                             \
	"{\"terminal\":false,\"user\":{\"uid\":5,\"gid\":6,\"umask\":18,\"additionalGids\":[7,8]}" \
	","                                                                                        \
	"\"args\":[\"/bin/true\",\"x\"],\"env\":[\"A=b\"],\"cwd\":\"/w\","                         \
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],"                             \
	"\"effective\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"]},"                            \
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}],"  \
	"\"noNewPrivileges\":true,\"oomScoreAdj\":100}"

#define SAMPLE_MOUNTS                                                          \
	"[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"  \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","   \
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=64k\"]}," \
	"{\"destination\":\"/data\",\"type\":\"none\",\"source\":\"/tmp\","    \
	"\"options\":[\"rbind\",\"ro\",\"rslave\"]}]"

#define SAMPLE_LINUX                                                                             \
	"{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"           \
	"{\"type\":\"ipc\"},{\"type\":\"network\",\"path\":\"/run/netns/x\"}],"                  \
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},\"maskedPaths\":[\"/proc/kcore\"],"          \
	"\"readonlyPaths\":[\"/proc/sys\"],\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\"," \
	"\"major\":10,\"minor\":229,\"fileMode\":432}],\"resources\":{\"memory\":{\"limit\":"    \
	"1048576},\"pids\":{\"limit\":10},\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}}"

#define SAMPLE(process, mounts, linux_part)                                            \
	"{\"ociVersion\":\"1.2.0\",\"hostname\":\"h\",\"root\":{\"path\":\"rootfs\"}," \
	"\"process\":" process ",\"mounts\":" mounts ",\"linux\":" linux_part "}"

#define SAMPLE_CONFIG SAMPLE(SAMPLE_PROCESS, SAMPLE_MOUNTS, SAMPLE_LINUX)
