/* SPDX-License-Identifier: GPL-2.0-only */
/* Code that the C entry points of the system call instructions share */
#ifndef _X86_ENTRY_SYSCALL_H
#define _X86_ENTRY_SYSCALL_H

#include <linux/cpufeature.h>
#include <linux/nospec.h>

#include <asm/alternative.h>
#include <asm/ibt.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>
#include <asm/segment.h>

/* Call the function of a number, one for each table. No ENDBR: only called directly */
typedef long __noendbr (*sys_call_t)(const struct pt_regs *regs, unsigned int nr);

long __noendbr x64_sys_call(const struct pt_regs *regs, unsigned int nr);
long __noendbr x32_sys_call(const struct pt_regs *regs, unsigned int nr);
long __noendbr ia32_sys_call(const struct pt_regs *regs, unsigned int nr);

/*
 * Make the call @nr, if it is one of the @limit calls of @sys_call. A tracer skips a
 * call by number -1, which is never in range because @nr is unsigned.
 */
static __always_inline bool dispatch(struct pt_regs *regs, unsigned int nr,
				     unsigned int limit, sys_call_t sys_call)
{
	if (unlikely(nr >= limit))
		return false;

	regs->ax = sys_call(regs, array_index_nospec(nr, limit));
	return true;
}

/*
 * SYSRET and SYSEXIT can only return to @ip, load fixed segments and cannot restore
 * all of EFLAGS. If @regs need anything else, only IRET can restore them.
 */
static __always_inline bool fast_exit_restores(const struct pt_regs *regs,
					       unsigned long ip, unsigned long cs)
{
	/* A PV guest returns by hypercall */
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return false;

	/* With FRED the result is ignored: ERETU restores all registers */
	asm goto(ALTERNATIVE("cmp %[ip], %[regs_ip]\n\tjne %l[no]", "jmp %l[no]", X86_FEATURE_FRED)
		 : : [ip] "r" (ip), [regs_ip] "m" (regs->ip) : "cc" : no);

	/* SYSRET and SYSEXIT load these segments, which come from MSRs */
	if (unlikely(regs->cs != cs || regs->ss != __USER_DS))
		return false;

	/*
	 * RF and VM would get lost. With TF set, the CPU would trap before it executes
	 * an instruction of the program. After IRET it executes one first.
	 */
	return likely(!(regs->flags & (X86_EFLAGS_RF | X86_EFLAGS_TF | X86_EFLAGS_VM)));
no:
	return false;
}

#ifdef CONFIG_X86_64
/* Whether SYSRET restores @regs */
static __always_inline bool sysret_restores(const struct pt_regs *regs)
{
	/*
	 * SYSRET loads RIP from RCX and EFLAGS from R11, so both pairs must be equal.
	 * If RIP is not canonical, SYSRET raises #GP in kernel mode on Intel CPUs,
	 * with the user's RSP already loaded: a program could take over the kernel.
	 * An address without the upper 17 bits is canonical on every CPU. With 5-level
	 * paging, a program that is mapped above that returns by IRET.
	 */
	return fast_exit_restores(regs, regs->cx, __USER_CS) &&
	       likely(regs->flags == regs->r11 && !(regs->cx >> 47));
}
#endif

#endif /* _X86_ENTRY_SYSCALL_H */
