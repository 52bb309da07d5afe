/* SPDX-License-Identifier: GPL-2.0 */
/* uprobes on the program itself, set by perf_event_open() */
#ifndef SELFTEST_X86_UPROBE_H
#define SELFTEST_X86_UPROBE_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPROBE_TYPE	"/sys/bus/event_source/devices/uprobe/type"
#define UPROBE_RETURN	1	/* config: probe the return from a function */

/* The offset of this address in the file that is mapped there, or -1 if unknown */
static long file_offset(unsigned long addr)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end, offset;
	long found = -1;
	char line[512];

	while (f && found < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    addr >= start && addr < end)
			found = offset + (addr - start);
	}
	if (f)
		fclose(f);
	return found;
}

/*
 * Set a uprobe on this program, as it is executed by process pid (0: this one).
 * Returns a file descriptor for uprobe_hits(), or -1.
 */
static int uprobe_open(pid_t pid, unsigned long addr, __u64 config)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config = config,
		.uprobe_path = (unsigned long)"/proc/self/exe",
		.probe_offset = file_offset(addr),
	};
	FILE *f = fopen(UPROBE_TYPE, "r");
	bool ok = f && fscanf(f, "%u", &attr.type) == 1;

	if (f)
		fclose(f);
	if (!ok)
		return -1;
	return syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static inline __u64 uprobe_hits(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

#endif /* SELFTEST_X86_UPROBE_H */
