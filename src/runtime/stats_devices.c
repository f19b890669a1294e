/* Counters of block devices and network interfaces, from the kernel's texts. Pure. */
#include "base/str.h"
#include "runtime/stats_priv.h"

#include <stdio.h>
#include <string.h>

static json_t *operation(unsigned major, unsigned minor, const char *op, uint64_t value)
{
	return json_pack("{s:I, s:I, s:s, s:I}", "major", (json_int_t)major, "minor",
		(json_int_t)minor, "op", op, "value", (json_int_t)MIN(value, INT64_MAX));
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return p + (*p == '\n');
}

json_t *stats_io_v1(const char *text)
{
	json_t *list = json_array();
	for (const char *p = text; *p; p = next_line(p)) {
		unsigned major, minor;
		unsigned long long v;
		char op[16];
		if (sscanf(p, "%u:%u %15s %llu", &major, &minor, op, &v) == 4)
			json_array_append_new(list, operation(major, minor, op, v));
	}
	return list;
}

void stats_io_v2(const char *text, json_t *o)
{
	static const struct {
		const char *key, *op;
		bool bytes;
	} words[] = {
		{"rbytes=", "Read", true},
		{"wbytes=", "Write", true},
		{"dbytes=", "Discard", true},
		{"rios=", "Read", false},
		{"wios=", "Write", false},
		{"dios=", "Discard", false},
	};
	json_t *bytes = json_array(), *counts = json_array();
	for (const char *p = text; *p; p = next_line(p)) {
		unsigned major, minor;
		size_t len = strcspn(p, "\n");
		if (sscanf(p, "%u:%u ", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			unsigned long long v;
			const char *at = memmem(p, len, words[i].key, strlen(words[i].key));
			if (at && sscanf(at + strlen(words[i].key), "%llu", &v) == 1)
				json_array_append_new(words[i].bytes ? bytes : counts,
					operation(major, minor, words[i].op, v));
		}
	}
	json_object_set_new(o, "ioServiceBytesRecursive", bytes);
	json_object_set_new(o, "ioServicedRecursive", counts);
}

json_t *stats_net(const char *text)
{
	json_t *list = json_array();
	for (const char *p = text; *p; p = next_line(p)) {
		char name[32];
		unsigned long long r[8], t[4];
		if (sscanf(p,
			    " %31[^: ]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
			    "%llu",
			    name, &r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6], &r[7], &t[0],
			    &t[1], &t[2], &t[3]) != 13)
			continue; /* the two lines of titles */
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "Name", name,
				"RxBytes", (json_int_t)r[0], "RxPackets", (json_int_t)r[1],
				"RxErrors", (json_int_t)r[2], "RxDropped", (json_int_t)r[3],
				"TxBytes", (json_int_t)t[0], "TxPackets", (json_int_t)t[1],
				"TxErrors", (json_int_t)t[2], "TxDropped", (json_int_t)t[3]));
	}
	return list;
}
