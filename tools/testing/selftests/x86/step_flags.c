// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps leave no trace. TF that a tracer or uprobes has set for a step is not
 * seen by the program, neither in the flags that PUSHF stores nor in the R11 that
 * SYSCALL leaves behind, and it does not stay when the tracer lets go. TF that the
 * program has set, by POPF or IRET, stays. And DR6 tells of each step.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "step.h"
#include "uprobe.h"

#define USER_FLAGS	offsetof(struct user, regs.eflags)
#define USER_DR6	offsetof(struct user, u_debugreg[6])
#ifdef __x86_64__
# define USER_IP	offsetof(struct user, regs.rip)
# define AX		"%rax"
#else
# define USER_IP	offsetof(struct user, regs.eip)
# define AX		"%eax"
#endif

/* Bits of DR6: a step, the first watchpoint, and those that have no use */
#define DR_STEP		0x4000UL
#define DR_TRAP0	0x1UL
#define DR_USED		0xe00fUL

/*
 * The programs. Number 0 in the list of addresses is the instruction that the test is
 * about, the next ones are behind it. What they return has the flags that
 * they could see, in 8 bits.
 */
#define INSN	0
#define NEXT	1

#define FLAGS_OFF	"$0x202"
#define FLAGS_ON	"$0x302"
#define RESULT		"movzbl %ah,%eax\n"	/* byte 1 of the flags has TF */
#define NONE		"xor %eax,%eax\n"

#define INSN_CODE(name, before, insn, after)				\
	STEP_PLAIN_CODE(name,						\
			before						\
			STEP_AT insn "\n"				\
			STEP_AT "nop\n"					\
			STEP_AT "nop\n"					\
			after)

INSN_CODE(pushf_code, "", "pushf", "pop " AX "\n" RESULT);
INSN_CODE(pushfw_code, "", "pushfw", "pop %ax\n" RESULT);
INSN_CODE(popf_code, "push " FLAGS_OFF "\n", "popf", NONE);
INSN_CODE(popfw_code, "pushw " FLAGS_OFF "\n", "popfw", NONE);
INSN_CODE(popf_tf_code, "push " FLAGS_ON "\n", "popf", NONE);

#ifdef __x86_64__
# define IRET_CODE(name, flags)						\
	INSN_CODE(name,							\
		  "mov %rsp,%rax\n"					\
		  "mov %ss,%ecx\n push %rcx\n"				\
		  "push %rax\n"						\
		  "push " flags "\n"					\
		  "mov %cs,%ecx\n push %rcx\n"				\
		  "lea 1f(%rip),%rcx\n push %rcx\n",			\
		  "iretq\n 1:", NONE)
#else
# define IRET_CODE(name, flags)						\
	INSN_CODE(name,							\
		  "push " flags "\n"					\
		  "push %cs\n"						\
		  "push $1f\n",						\
		  "iret\n 1:", NONE)
#endif

IRET_CODE(iret_code, FLAGS_OFF);
IRET_CODE(iret_tf_code, FLAGS_ON);

#define YIELD	"mov $" STEP_STR(__NR_sched_yield) ",%eax\n"

INSN_CODE(call_code, YIELD, STEP_SYSCALL, NONE);

#ifdef __x86_64__
INSN_CODE(r11_code, YIELD, "syscall", "mov %r11,%rax\n" RESULT);

/* INT $0x80 leaves R11 to the program, which may have anything in there */
INSN_CODE(r11_int80_code,
	  "mov $0x302,%r11d\n"
	  "mov $158,%eax\n",
	  "int $0x80",
	  "mov %r11,%rax\n" RESULT);
#endif

struct prog {
	__typeof__(pushf_code) *code;
	const unsigned long *table;
	long tf;		/* of its result: has it seen TF? */
	bool sets_tf;
};

#define PROG(name, ...)	{ name##_code, name##_code_want, ##__VA_ARGS__ }

/* As waitpid() has it */
#define STOPPED(sig)	((sig) << 8 | 0x7f)
#define EXITED(n)	((n) << 8)

/* Stops as soon as it is traced. Its exit status is what it has seen. */
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

/* Step until the next instruction is the one at this address */
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

FIXTURE_VARIANT_ADD(tracer, pushf) { PROG(pushf) };
FIXTURE_VARIANT_ADD(tracer, pushfw) { PROG(pushfw) };
FIXTURE_VARIANT_ADD(tracer, popf) { PROG(popf) };
FIXTURE_VARIANT_ADD(tracer, popfw) { PROG(popfw) };
FIXTURE_VARIANT_ADD(tracer, popf_tf) { PROG(popf_tf, .sets_tf = true) };
FIXTURE_VARIANT_ADD(tracer, iret) { PROG(iret) };
FIXTURE_VARIANT_ADD(tracer, iret_tf) { PROG(iret_tf, .sets_tf = true) };
FIXTURE_VARIANT_ADD(tracer, call) { PROG(call) };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(tracer, r11) { PROG(r11) };
FIXTURE_VARIANT_ADD(tracer, r11_int80) { PROG(r11_int80, .tf = 1) };
#endif

/* The rest of the program, which a trap that is left over would stop */
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

/* A handler comes first: when its frame is made, the instruction is not executed yet */
TEST_F(tracer, handler_comes_first)
{
	/* The stop is in front of the handler */
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, SIGUSR1), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(self->pid, USER_IP), (unsigned long)on_usr1);
	run_to_exit(_metadata, self->pid, &variant->prog);
}

/* DR6 has the step, and no more than that, as behind any other instruction */
TEST(dr6_behind_a_call)
{
	const struct prog prog = PROG(call);
	pid_t pid = start(&prog);
	int i;

	ASSERT_GT(pid, 0);
	ASSERT_TRUE(step_to(pid, prog.table[INSN]));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(ptrace(PTRACE_POKEUSER, pid, USER_DR6, DR_TRAP0), 0);
		ASSERT_EQ(resume(pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
		EXPECT_EQ(peek(pid, USER_DR6) & DR_USED, DR_STEP);
	}
	kill(pid, SIGKILL);
}

/*
 * uprobes steps over a copy of the instruction, by TF
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

FIXTURE_VARIANT_ADD(uprobe, pushf) { PROG(pushf) };
FIXTURE_VARIANT_ADD(uprobe, pushfw) { PROG(pushfw) };
FIXTURE_VARIANT_ADD(uprobe, popf) { PROG(popf) };
FIXTURE_VARIANT_ADD(uprobe, popf_tf) { PROG(popf_tf, .sets_tf = true) };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(uprobe, r11) { PROG(r11) };
#endif

static int traps;

/* The first trap is the last one */
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

/*
 * The way back from a function with a uretprobe. In a 32-bit program it is a
 * breakpoint, which uprobes handles in the place of the CPU. In a 64-bit program it
 * is code with a system call.
 */
STEP_CODE(uretprobe_code,
	  STEP_AT "call 1f\n"
	  STEP_AT "nop\n"
	  STEP_AT "jmp 2f\n"
	  "1: ret\n"
	  "2:\n");

static bool trapped_at(unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < step_log->count && i < STEP_MAX; i++) {
		if (step_log->trap[i].ip == ip)
			return true;
	}
	return false;
}

TEST(uretprobe)
{
	const unsigned long *table = uretprobe_code_want;
	const unsigned char *call = (const unsigned char *)table[0];
	unsigned long function;
	int fd, disp, i;

	memcpy(&disp, call + 1, sizeof(disp));
	function = table[0] + 5 + disp;
	fd = uprobe_open(0, function, UPROBE_RETURN);
	if (fd < 0)
		SKIP(return, "no uprobes by perf_event_open()");
	ASSERT_EQ(step_install(0), 0);
	step_run(uretprobe_code, 0, 0, 0);
	EXPECT_TRUE(trapped_at(function));
	for (i = 0; table[i]; i++)
		EXPECT_TRUE(trapped_at(table[i]));
	EXPECT_EQ(uprobe_hits(fd), 1);
	close(fd);
}

TEST_HARNESS_MAIN
