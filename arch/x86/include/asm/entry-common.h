/* SPDX-License-Identifier: GPL-2.0-only */
/* What x86 adds to the generic entry and exit code */
#ifndef _ASM_X86_ENTRY_COMMON_H
#define _ASM_X86_ENTRY_COMMON_H

#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/fpu/api.h>
#include <asm/fred.h>
#include <asm/nospec-branch.h>
#include <asm/ptrace.h>
#include <asm/stacktrace.h>

/**
 * arch_enter_from_user_mode - Check that the entry code has done its part
 * @regs:	Register state of the interrupted user context
 *
 * Only with CONFIG_DEBUG_ENTRY.
 *
 * Context: noinstr. Interrupts disabled, RCU may not be watching.
 */
static __always_inline void arch_enter_from_user_mode(struct pt_regs *regs)
{
	unsigned long never = X86_EFLAGS_DF | X86_EFLAGS_NT;

	if (!IS_ENABLED(CONFIG_DEBUG_ENTRY))
		return;

	/* AC is user's to set where no CLAC or Xen clears it */
	if (cpu_feature_enabled(X86_FEATURE_SMAP) || cpu_feature_enabled(X86_FEATURE_XENPV))
		never |= X86_EFLAGS_AC;

	/* What the CPU has, not what Xen makes of it */
	WARN_ON_ONCE(native_save_fl() & never);

	/* User registers, at the top of the task's own stack */
	WARN_ON_ONCE(!user_mode(regs));
	WARN_ON_ONCE(!on_thread_stack());
	WARN_ON_ONCE(regs != task_pt_regs(current));
}

#define arch_enter_from_user_mode arch_enter_from_user_mode

/* TIF bits that have to be acted on in arch_exit_to_user_mode_prepare() */
#define X86_EXIT_WORK	(_TIF_USER_RETURN_NOTIFY | _TIF_IO_BITMAP | _TIF_NEED_FPU_LOAD)

void x86_exit_work(unsigned long ti_work);

/**
 * arch_exit_to_user_mode_prepare - Give the CPU what the task needs in user mode
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Context: Task context, interrupts disabled. Must not sleep.
 */
static inline void arch_exit_to_user_mode_prepare(struct pt_regs *regs, unsigned long ti_work)
{
	fpregs_assert_state_consistent();

	if (unlikely(ti_work & X86_EXIT_WORK))
		x86_exit_work(ti_work);

	fred_update_rsp0();

#ifdef CONFIG_COMPAT
	/*
	 * Both bits end with the syscall or the ptrace stop that set them, but
	 * not before signal code has used them: it restarts a compat syscall as
	 * one, see selftest ptrace_syscall_32. Few tasks have them set, so look
	 * before writing.
	 */
	if (unlikely(current_thread_info()->status & (TS_COMPAT | TS_I386_REGS_POKED)))
		current_thread_info()->status &= ~(TS_COMPAT | TS_I386_REGS_POKED);
#endif

	/* KVM leaves it to this place to flush a guest's branch predictions */
	if (!cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		return;

	if (unlikely(this_cpu_read(x86_ibpb_exit_to_user))) {
		this_cpu_write(x86_ibpb_exit_to_user, false);
		indirect_branch_prediction_barrier();
	}
}

#define arch_exit_to_user_mode_prepare arch_exit_to_user_mode_prepare

/**
 * arch_exit_to_user_mode - Speculation mitigation right before user mode
 *
 * Context: noinstr. Interrupts disabled, RCU not watching.
 */
static __always_inline void arch_exit_to_user_mode(void)
{
	amd_clear_divider();
}

#define arch_exit_to_user_mode arch_exit_to_user_mode

void x86_entry_from_kvm(unsigned int entry_type, unsigned int vector);

#endif /* _ASM_X86_ENTRY_COMMON_H */
