// SPDX-License-Identifier: GPL-2.0
/*
 * A tracer's single steps over system calls, on any architecture. A step over the
 * instruction that makes a call has to end right after it, once, and before a signal's
 * handler runs.
 *
 * The test needs two addresses. The kernel tells a tracer the one after the instruction
 * when the call begins. The last step before that one ends at the instruction itself.
 */
#define _GNU_SOURCE
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "syscall_test.h"

#define LONGEST_INSN	4	/* of those that make a call */
#define MOST_STEPS	100000	/* a test takes some hundred */

/* What the task leaves behind */
static struct shared {
	long nr, args[3];	/* of the call that it makes next */
	long result;
	int rounds;
	bool trap;		/* install a filter: getppid() raises SIGSYS */
	bool block;		/* have a blocked SIGSEGV pending */
	bool fault;		/* read from address 0 instead */
	int fds[2];
	int handled, done;
	char byte;
} *sh;

static void handler(int sig, siginfo_t *info, void *context)
{
	sh->handled = 1;
	/* Do not return to an instruction that faults */
	if (sig == SIGSEGV) {
		sh->done = 1;
		call1(__NR_exit_group, 0);
	}
}

/* As if an instruction had raised it: only the task itself may queue it like this */
static void queue_blocked(int sig)
{
	const unsigned long mask[8 / sizeof(long)] = { 1UL << (sig - 1) };
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = 1;
	call6(__NR_rt_sigprocmask, SIG_BLOCK, (long)mask, 0, sizeof(mask), 0, 0);
	call6(__NR_rt_tgsigqueueinfo, call0(__NR_getpid), call0(__NR_gettid), sig, (long)&info,
	      0, 0);
}

/* A task, and what its tracer sees */
struct steps {
	pid_t pid;
	unsigned long call, end;	/* addresses */
	bool deliver;			/* signals, or does the tracer keep them back? */
	/* "call", "end", "handler": a step to this address. "signal N": no step, but a signal */
	char log[256];
};

FIXTURE(step) {
	struct steps steps;
};

FIXTURE_SETUP(step)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	struct steps *t = &self->steps;
	struct ptrace_syscall_info info;
	bool fault;
	int sig, i;

	sh = share(sizeof(*sh));
	ASSERT_TRUE(!!sh);
	ASSERT_EQ(0, pipe(sh->fds));
	/* Two to find out the address after the call and that of the call, one to test */
	sh->rounds = 3;
	sh->nr = __NR_getppid;
	t->deliver = true;
	t->pid = fork();
	ASSERT_LE(0, t->pid);
	if (t->pid == 0) {
		on_signal(SIGUSR1, handler, 0);
		on_signal(SIGSYS, handler, 0);
		/* Page faults by a signal's frame may have an effect on steps: get them now */
		signal_self(SIGUSR1);
		sh->handled = 0;
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		/* Each time from the same address */
		for (i = 0; i < sh->rounds; i++) {
			if (sh->trap)
				filter_call(__NR_getppid, SECCOMP_RET_TRAP, 0);
			if (sh->block)
				queue_blocked(SIGSEGV);
			fault = sh->fault;
			if (fault)
				on_signal(SIGSEGV, handler, 0);
			signal_self(SIGSTOP);
			if (fault)
				sh->byte = *(char *)sh->args[0];
			sh->result = call3(sh->nr, sh->args[0], sh->args[1], sh->args[2]);
		}
		sh->done = 1;
		call1(__NR_exit_group, 0);
	}

	ASSERT_TRUE(WIFSTOPPED(wait_status(t->pid)));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, t->pid, 0, (void *)options));
	ASSERT_EQ(SIGTRAP | 0x80, next_stop(t->pid, PTRACE_SYSCALL, 0, &info));
	ASSERT_EQ(PTRACE_SYSCALL_INFO_ENTRY, info.op);
	ASSERT_EQ(__NR_getppid, info.entry.nr);
	t->end = info.instruction_pointer;
	ASSERT_EQ(SIGSTOP, next_stop(t->pid, PTRACE_CONT, 0, &info));

	for (i = 0; i < MOST_STEPS; i++) {
		sig = next_stop(t->pid, PTRACE_SINGLESTEP, 0, &info);
		if (sig == -EIO)
			SKIP(return, "the architecture has no single steps");
		/* Steps by breakpoint registers, which an emulated CPU may not have */
		if (sig == SIGSTOP && i == 0)
			SKIP(return, "this machine reports no steps");
		if (sig != SIGTRAP)
			break;
		if (t->end - info.instruction_pointer - 1 < LONGEST_INSN &&
		    info.instruction_pointer > t->call)
			t->call = info.instruction_pointer;
	}
	ASSERT_EQ(SIGSTOP, sig);
	ASSERT_NE(0, t->call);
}

FIXTURE_TEARDOWN(step)
{
	kill(self->steps.pid, SIGKILL);
}

/* Steps through the call, up to the end of the task */
static bool step_through(struct steps *t)
{
	struct trace log = { .log = t->log, .size = sizeof(t->log) };
	struct ptrace_syscall_info info;
	const char *at;
	int sig = 0, i;

	for (i = 0; i < MOST_STEPS; i++) {
		if (!t->deliver || sig == SIGTRAP)
			sig = 0;
		sig = next_stop(t->pid, PTRACE_SINGLESTEP, sig, &info);
		if (sig <= 0)
			return sig == 0;
		if (sh->done)
			continue;
		at = info.instruction_pointer == t->call ? "call" :
		     info.instruction_pointer == t->end ? "end" :
		     info.instruction_pointer == (unsigned long)handler ? "handler" : NULL;
		if (sig != SIGTRAP)
			trace_log(&log, " signal %d at %s", sig, at ?: "another place");
		else if (at)
			trace_log(&log, " %s", at);
	}
	return false;
}

#define EXPECT_STEPS(text)					\
	do {							\
		EXPECT_TRUE(step_through(&self->steps));	\
		EXPECT_STREQ(text, self->steps.log);			\
	} while (0)

/* One more call, untraced. What the test has asked for is done before the one that it steps over */
static bool next_round(struct steps *t)
{
	struct ptrace_syscall_info info;

	sh->rounds++;
	return next_stop(t->pid, PTRACE_CONT, 0, &info) == SIGSTOP;
}

/* Steps up to the first stop for anything else */
static int step_to_other(struct steps *t, int request, struct ptrace_syscall_info *info)
{
	int sig, i = 0;

	do {
		sig = next_stop(t->pid, request, 0, info);
	} while (sig == SIGTRAP && ++i < MOST_STEPS);
	return sig;
}

TEST_F(step, call)
{
	sh->nr = __NR_getppid;
	EXPECT_STEPS(" call end");
	EXPECT_EQ(getpid(), sh->result);
}

TEST_F(step, unknown_call)
{
	sh->nr = NR_NONE;
	EXPECT_STEPS(" call end");
	EXPECT_EQ(-ENOSYS, sh->result);
}

#ifdef __powerpc__
# define SYSEMU_STEP	0x1e
# define BLOCK_STEP	0x100
#elif defined(__x86_64__) || defined(__i386__)
# define SYSEMU_STEP	32
# define BLOCK_STEP	33
#else
# define SYSEMU_STEP	32
#endif

/* The stop at which the tracer makes the call is the report of this instruction */
TEST_F(step, emulated_call)
{
	struct ptrace_syscall_info info;
	int sig = step_to_other(&self->steps, SYSEMU_STEP, &info);

	if (sig == -EIO)
		SKIP(return, "the architecture has no PTRACE_SYSEMU_SINGLESTEP");
	ASSERT_EQ(SIGTRAP | 0x80, sig);
	EXPECT_EQ(self->steps.end, info.instruction_pointer);
	EXPECT_EQ(SIGTRAP, next_stop(self->steps.pid, SYSEMU_STEP, 0, &info));
	EXPECT_NE(self->steps.end, info.instruction_pointer);
}

#ifdef BLOCK_STEP
/* A step to the next branch ends at a call as well */
TEST_F(step, block)
{
	struct ptrace_syscall_info info;
	pid_t pid = self->steps.pid;
	int sig;

	ASSERT_EQ(SIGTRAP | 0x80, next_stop(pid, PTRACE_SYSCALL, 0, &info));
	sig = next_stop(pid, BLOCK_STEP, 0, &info);
	if (sig == -EIO)
		SKIP(return, "this machine has no steps to the next branch");
	EXPECT_EQ(SIGTRAP, sig);
	EXPECT_EQ(self->steps.end, info.instruction_pointer);
}
#endif

/* ---- a call that raises a signal */

#define RAISE(sig)				\
	do {					\
		sh->nr = __NR_tgkill;		\
		sh->args[0] = self->steps.pid;	\
		sh->args[1] = self->steps.pid;	\
		sh->args[2] = sig;		\
	} while (0)

/* The handler returns to the end of the call: this is where the step over its return ends */
TEST_F(step, signal)
{
	RAISE(SIGUSR1);
	EXPECT_STEPS(" call end signal 10 at end handler end");
	EXPECT_EQ(1, sh->handled);
	EXPECT_EQ(0, sh->result);
}

TEST_F(step, signal_kept_back)
{
	self->steps.deliver = false;
	RAISE(SIGUSR1);
	EXPECT_STEPS(" call end signal 10 at end");
	EXPECT_EQ(0, sh->handled);
}

TEST_F(step, signal_without_handler)
{
	RAISE(SIGCHLD);
	EXPECT_STEPS(" call end signal 17 at end");
	EXPECT_EQ(0, sh->result);
}

/* A blocked signal does not tell how a call has ended */
TEST_F(step, blocked_signal)
{
	sh->block = true;
	ASSERT_TRUE(next_round(&self->steps));
	EXPECT_STEPS(" call end");
}

/* A signal of the call itself tells how it has ended: no step besides it */
TEST_F(step, trapped_call)
{
	sh->trap = true;
	ASSERT_TRUE(next_round(&self->steps));
	EXPECT_STEPS(" call signal 31 at end handler end");
	EXPECT_EQ(1, sh->handled);
}

TEST_F(step, trapped_call_is_over)
{
	struct ptrace_syscall_info info;

	sh->trap = true;
	ASSERT_TRUE(next_round(&self->steps));
	ASSERT_EQ(SIGSYS, step_to_other(&self->steps, PTRACE_SINGLESTEP, &info));
	/* No stop up to its end */
	EXPECT_EQ(0, next_stop(self->steps.pid, PTRACE_CONT, SIGSYS, &info));
	EXPECT_EQ(1, sh->handled);
}

/* So does the signal of any other instruction */
TEST_F(step, fault)
{
	sh->fault = true;
	ASSERT_TRUE(next_round(&self->steps));
	EXPECT_STEPS(" signal 11 at another place handler");
}

/* ---- a call that makes a task */

/* The step is the parent's alone */
TEST_F(step, child)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK;
	struct ptrace_syscall_info info;
	pid_t pid = self->steps.pid;
	unsigned long child = 0;
	int sig, i = 0;

	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)options));
	sh->nr = __NR_clone;
	sh->args[CLONE_FLAGS_ARG] = SIGCHLD;
	/* Up to the event, which tells the child's ID */
	do {
		sig = next_stop(pid, PTRACE_SINGLESTEP, 0, &info);
		ptrace(PTRACE_GETEVENTMSG, pid, 0, &child);
	} while (sig == SIGTRAP && !child && ++i < MOST_STEPS);
	ASSERT_EQ(SIGTRAP, sig);
	ASSERT_NE(0, child);

	EXPECT_EQ(SIGSTOP << 8 | 0x7f, wait_status(child));
	EXPECT_EQ(0, next_stop(child, PTRACE_CONT, 0, &info));
	EXPECT_EQ(SIGTRAP, next_stop(pid, PTRACE_SINGLESTEP, 0, &info));
	EXPECT_EQ(self->steps.end, info.instruction_pointer);
}

/* ---- a call with breakpoints of perf on its instruction and on the next one */

static int breakpoint(pid_t pid, unsigned long addr)
{
	struct perf_event_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_BREAKPOINT;
	attr.size = sizeof(attr);
	attr.bp_type = HW_BREAKPOINT_X;
	attr.bp_addr = addr;
	attr.exclude_kernel = 1;
	attr.exclude_hv = 1;

	attr.bp_len = HW_BREAKPOINT_LEN_4;
	fd = call6(__NR_perf_event_open, (long)&attr, pid, -1, -1, 0, 0);
	if (fd >= 0)
		return fd;
	/* x86 wants the size of a kernel's long */
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	return call6(__NR_perf_event_open, (long)&attr, pid, -1, -1, 0, 0);
}

static bool set_breakpoints(const struct steps *t, int *at_call, int *at_end)
{
	*at_call = breakpoint(t->pid, t->call);
	*at_end = breakpoint(t->pid, t->end);
	return *at_call >= 0 && *at_end >= 0;
}

static bool was_hit(int fd)
{
	unsigned long long hits = 0;

	return read(fd, &hits, sizeof(hits)) == sizeof(hits) && hits;
}

/* Architectures step over them, too: nobody must notice */
TEST_F(step, breakpoints)
{
	struct ptrace_syscall_info info;
	int at_call, at_end;

	if (!set_breakpoints(&self->steps, &at_call, &at_end))
		SKIP(return, "no breakpoints by perf_event_open()");
	EXPECT_EQ(0, next_stop(self->steps.pid, PTRACE_CONT, 0, &info));
	EXPECT_TRUE(was_hit(at_call));
	EXPECT_TRUE(was_hit(at_end));
}

TEST_F(step, breakpoints_and_steps)
{
	int at_call, at_end;

	if (!set_breakpoints(&self->steps, &at_call, &at_end))
		SKIP(return, "no breakpoints by perf_event_open()");
	EXPECT_STEPS(" call end");
	EXPECT_TRUE(was_hit(at_call));
	EXPECT_TRUE(was_hit(at_end));
}

/* ---- a call that sleeps */

/*
 * What a tracer sees up to the signal's stop depends on the architecture: see
 * Documentation/core-api/entry-step.rst. What follows is the same for all.
 */
#if defined(__aarch64__) || defined(__arm__)
# define TO_CALL	" call"
# define INTERRUPTED	TO_CALL TO_CALL " signal 10 at call"
#elif defined(__s390__)
# define INTERRUPTED	" call signal 10 at end"
#elif defined(__x86_64__) || defined(__i386__) || defined(__powerpc__)
# define INTERRUPTED	" call end signal 10 at end"
#endif

#ifdef INTERRUPTED
/* When the task sleeps in its call: send it a signal; and a byte, when it sleeps again */
static void wake(pid_t pid, int sig, bool again)
{
	if (fork() != 0)
		return;
	sleeping(pid);
	kill(pid, sig);
	if (again) {
		sleeping(pid);
		call3(__NR_write, sh->fds[1], "x", 1);
	}
	call1(__NR_exit_group, 0);
}

#define READ_PIPE()				\
	do {					\
		sh->nr = __NR_read;		\
		sh->args[0] = sh->fds[0];	\
		sh->args[1] = (long)&sh->byte;	\
		sh->args[2] = 1;		\
	} while (0)

TEST_F(step, interrupted_call)
{
	READ_PIPE();
	wake(self->steps.pid, SIGUSR1, false);
	EXPECT_STEPS(INTERRUPTED " handler end");
	EXPECT_EQ(-EINTR, sh->result);
}

TEST_F(step, interrupted_ppoll)
{
	sh->nr = NR_PPOLL;
	wake(self->steps.pid, SIGUSR1, false);
	EXPECT_STEPS(INTERRUPTED " handler end");
	EXPECT_EQ(-EINTR, sh->result);
}

TEST_F(step, restarted_call)
{
	self->steps.deliver = false;
	READ_PIPE();
	wake(self->steps.pid, SIGUSR1, true);
	EXPECT_STEPS(INTERRUPTED " end");
	EXPECT_EQ(1, sh->result);
	EXPECT_EQ('x', sh->byte);
}

/* No step is left when the tracer has given up stepping */
TEST_F(step, interrupted_call_is_over)
{
	struct ptrace_syscall_info info;

	READ_PIPE();
	wake(self->steps.pid, SIGUSR1, false);
	ASSERT_EQ(SIGUSR1, step_to_other(&self->steps, PTRACE_SINGLESTEP, &info));
	EXPECT_EQ(0, next_stop(self->steps.pid, PTRACE_CONT, SIGUSR1, &info));
	EXPECT_EQ(1, sh->handled);
	EXPECT_EQ(-EINTR, sh->result);
}

TEST_F(step, restarted_call_is_over)
{
	struct ptrace_syscall_info info;

	READ_PIPE();
	wake(self->steps.pid, SIGUSR1, true);
	ASSERT_EQ(SIGUSR1, step_to_other(&self->steps, PTRACE_SINGLESTEP, &info));
	EXPECT_EQ(0, next_stop(self->steps.pid, PTRACE_CONT, 0, &info));
	EXPECT_EQ(1, sh->result);
}
#endif

TEST_HARNESS_MAIN
