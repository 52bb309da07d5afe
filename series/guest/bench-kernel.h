/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark turns on in the kernel: seccomp, tracepoints, audit.
 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracing.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
# define PR_SYS_DISPATCH_ON		1
#endif

/* What a filter forbids, and the error that is then returned */
#define BENCH_NR	0x3fe
#define BENCH_ARG	0x4711
#define BENCH_ERRNO	ENOTNAM

/*
 * All is allowed but the call BENCH_NR; so the kernel does not run the filter for
 * others. With look: also getppid(BENCH_ARG), for which it has to run.
 */
static inline int bench_seccomp(int look)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BENCH_NR, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, look ? SYS_getppid : BENCH_NR, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BENCH_ARG, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | BENCH_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ?:
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* How many events the first CPU has seen since the buffer was emptied */
static inline long tracing_events(void)
{
	FILE *stats = fopen(TRACING "per_cpu/cpu0/stats", "r");
	long number, sum = 0;
	char line[80];

	while (stats && fgets(line, sizeof(line), stats)) {
		if (sscanf(line, "entries: %ld", &number) == 1 ||
		    sscanf(line, "overrun: %ld", &number) == 1)
			sum += number;
	}
	if (stats)
		fclose(stats);
	return sum;
}

/* One request to the kernel's audit. Returns 0, or the error. */
static inline int audit_request(int type, const void *data, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr head;
		char data[sizeof(struct audit_rule_data) + 64];
	} request = { .head = {
		.nlmsg_len = NLMSG_LENGTH(size),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	} };
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[8192];
	} answer;
	int fd, result = EPROTO;

	memcpy(NLMSG_DATA(&request.head), data, size);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (fd < 0)
		return errno;
	if (sendto(fd, &request, request.head.nlmsg_len, 0, (void *)&kernel, sizeof(kernel)) < 0)
		result = errno;
	else if (recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.head) &&
		 answer.head.nlmsg_type == NLMSG_ERROR)
		result = -answer.error.error;
	close(fd);
	return result;
}

static inline int audit_enable(int on)
{
	struct audit_status status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on };

	return audit_request(AUDIT_SET, &status, sizeof(status));
}

/*
 * A rule for the end of each system call of tasks with a number that none has: each
 * call is looked at, and none is written about. type: AUDIT_ADD_RULE or _DEL_RULE
 */
static inline int audit_rule(int type)
{
	struct audit_rule_data rule = {
		.flags = AUDIT_FILTER_EXIT,
		.action = AUDIT_ALWAYS,
		.field_count = 1,
		.fields = { AUDIT_PID },
		.values = { 0x7fffffff },
		.fieldflags = { AUDIT_EQUAL },
	};

	memset(rule.mask, 0xff, sizeof(rule.mask));
	return audit_request(type, &rule, sizeof(rule));
}

#endif
