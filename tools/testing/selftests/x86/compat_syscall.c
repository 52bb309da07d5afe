// SPDX-License-Identifier: GPL-2.0
/*
 * INT $0x80 in a 64-bit program makes a compat system call. It is one as long as it
 * lasts, and nothing of that is left to what the program does next: signal handlers,
 * children, calls by SYSCALL.
 *
 * Which kind a call is, mmap() tells: to a compat call it gives addresses of 32 bits.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include "syscall_entry.h"

#define NR32_FORK	2
#define NR32_MMAP2	192
#define FOUR_GB		0x100000000UL
#define HIGH_BITS	0x4711000000000000L

static const long no_args[6];

/* Does mmap(), made by this number, give such an address? */
static bool maps_low_by(const struct entry_way *way, long nr)
{
	static const long args[6] = { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1 };

	return (unsigned long)way->call(nr, args) < FOUR_GB;
}

static bool maps_low(void)
{
	return maps_low_by(&entry_ways[WAY_SYSCALL], SYS_mmap);
}

FIXTURE(compat) {
	const struct entry_way *way;
};

FIXTURE_SETUP(compat)
{
	self->way = &entry_ways[WAY_INT80];
	if (!entry_works(self->way))
		SKIP(return, "no INT $0x80 in this kernel");
	/* Or the tests could not fail */
	ASSERT_FALSE(maps_low());
	ASSERT_TRUE(maps_low_by(self->way, NR32_MMAP2));
}

FIXTURE_TEARDOWN(compat)
{
}

static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

TEST_F(compat, next_call)
{
	ASSERT_EQ(self->way->call(entry_nr(self->way, CALL_GETTID), no_args), gettid());
	EXPECT_FALSE(maps_low());
}

/* A child begins with what its parent is in the midst of */
TEST_F(compat, child)
{
	pid_t pid = self->way->call(NR32_FORK, no_args);

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(maps_low());
	EXPECT_TRUE(ended_well(pid));
	EXPECT_FALSE(maps_low());
}

/* A number that no 32-bit program can have is to nobody seen */
TEST_F(compat, number)
{
	int nr = entry_nr(self->way, CALL_GETTID), status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
			_exit(1);
		_exit(self->way->call(nr | HIGH_BITS, no_args) != getpid());
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	/* Until the call is entered that is meant */
	do {
		ASSERT_EQ(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT_EQ(status, ENTRY_SYSCALL_STOP);
	} while ((int)ptrace(PTRACE_PEEKUSER, pid, ENTRY_ORIG_AX, 0) != nr);
	EXPECT_EQ(ptrace(PTRACE_PEEKUSER, pid, ENTRY_ORIG_AX, 0), nr);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_TRUE(ended_well(pid));
}

static bool handled, handler_maps_low;

static void handler(int sig)
{
	handler_maps_low = maps_low();
	handled = true;
}

/* Restarted or not: a handler runs behind the call that its signal interrupts */
static void interrupt(struct __test_metadata *_metadata, const struct entry_way *way,
		      int flags, long result)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	pid_t pid, parent = getpid();
	long args[6] = { 0 };
	int fd[2];
	char *buf;

	buf = entry_shared(1);
	ASSERT_TRUE(!!buf);
	ASSERT_EQ(pipe(fd), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		while (entry_sleeps_in(parent) != entry_nr(way, CALL_READ))
			sched_yield();
		if (kill(parent, SIGUSR1))
			_exit(1);
		/* What a restarted call waits for */
		_exit((flags & SA_RESTART) && write(fd[1], "", 1) != 1);
	}
	args[0] = fd[0];
	args[1] = (long)buf;
	args[2] = 1;
	EXPECT_EQ(way->call(entry_nr(way, CALL_READ), args), result);
	EXPECT_FALSE(maps_low());
	EXPECT_TRUE(handled);
	EXPECT_FALSE(handler_maps_low);
	EXPECT_TRUE(ended_well(pid));
}

TEST_F(compat, interrupted)
{
	interrupt(_metadata, self->way, 0, -EINTR);
}

TEST_F(compat, restarted)
{
	interrupt(_metadata, self->way, SA_RESTART, 1);
}

TEST_HARNESS_MAIN
