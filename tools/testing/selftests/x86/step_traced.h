/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of what single steps leave in a program. A tracer or uprobes steps over one
 * instruction, and the program returns the TF that it can see. Include it after
 * kselftest_harness.h, and add variants of the two fixtures.
 */
#ifndef STEP_TRACED_H
#define STEP_TRACED_H

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step.h"
#include "uprobe.h"

#define USER_FLAGS	offsetof(struct user, regs.eflags)
#ifdef __x86_64__
# define USER_IP	offsetof(struct user, regs.rip)
#else
# define USER_IP	offsetof(struct user, regs.eip)
#endif

/*
 * The programs. Number 0 in the list of addresses is the instruction that is tested,
 * and the next ones follow it. The programs return the flags that they could see, in
 * 8 bits.
 */
#define INSN	0
#define NEXT	1

#define RESULT		"movzbl %ah,%eax\n"	/* byte 1 of the flags has TF */
#define NONE		"xor %eax,%eax\n"

#define INSN_CODE(name, before, insn, after)				\
	STEP_PLAIN_CODE(name,						\
			before						\
			STEP_AT insn "\n"				\
			STEP_AT "nop\n"					\
			STEP_AT "nop\n"					\
			after)

struct prog {
	STEP_CALL long (*code)(long a, long b, long c);
	const unsigned long *table;
	long tf;		/* in its result: has it seen TF? */
	bool sets_tf;
};

#define PROG(name, ...)	{ name##_code, name##_code_want, ##__VA_ARGS__ }

/* Statuses from waitpid() */
#define STOPPED(sig)	((sig) << 8 | 0x7f)
#define EXITED(n)	((n) << 8)

/* Start it, traced and stopped. Its exit status tells what it has seen. */
static pid_t start(const struct prog *p)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(100);
		kill(getpid(), SIGSTOP);
		_exit(p->code(0, 0, 0) & (STEP_TF >> 8));
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == STOPPED(SIGSTOP) &&
	    !ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL))
		return pid;
	return -1;
}

static unsigned long peek(pid_t pid, long reg)
{
	return ptrace(PTRACE_PEEKUSER, pid, reg, 0);
}

static int resume(pid_t pid, int request, int sig)
{
	int status = -1;

	if (ptrace(request, pid, 0, (long)sig) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* Step until the next instruction is at this address */
static bool step_to(pid_t pid, unsigned long ip)
{
	int i;

	for (i = 0; i < 20000 && peek(pid, USER_IP) != ip; i++) {
		if (resume(pid, PTRACE_SINGLESTEP, 0) != STOPPED(SIGTRAP))
			return false;
	}
	return peek(pid, USER_IP) == ip;
}

FIXTURE(tracer) {
	pid_t pid;
};

FIXTURE_VARIANT(tracer) {
	struct prog prog;
};

static void on_usr1(int sig)
{
}

FIXTURE_SETUP(tracer)
{
	ASSERT_TRUE(signal(SIGUSR1, on_usr1) != SIG_ERR);
	self->pid = start(&variant->prog);
	ASSERT_GT(self->pid, 0);
	ASSERT_TRUE(step_to(self->pid, variant->prog.table[INSN]));
}

FIXTURE_TEARDOWN(tracer)
{
	kill(self->pid, SIGKILL);
	waitpid(self->pid, NULL, 0);
}

/* Run the rest of the program. A trap that is left over would stop it. */
static void run_to_exit(struct __test_metadata *_metadata, pid_t pid, const struct prog *p)
{
	int status = resume(pid, PTRACE_CONT, 0);

	if (p->sets_tf) {
		EXPECT_EQ(status, STOPPED(SIGTRAP)) {
			TH_LOG("TF that the program has set is lost");
		}
		EXPECT_EQ(peek(pid, USER_FLAGS) & STEP_TF, STEP_TF);
		if (status != STOPPED(SIGTRAP))
			return;
		ptrace(PTRACE_POKEUSER, pid, USER_FLAGS, peek(pid, USER_FLAGS) & ~STEP_TF);
		status = resume(pid, PTRACE_CONT, 0);
	}
	EXPECT_EQ(status, EXITED(p->tf)) {
		TH_LOG("the program was trapped, or has seen another TF than it should");
	}
}

TEST_F(tracer, steps_and_continues)
{
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(self->pid, USER_IP), variant->prog.table[NEXT]);
	EXPECT_EQ(!!(peek(self->pid, USER_FLAGS) & STEP_TF), variant->prog.sets_tf);
	run_to_exit(_metadata, self->pid, &variant->prog);
}

TEST_F(tracer, steps_once_more)
{
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(self->pid, USER_IP), variant->prog.table[NEXT + 1]);
	EXPECT_EQ(!!(peek(self->pid, USER_FLAGS) & STEP_TF), variant->prog.sets_tf);
	run_to_exit(_metadata, self->pid, &variant->prog);
}

/* A handler comes first: its frame is made before the instruction is executed */
TEST_F(tracer, handler_comes_first)
{
	/* The stop is at the first instruction of the handler */
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, SIGUSR1), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(self->pid, USER_IP), (unsigned long)on_usr1);
	run_to_exit(_metadata, self->pid, &variant->prog);
}

/*
 * uprobes uses TF to step over a copy of the instruction
 */
FIXTURE(uprobe) {
	int fd;
};

FIXTURE_VARIANT(uprobe) {
	struct prog prog;
};

FIXTURE_SETUP(uprobe)
{
	self->fd = uprobe_open(0, variant->prog.table[INSN], 0);
	if (self->fd < 0)
		SKIP(return, "no uprobes by perf_event_open()");
}

FIXTURE_TEARDOWN(uprobe)
{
	if (self->fd >= 0)
		close(self->fd);
}

static int traps;

/* No more traps after the first one */
static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	traps++;
	uc->uc_mcontext.gregs[STEP_REG_FL] &= ~STEP_TF;
}

TEST_F(uprobe, alone)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	const struct prog *p = &variant->prog;

	traps = 0;
	ASSERT_EQ(sigaction(SIGTRAP, &sa, NULL), 0);
	EXPECT_EQ(p->code(0, 0, 0) & (STEP_TF >> 8), p->tf);
	EXPECT_EQ(traps, p->sets_tf);
	EXPECT_EQ(uprobe_hits(self->fd), 1);
}

TEST_F(uprobe, and_tracer)
{
	const struct prog *p = &variant->prog;
	pid_t pid;
	int fd;

	pid = start(p);
	ASSERT_GT(pid, 0);
	fd = uprobe_open(pid, p->table[INSN], 0);
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(step_to(pid, p->table[INSN]));
	EXPECT_EQ(resume(pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(pid, USER_IP), p->table[NEXT]);
	EXPECT_EQ(uprobe_hits(fd), 1);
	run_to_exit(_metadata, pid, p);
	kill(pid, SIGKILL);
	close(fd);
}

#endif /* STEP_TRACED_H */
