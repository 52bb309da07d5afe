/* SPDX-License-Identifier: GPL-2.0-only */
/* What x86 adds to the generic entry and exit code */
#ifndef _ASM_X86_ENTRY_COMMON_H
#define _ASM_X86_ENTRY_COMMON_H

#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/current.h>
#include <asm/fpu/api.h>
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

	/* User mode can set AC, and it stays set unless CLAC or Xen clears it */
	if (cpu_feature_enabled(X86_FEATURE_SMAP) || cpu_feature_enabled(X86_FEATURE_XENPV))
		never |= X86_EFLAGS_AC;

	/* The flags of the CPU, not those that Xen emulates */
	WARN_ON_ONCE(native_save_fl() & never);

	/* User registers, at the top of the task's own stack */
	WARN_ON_ONCE(!user_mode(regs));
	WARN_ON_ONCE(!on_thread_stack());
	WARN_ON_ONCE(regs != task_pt_regs(current));

	/* The end of a compat syscall has cleared its mark */
	WARN_ON_ONCE(IS_ENABLED(CONFIG_COMPAT) &&
		     (current_thread_info()->status & TS_COMPAT));
}

#define arch_enter_from_user_mode arch_enter_from_user_mode

#define ARCH_EXIT_TO_USER_MODE_LATE				\
	(_TIF_USER_RETURN_NOTIFY | _TIF_IO_BITMAP |		\
	 _TIF_NEED_FPU_LOAD | _TIF_END_COMPAT)

void x86_exit_late(unsigned long ti_work);

/**
 * arch_exit_to_user_mode_late - Act on TIF bits after the exit loop
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Inline as far as the test, because the exit loop often leaves none of these bits set.
 *
 * Context: Task context, interrupts disabled. Must not sleep.
 */
static __always_inline void arch_exit_to_user_mode_late(unsigned long ti_work)
{
	if (ti_work & ARCH_EXIT_TO_USER_MODE_LATE)
		x86_exit_late(ti_work);
}

#define arch_exit_to_user_mode_late arch_exit_to_user_mode_late

/**
 * arch_exit_to_user_mode_prepare - Give the CPU what the task needs in user mode
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * For what can only be done last, when all work that may sleep is done.
 *
 * Context: Task context, interrupts disabled. Must not sleep.
 */
static __always_inline void arch_exit_to_user_mode_prepare(struct pt_regs *regs,
							   unsigned long ti_work)
{
	fpregs_assert_state_consistent();

	/* KVM leaves the flush of a guest's branch predictions to this function */
	if (!cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		return;

	if (unlikely(raw_cpu_read(x86_ibpb_exit_to_user))) {
		this_cpu_write(x86_ibpb_exit_to_user, false);
		indirect_branch_prediction_barrier();
	}
}

#define arch_exit_to_user_mode_prepare arch_exit_to_user_mode_prepare

/**
 * arch_exit_to_user_mode - Speculation mitigation right before user mode
 *
 * On some CPUs the divider keeps data of the last division, which other code may
 * then see. Divide 0 by 1 to clear it. The operands are loaded on these CPUs only,
 * by code so short that a single NOP replaces it on other CPUs.
 *
 * Context: noinstr. Interrupts disabled, RCU not watching.
 */
static __always_inline void arch_exit_to_user_mode(void)
{
	if (IS_ENABLED(CONFIG_CPU_SUP_AMD))
		asm volatile(ALTERNATIVE("",
					 "xorl %%eax, %%eax\n\t"
					 "cltd\n\t"
					 "leal 1(%%" _ASM_AX "), %%ecx\n\t"
					 "divl %%ecx",
					 X86_BUG_DIV0)
			     ::: "eax", "ecx", "edx", "cc");
}

#define arch_exit_to_user_mode arch_exit_to_user_mode

void x86_entry_from_kvm(unsigned int entry_type, unsigned int vector);

#endif /* _ASM_X86_ENTRY_COMMON_H */
