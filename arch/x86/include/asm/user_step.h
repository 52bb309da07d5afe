/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single steps that the CPU does not report: over system calls, and over
 * instructions that the kernel emulates.
 *
 * If IRET sets TF, the CPU executes one instruction before it traps. So the kernel
 * must report the step over an instruction that it has completed itself. Otherwise
 * that step is lost, and the next trap comes one instruction late. See
 * Documentation/arch/x86/single-step.rst for what user space can rely on.
 */
#ifndef _ASM_X86_USER_STEP_H
#define _ASM_X86_USER_STEP_H

#include <linux/compiler.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/processor-flags.h>
#include <asm/ptrace.h>

void user_step_trap(struct pt_regs *regs);
void syscall_step_begin(struct pt_regs *regs);
bool syscall_step_take(struct pt_regs *regs);
bool syscall_step_traced(struct pt_regs *regs);
bool emulated_insn_step(struct pt_regs *regs);

/**
 * arch_syscall_enter - Note that the program single-steps over this syscall
 * @regs:	Register state as user mode left it
 *
 * Tests TF as the CPU saved it, because a tracer's stop, sigreturn or execve may
 * change it during the syscall.
 *
 * Context: Task context, interrupts enabled.
 */
static __always_inline void arch_syscall_enter(struct pt_regs *regs)
{
	if (unlikely(regs->flags & X86_EFLAGS_TF))
		syscall_step_begin(regs);
}

#define arch_syscall_enter arch_syscall_enter

/**
 * syscall_step_drop - Forget that a single step over a syscall is to be reported
 *
 * For code that reports the step in another way, or that rewinds the instruction
 * pointer to restart the syscall.
 *
 * Context: Task context, of the task that makes the syscall.
 */
static inline void syscall_step_drop(void)
{
	clear_thread_flag(TIF_SYSCALL_STEP);
}

/**
 * syscall_step_moved - A tracer sets the instruction pointer
 * @task:	The tracee, which is stopped
 * @regs:	Its registers
 * @ip:		The new instruction pointer
 *
 * If it changes, the program continues elsewhere and abandons the syscall that it is
 * in, if any. The step over that syscall is not reported then. But a debugger that
 * calls a function in the program puts the registers back after that. The syscall is
 * restarted, or a signal ends it, and the step is reported after all.
 *
 * Context: Task context, of the tracer.
 */
static inline void syscall_step_moved(struct task_struct *task, const struct pt_regs *regs,
				      unsigned long ip)
{
	if (ip == regs->ip)
		return;

	if (test_and_clear_tsk_thread_flag(task, TIF_SYSCALL_STEP)) {
		task->thread.step_abandoned = regs->ip;
	} else if (ip == task->thread.step_abandoned) {
		task->thread.step_abandoned = 0;
		set_tsk_thread_flag(task, TIF_SYSCALL_STEP);
	}
}

/**
 * emulated_plain_insn_step - Report the step over an emulated non-branch instruction
 * @regs:	Register state after the instruction
 *
 * As emulated_insn_step(), but reports nothing if a tracer steps from branch to
 * branch, with PTRACE_SINGLEBLOCK.
 *
 * Context: Task context, interrupts enabled.
 */
static inline void emulated_plain_insn_step(struct pt_regs *regs)
{
	if (!test_thread_flag(TIF_BLOCKSTEP))
		emulated_insn_step(regs);
}

/**
 * arch_ptrace_report_syscall_permit_entry - Tell the tracer that a syscall begins
 * @regs:	Register state at entry
 *
 * With PTRACE_SYSEMU and PTRACE_SYSEMU_SINGLESTEP the tracer completes the
 * instruction. This stop is the only report of it, so the step is dropped.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer resumes it.
 * Return: true if the syscall is to be made, false if it is to be skipped.
 */
static __always_inline bool arch_ptrace_report_syscall_permit_entry(struct pt_regs *regs)
{
	if (test_syscall_work(SYSCALL_EMU))
		syscall_step_drop();

	return ptrace_report_syscall_permit_entry(regs);
}

#define arch_ptrace_report_syscall_permit_entry arch_ptrace_report_syscall_permit_entry

/**
 * arch_ptrace_report_syscall_exit - Tell the tracer that a syscall has ended
 * @regs:	Register state to which user mode will return
 * @step:	Nonzero: report a single step instead of a syscall's exit
 *
 * syscall_step_traced() decides whether a step is reported.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer resumes it.
 */
static __always_inline void arch_ptrace_report_syscall_exit(struct pt_regs *regs, int step)
{
	if (!step || syscall_step_traced(regs))
		ptrace_report_syscall_exit(regs, step);
}

#define arch_ptrace_report_syscall_exit arch_ptrace_report_syscall_exit

#endif /* _ASM_X86_USER_STEP_H */
