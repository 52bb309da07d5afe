// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers of system calls that do not exist. Whether the high bits of a register belong
 * to the number is up to the architecture. But the result must be the same with a filter
 * or a tracer that permits the call as without one.
 */
#define _GNU_SOURCE
#include "syscall_test.h"

/* Where there is no such bit, the call is one that exists */
#define BIT32	(sizeof(long) > 4 ? 1L << (sizeof(long) * 4) : 0)

/* Numbers, and what they have in common */
static const struct {
	const char *what;
	long nr;
} numbers[] = {
	{ "one that is too large",		NR_NONE },
	{ "-1",					-1 },
	{ "-2",					-2 },
#ifndef __arm__
	/* Numbers for the kernel's own use, up to this one, are fatal there */
	{ "the largest int",			0x7fffffff },
#endif
	{ "the smallest int",			-0x7fffffffL - 1 },
	{ "a call's with bit 32 set",		BIT32 | __NR_getpid },
	{ "a call's with bit 63 set",		LONG_MIN | __NR_getpid },
	{ "a call's with bits 32 to 63 set",	-BIT32 | __NR_getpid },
	{ "-1 in the low half",			BIT32 - 1 },
	{ "0 in the low half",			BIT32 },
};

#define NUMBERS	ARRAY_SIZE(numbers)

static void make_calls(long *results)
{
	unsigned int i;

	for (i = 0; i < NUMBERS; i++)
		results[i] = call3(numbers[i].nr, -1, 0, 0);
}

/* What this task gets without a filter and a tracer */
FIXTURE(number) {
	long alone[NUMBERS];
	long *seen;
};

FIXTURE_SETUP(number)
{
	self->seen = share(sizeof(self->alone));
	ASSERT_TRUE(!!self->seen);
	make_calls(self->alone);
}

FIXTURE_TEARDOWN(number)
{
}

#define EXPECT_SAME()								\
	do {									\
		unsigned int _i;						\
										\
		for (_i = 0; _i < NUMBERS; _i++) {				\
			EXPECT_EQ(self->alone[_i], self->seen[_i]) {		\
				TH_LOG("number: %s", numbers[_i].what);		\
			}							\
		}								\
	} while (0)

TEST_F(number, none_is_enosys)
{
	unsigned int i;

	for (i = 0; i < NUMBERS; i++) {
		if (self->alone[i] == call0(__NR_getpid) && (int)numbers[i].nr == __NR_getpid)
			continue;
		/* Where numbers are ints, 0 is a call, which may exist */
		if ((unsigned int)numbers[i].nr == 0 && self->alone[i] != -ENOSYS)
			continue;
		EXPECT_EQ(-ENOSYS, self->alone[i]) {
			TH_LOG("number: %s", numbers[i].what);
		}
	}
}

TEST_F(number, filter_permits)
{
	ASSERT_EQ(0, filter_call(__NR_umask, SECCOMP_RET_ERRNO, 0));
	make_calls(self->seen);
	EXPECT_SAME();
}

TEST_F(number, filter_logs)
{
	ASSERT_EQ(0, filter_call(__NR_getpid, SECCOMP_RET_LOG, 0));
	make_calls(self->seen);
	EXPECT_SAME();
}

/* The filter knows the low half of the number only. A call that it forbids is not made. */
TEST_F(number, filter_forbids)
{
	unsigned int i;

	ASSERT_EQ(0, filter_call(__NR_getpid, SECCOMP_RET_ERRNO | ENOTTY, 0));
	make_calls(self->seen);
	for (i = 0; i < NUMBERS; i++) {
		if ((int)numbers[i].nr == __NR_getpid) {
			EXPECT_EQ(-ENOTTY, self->seen[i]) {
				TH_LOG("number: %s", numbers[i].what);
			}
		}
	}
}

#if defined(__riscv) || defined(__powerpc__)
/* The number is all of the register there */
TEST_F(number, high_bits_count)
{
	if (!BIT32)
		SKIP(return, "registers have 32 bits");
	EXPECT_EQ(-ENOSYS, call0(BIT32 | __NR_getpid));
	EXPECT_EQ(-ENOSYS, call0(LONG_MIN | __NR_getpid));
}
#endif

/* A traced child makes the calls */
static bool trace_calls(struct trace *t, long *seen, trace_fn fn)
{
	t->pid = fork();
	if (t->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		signal_self(SIGSTOP);
		make_calls(seen);
		call1(__NR_exit_group, 0);
	}
	return t->pid > 0 && trace_child(t, fn);
}

/* The child is another process, so that it has another process id to be told */
static long pid_of(long result, pid_t parent, pid_t child)
{
	return result == child ? parent : result;
}

TEST_F(number, tracer_looks)
{
	char log[2048];
	struct trace t = { .request = PTRACE_SYSCALL, .log = log, .size = sizeof(log) };
	pid_t parent = call0(__NR_getpid);
	unsigned int i;

	ASSERT_TRUE(trace_calls(&t, self->seen, NULL));
	for (i = 0; i < NUMBERS; i++)
		self->seen[i] = pid_of(self->seen[i], parent, t.pid);
	EXPECT_SAME();
	EXPECT_EQ(2 * NUMBERS + 1, t.stops);
}

static void write_back(struct trace *t, struct ptrace_syscall_info *info)
{
	if (info->op == PTRACE_SYSCALL_INFO_ENTRY && (int)info->entry.nr == __NR_getpid)
		set_call(t, info, __NR_getpid, 0);
}

/* If the tracer sets a number, that number is the one that counts */
TEST_F(number, tracer_sets)
{
	char log[2048];
	struct trace t = { .request = PTRACE_SYSCALL, .log = log, .size = sizeof(log) };
	unsigned int i;

	ASSERT_TRUE(trace_calls(&t, self->seen, write_back));
	for (i = 0; i < NUMBERS; i++) {
		if ((int)numbers[i].nr == __NR_getpid) {
			EXPECT_EQ(t.pid, self->seen[i]) {
				TH_LOG("number: %s", numbers[i].what);
			}
		}
	}
}

TEST_HARNESS_MAIN
