// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps leave no trace. If a tracer or uprobes has set TF for a step, the
 * program does not see it in the flags that PUSHF stores, and it does not stay set
 * when the tracer lets the program go. If the program has set TF, by POPF or IRET, it
 * stays set.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include "own_rseq.h"
#include "step_traced.h"

#ifdef __x86_64__
# define AX	"%rax"
# define SP	"%rsp"
# define USER_SP	offsetof(struct user, regs.rsp)
#else
# define AX	"%eax"
# define SP	"%esp"
# define USER_SP	offsetof(struct user, regs.esp)
#endif

#define FLAGS_OFF	"$0x202"
#define FLAGS_ON	"$0x302"

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

FIXTURE_VARIANT_ADD(tracer, pushf) { PROG(pushf) };
FIXTURE_VARIANT_ADD(tracer, pushfw) { PROG(pushfw) };
FIXTURE_VARIANT_ADD(tracer, popf) { PROG(popf) };
FIXTURE_VARIANT_ADD(tracer, popfw) { PROG(popfw) };
FIXTURE_VARIANT_ADD(tracer, popf_tf) { PROG(popf_tf, .sets_tf = true) };
FIXTURE_VARIANT_ADD(tracer, iret) { PROG(iret) };
FIXTURE_VARIANT_ADD(tracer, iret_tf) { PROG(iret_tf, .sets_tf = true) };

FIXTURE_VARIANT_ADD(uprobe, pushf) { PROG(pushf) };
FIXTURE_VARIANT_ADD(uprobe, pushfw) { PROG(pushfw) };
FIXTURE_VARIANT_ADD(uprobe, popf) { PROG(popf) };
FIXTURE_VARIANT_ADD(uprobe, popf_tf) { PROG(popf_tf, .sets_tf = true) };

/*
 * A tracer that steps from branch to branch. The next stop is right after the PUSHF, but
 * by the branch at the end of the loop, so the word on the stack is the program's. An
 * emulated CPU may stop without a branch. Then it is PUSHF's, and stays as well.
 */
INSN_CODE(loop_code, "mov $1,%ecx\n", "pushf\n 1:",
	  "movb $1,1(" SP ")\n"
	  "dec %ecx\n"
	  "jns 1b\n"
	  "pop " AX "\n" NONE);

TEST(block_of_pushf)
{
	const struct prog prog = PROG(loop);
	pid_t pid = start(&prog);

	ASSERT_GT(pid, 0);
	ASSERT_TRUE(step_to(pid, prog.table[INSN]));
	ASSERT_EQ(resume(pid, PTRACE_SINGLEBLOCK, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(pid, USER_IP), prog.table[NEXT]);
	EXPECT_NE(ptrace(PTRACE_PEEKDATA, pid, peek(pid, USER_SP), 0) & STEP_TF, 0);
	run_to_exit(_metadata, pid, &prog);
}

/*
 * A stop aborts the program's restartable sequence. It goes on at the abort handler,
 * and the step is over the first instruction there. The one at which it stopped has not
 * been executed.
 */
#ifdef RSEQ_SIG
# define ABORT_HANDLER							\
	".long " STEP_STR(RSEQ_SIG) "\n"				\
	STEP_AT "nop\n"							\
	STEP_AT "nop\n"
# define ABORT	3	/* in the list of addresses */

INSN_CODE(popf_section_code, "push " FLAGS_ON "\n", "popf",
	  "ud2\n" ABORT_HANDLER "pop " AX "\n" NONE);
INSN_CODE(pushf_section_code, "push " FLAGS_ON "\n", "pushf",
	  "ud2\n" ABORT_HANDLER "pop " AX "\n" RESULT);

FIXTURE(aborted) {
	struct rseq_cs section;
	pid_t pid;
};

FIXTURE_VARIANT(aborted) {
	struct prog prog;
};

FIXTURE_VARIANT_ADD(aborted, popf) { PROG(popf_section) };
/* What is on the stack is not PUSHF's, and stays as it is */
FIXTURE_VARIANT_ADD(aborted, pushf) { PROG(pushf_section, .tf = STEP_TF >> 8) };

FIXTURE_SETUP(aborted)
{
	const unsigned long *table = variant->prog.table;

	if (!own_rseq())
		SKIP(return, "no rseq in this libc or kernel");
	self->section.start_ip = table[INSN];
	self->section.post_commit_offset = table[NEXT + 1] - table[INSN];
	self->section.abort_ip = table[ABORT];
	self->pid = start(&variant->prog);
	ASSERT_GT(self->pid, 0);
	ASSERT_TRUE(step_to(self->pid, table[INSN]));
}

FIXTURE_TEARDOWN(aborted)
{
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
	}
}

TEST_F(aborted, by_the_stop)
{
	const unsigned long *table = variant->prog.table;

	/* The program has a copy of all this at the same addresses */
	ASSERT_EQ(ptrace(PTRACE_POKEDATA, self->pid, &own_rseq()->rseq_cs, &self->section), 0);
	ASSERT_EQ(resume(self->pid, PTRACE_SINGLESTEP, 0), STOPPED(SIGTRAP));
	EXPECT_EQ(peek(self->pid, USER_IP), table[ABORT + 1]);
	EXPECT_EQ(peek(self->pid, USER_FLAGS) & STEP_TF, 0);
	run_to_exit(_metadata, self->pid, &variant->prog);
}
#endif

TEST_HARNESS_MAIN
