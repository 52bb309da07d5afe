// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps leave no trace. If a tracer or uprobes has set TF for a step, the
 * program does not see it in the flags that PUSHF stores, and it does not stay set
 * when the tracer lets the program go. If the program has set TF, by POPF or IRET, it
 * stays set.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include "step_traced.h"

#ifdef __x86_64__
# define AX	"%rax"
#else
# define AX	"%eax"
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

TEST_HARNESS_MAIN
