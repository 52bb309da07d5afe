/* SPDX-License-Identifier: GPL-2.0-only */
/* What the C entry points of the system call instructions share */
#ifndef _X86_ENTRY_SYSCALL_H
#define _X86_ENTRY_SYSCALL_H

#include <linux/cpufeature.h>

#include <asm/alternative.h>
#include <asm/ibt.h>
#include <asm/page.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/segment.h>

/* From a number to its function, one for each table. They are called by their names only */
typedef long __noendbr (*sys_call_t)(const struct pt_regs *regs, unsigned int nr);

long __noendbr x64_sys_call(const struct pt_regs *regs, unsigned int nr);
long __noendbr x32_sys_call(const struct pt_regs *regs, unsigned int nr);
long __noendbr ia32_sys_call(const struct pt_regs *regs, unsigned int nr);

/*
 * Make the call @nr of the @limit calls that @sys_call has, if it is one. Number
 * -1, which a tracer uses to skip a call, never is, as it is taken unsigned.
 */
static __always_inline bool dispatch(struct pt_regs *regs, unsigned long nr,
				     unsigned long limit, sys_call_t sys_call)
{
	unsigned long mask;
	bool outside;

	/*
	 * array_index_mask_nospec(), and the test besides: nothing, should the
	 * CPU speculate that the number is in range, and all ones if it is.
	 */
	asm volatile("cmp %[limit], %[nr]\n\tsbb %[mask], %[mask]"
		     : [mask] "=r" (mask), "=@ccz" (outside)
		     : [nr] "r" (nr), [limit] "ir" (limit));
	if (unlikely(outside))
		return false;

	regs->ax = sys_call(regs, nr & mask);
	return true;
}

/*
 * SYSRET and SYSEXIT go to a known address, load fixed segments and cannot
 * restore all of EFLAGS. If the registers that user mode is to get do not agree
 * with that, only IRET can restore them.
 */
static __always_inline bool fast_exit_restores(const struct pt_regs *regs,
					       unsigned long ip, unsigned long cs)
{
	/* A PV guest returns by hypercall */
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return false;

	/* Nor does FRED need to know: ERETU restores whatever it finds */
	asm goto(ALTERNATIVE("cmp %[ip], %[regs_ip]\n\tjne %l[no]", "jmp %l[no]", X86_FEATURE_FRED)
		 : : [ip] "r" (ip), [regs_ip] "m" (regs->ip) : "cc" : no);

	/* As programmed into the MSRs */
	if (unlikely(regs->cs != cs || regs->ss != __USER_DS))
		return false;

	/* RF and VM get lost, and with TF the CPU traps before user code runs */
	return likely(!(regs->flags & (X86_EFLAGS_RF | X86_EFLAGS_TF | X86_EFLAGS_VM)));
no:
	return false;
}

#ifdef CONFIG_X86_64
/* Whether what SYSRET does is what @regs ask for */
static __always_inline bool sysret_restores(const struct pt_regs *regs)
{
	/*
	 * It takes RIP from RCX and EFLAGS from R11. With a non-canonical RIP
	 * Intel's SYSRET faults in the kernel, on a stack that user mode chose:
	 * that is the end. Below the limit is all of user space but the
	 * vsyscall page.
	 */
	const unsigned long ip = regs->cx;

	return fast_exit_restores(regs, ip, __USER_CS) &&
	       likely(regs->flags == regs->r11 && ip < TASK_SIZE_MAX);
}
#endif

#endif /* _X86_ENTRY_SYSCALL_H */
