// SPDX-License-Identifier: GPL-2.0
/*
 * INT $0x80 in a 64-bit program makes a compat system call. The compat state must last
 * until the call ends, and must not leak into what the program does next: signal
 * handlers, children, calls by SYSCALL.
 *
 * mmap() shows which kind a call is: a compat call gets a 32-bit address.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "kselftest_harness.h"
#include "seccomp_filter.h"
#include "syscall_entry.h"

#define NR32_FORK	2
#define NR32_PTRACE	26
#define NR32_MMAP2	192
#define ORIG_EAX32	44	/* in the struct user of a 32-bit tracer */
#define FOUR_GB		0x100000000L
#define HIGH_BITS	0x4711000000000000L
/* The lower half is -ERESTARTSYS */
#define LOOKS_LIKE_RESTART	(FOUR_GB - 512)

static const long no_args[6];

/* Does mmap(), called by this number, return a 32-bit address? */
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
	/* Otherwise the tests could not fail */
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

/* A child starts in the middle of its parent's call */
TEST_F(compat, child)
{
	pid_t pid = self->way->call(NR32_FORK, no_args);

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(maps_low());
	EXPECT_TRUE(ended_well(pid));
	EXPECT_FALSE(maps_low());
}

/* Start to trace a child that has stopped itself */
static bool traces(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	       !ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
}

/* Let it run until it enters this call */
static bool enters(pid_t pid, int nr)
{
	int status;

	do {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) || waitpid(pid, &status, 0) != pid ||
		    status != ENTRY_SYSCALL_STOP)
			return false;
	} while ((int)ptrace(PTRACE_PEEKUSER, pid, ENTRY_ORIG_AX, 0) != nr);

	return true;
}

/* The upper half of RAX, which a 32-bit program cannot set, must be invisible */
TEST_F(compat, number)
{
	int nr = entry_nr(self->way, CALL_GETTID);
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
			_exit(1);
		_exit(self->way->call(nr | HIGH_BITS, no_args) != getpid());
	}
	ASSERT_TRUE(traces(pid));
	ASSERT_TRUE(enters(pid, nr));
	EXPECT_EQ(ptrace(PTRACE_PEEKUSER, pid, ENTRY_ORIG_AX, 0), nr);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_TRUE(ended_well(pid));
}

/* The call sees arguments 1 to 6, because it does not see the upper halves */
static const long high_args[6] = {
	HIGH_BITS | 1, HIGH_BITS | 2, HIGH_BITS | 3, HIGH_BITS | 4, HIGH_BITS | 5, HIGH_BITS | 6,
};

TEST_F(compat, arguments_traced)
{
	int i, nr = entry_nr(self->way, CALL_GETTID);
	struct ptrace_syscall_info info = { 0 };
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
			_exit(1);
		_exit(self->way->call(nr, high_args) != getpid());
	}
	ASSERT_TRUE(traces(pid));
	ASSERT_TRUE(enters(pid, nr));
	ASSERT_GT(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info), 0);
	ASSERT_EQ(info.op, PTRACE_SYSCALL_INFO_ENTRY);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(info.entry.args[i], i + 1);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	EXPECT_TRUE(ended_well(pid));
}

/* The filter forbids the call if the upper half of the argument is not zero */
static bool is_allowed(const struct entry_way *way, int arg)
{
	unsigned int upper = offsetof(struct seccomp_data, args[arg]) + 4;
	int nr = entry_nr(way, CALL_GETTID);
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, way->arch, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, upper),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTNAM),
	};
	pid_t pid = fork();

	if (!pid) {
		if (seccomp_install(insns, ARRAY_SIZE(insns), 0))
			_exit(1);
		_exit(way->call(nr, high_args) != getpid());
	}
	return ended_well(pid);
}

TEST_F(compat, arguments_filtered)
{
	int arg;

	for (arg = 0; arg < 6; arg++)
		EXPECT_TRUE(is_allowed(self->way, arg));
}

static void nothing(int sig)
{
}

/*
 * After a 32-bit tracer has set the number, the result of this call is taken as 32-bit.
 * The result of the next call is not: no restart, whatever its lower half looks like.
 */
TEST_F(compat, number_set)
{
	long poke[6] = { PTRACE_POKEUSER, 0, ORIG_EAX32, SYS_getppid };
	const struct entry_way *way = &entry_ways[WAY_SYSCALL];
	long seek[6] = { 0, LOOKS_LIKE_RESTART, SEEK_SET };
	struct sigaction sa = { .sa_handler = nothing };
	pid_t pid = fork();
	int status;

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (sigaction(SIGUSR1, &sa, NULL))
			_exit(1);
		seek[0] = open("/proc/self/exe", O_RDONLY);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
			_exit(1);
		way->call(SYS_getppid, no_args);
		_exit(way->call(SYS_lseek, seek) != LOOKS_LIKE_RESTART);
	}
	ASSERT_TRUE(traces(pid));
	ASSERT_TRUE(enters(pid, SYS_getppid));
	poke[1] = pid;
	ASSERT_EQ(self->way->call(NR32_PTRACE, poke), 0);

	/* If there is a signal, the exit looks at the result */
	ASSERT_TRUE(enters(pid, SYS_lseek));
	ASSERT_EQ(kill(pid, SIGUSR1), 0);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(WSTOPSIG(status), SIGUSR1);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
	EXPECT_TRUE(ended_well(pid));
}

static struct {
	char byte;		/* to be read */
	bool handled, handler_maps_low;
} *seen;

static void handler(int sig)
{
	seen->handler_maps_low = maps_low();
	__atomic_store_n(&seen->handled, true, __ATOMIC_SEQ_CST);
}

/* Wait until it does, after the handler or before it, for ten seconds at most */
static bool sleeps_in(pid_t pid, long nr, bool handled)
{
	int i;

	for (i = 0; i < 10000; i++) {
		if (__atomic_load_n(&seen->handled, __ATOMIC_SEQ_CST) == handled &&
		    entry_sleeps_in(pid) == nr)
			return true;
		usleep(1000);
	}
	return false;
}

/* Restarted or not, the interrupted call has ended when the handler runs */
static void interrupt(struct __test_metadata *_metadata, const struct entry_way *way,
		      int flags, long result)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	long args[6] = { 0 }, nr = entry_nr(way, CALL_READ);
	int fd[2];
	pid_t pid;

	seen = entry_shared(sizeof(*seen));
	ASSERT_TRUE(!!seen);
	ASSERT_EQ(pipe(fd), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	args[0] = fd[0];
	args[1] = (long)&seen->byte;
	args[2] = 1;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(way->call(nr, args) != result || maps_low());
	}
	ASSERT_TRUE(sleeps_in(pid, nr, false));
	ASSERT_EQ(kill(pid, SIGUSR1), 0);
	if (flags & SA_RESTART) {
		ASSERT_TRUE(sleeps_in(pid, nr, true));
		ASSERT_EQ(write(fd[1], "", 1), 1);
	}
	EXPECT_TRUE(ended_well(pid));
	EXPECT_TRUE(seen->handled);
	EXPECT_FALSE(seen->handler_maps_low);
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
