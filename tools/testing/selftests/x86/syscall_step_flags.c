// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps over system calls leave no trace: SYSCALL copies the flags to R11,
 * where the program must not see a TF that a tracer or uprobes has set. DR6 shows each
 * step, and the return from a function with a uretprobe is one.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include "step_traced.h"

#define USER_DR6	offsetof(struct user, u_debugreg[6])

/* Bits of DR6: a step, the first watchpoint, and all that have a use */
#define DR_STEP		0x4000UL
#define DR_TRAP0	0x1UL
#define DR_USED		0xe00fUL

#define YIELD	"mov $" STEP_STR(__NR_sched_yield) ",%eax\n"

/* Not a call, for comparison. INT $0x80, of 32-bit programs, cannot be probed */
INSN_CODE(plain_code, "", "inc %eax", NONE);

INSN_CODE(call_code, YIELD, STEP_SYSCALL, NONE);

#ifdef __x86_64__
INSN_CODE(r11_code, YIELD, "syscall", "mov %r11,%rax\n" RESULT);

/* INT $0x80 does not change R11, in which the program may have anything */
INSN_CODE(r11_int80_code,
	  "mov $0x302,%r11d\n"
	  "mov $158,%eax\n",
	  "int $0x80",
	  "mov %r11,%rax\n" RESULT);
#endif

FIXTURE_VARIANT_ADD(tracer, call) { PROG(call) };
FIXTURE_VARIANT_ADD(uprobe, plain) { PROG(plain) };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(tracer, r11) { PROG(r11) };
FIXTURE_VARIANT_ADD(tracer, r11_int80) { PROG(r11_int80, .tf = 1) };
FIXTURE_VARIANT_ADD(uprobe, call) { PROG(call) };
FIXTURE_VARIANT_ADD(uprobe, r11) { PROG(r11) };
#endif

/* DR6 has the step and nothing else, as after any other instruction */
TEST(dr6_after_a_call)
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

static STEP_CALL long exec_itself(long a, long b, long c)
{
	char name[] = "/proc/self/exe", *argv[] = { name, NULL };

	return execv(name, argv);
}

/* A tracer's step into a new program ends at its first instruction, the next one after it */
TEST(new_program)
{
	const struct prog prog = { .code = exec_itself };
	pid_t pid = start(&prog);
	unsigned long first;

	ASSERT_GT(pid, 0);
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL), 0);
	ASSERT_EQ(resume(pid, PTRACE_CONT, 0), STOPPED(SIGTRAP) | PTRACE_EVENT_EXEC << 16);
	first = peek(pid, USER_IP);
	ASSERT_EQ(resume(pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(pid, USER_IP), first);
	ASSERT_EQ(resume(pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_NE(peek(pid, USER_IP), first);
	kill(pid, SIGKILL);
}

/*
 * The return from a function with a uretprobe. A 32-bit program returns to a
 * breakpoint, which uprobes handles instead of the CPU. A 64-bit program returns to
 * code with a system call.
 */
STEP_CODE(uretprobe_code,
	  STEP_AT "call 1f\n"
	  STEP_AT "nop\n"
	  STEP_AT "jmp 2f\n"
	  "1: ret\n"
	  "2:\n");

/* The function returns to a trampoline of the kernel. What is trapped there is not checked. */
static void forget_traps_elsewhere(unsigned long start, unsigned long end)
{
	unsigned int i, n = 0;

	for (i = 0; i < step_log->count && i < STEP_MAX; i++) {
		if (step_log->trap[i].ip >= start && step_log->trap[i].ip <= end)
			step_log->trap[n++] = step_log->trap[i];
	}
	step_log->count = n;
}

TEST(uretprobe)
{
	const unsigned long *table = uretprobe_code_want;
	const unsigned char *call = (const unsigned char *)table[0];
	struct step_want want = { 0 };
	unsigned long function;
	int fd, disp;

	memcpy(&disp, call + 1, sizeof(disp));
	function = table[0] + 5 + disp;
	fd = uprobe_open(0, function, UPROBE_RETURN);
	if (fd < 0)
		SKIP(return, "no uprobes by perf_event_open()");
	ASSERT_EQ(step_install(0), 0);
	step_run(uretprobe_code, 0, 0, 0);
	forget_traps_elsewhere(table[0], (unsigned long)uretprobe_code_end);

	step_want_ip(&want, table[0]);
	step_want_ip(&want, function);
	step_want_tail(&want, table, 1);
	EXPECT_TRUE(step_check(want.ip));
	EXPECT_EQ(uprobe_hits(fd), 1);
	close(fd);
}

TEST_HARNESS_MAIN
