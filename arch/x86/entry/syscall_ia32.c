// SPDX-License-Identifier: GPL-2.0-only
/*
 * C entry points of the instructions that make 32-bit system calls
 *
 *			number in	set before C	of its own
 * INT $0x80		AX		-		external interrupt?
 *   with FRED		AX		-
 *   32-bit kernel	ORIG_AX		AX
 * SYSENTER		ORIG_AX		AX		SP and BP, EFLAGS.IF, IP
 * SYSCALL32		ORIG_AX		AX		BP, IP
 *   with FRED		ORIG_AX		AX		BP, IP
 *
 * Where AX is set before C code, it is -ENOSYS. All of them are a compat system
 * call in a 64-bit kernel, whatever the code segment of the program. With FRED,
 * 32-bit SYSCALL is an invalid opcode and SYSENTER comes with the user's SP.
 */

#include <linux/entry-common.h>
#include <linux/kernel.h>
#include <linux/linkage.h>
#include <linux/uaccess.h>

#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/syscall.h>
#include <asm/vdso.h>

#include "syscall.h"

static __always_inline void dispatch_ia32(struct pt_regs *regs, long nr)
{
	dispatch(regs, nr, IA32_NR_syscalls, ia32_sys_call);
}

/* Tracers, seccomp, audit and signal code know a compat call by TS_COMPAT */
static __always_inline void ia32_begin(void)
{
	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		task_thread_info(arch_syscall_current())->status |= TS_COMPAT;
}

/* Behind signal code. Who sets it by other means, sets TIF_END_COMPAT with it */
static __always_inline void ia32_end(void)
{
	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		current_thread_info()->status &= ~TS_COMPAT;
}

/*
 * Vector 0x80 sent as an interrupt comes from broken hardware or from a hypervisor
 * that forges system calls. The local APIC has it in service then, and only in a
 * secure guest is this more than the hypervisor's word. FRED has an event type for
 * it, and the APIC of a Xen PV guest is none.
 */
static __always_inline bool int80_is_external(void)
{
	const unsigned int isr = APIC_ISR + IA32_SYSCALL_VECTOR / 32 * 0x10;

	if (!IS_ENABLED(CONFIG_X86_64) || cpu_feature_enabled(X86_FEATURE_FRED) ||
	    cpu_feature_enabled(X86_FEATURE_XENPV))
		return false;

	return apic_read(isr) & BIT(IA32_SYSCALL_VECTOR % 32);
}

static __always_inline void int80(struct pt_regs *regs)
{
	enter_from_user_mode_randomize_stack(regs);

	instrumentation_begin();
	if (unlikely(int80_is_external()))
		panic("External interrupt with the vector of INT $0x80\n");

	ia32_begin();
	local_irq_enable();
	generic_do_syscall(regs, dispatch_ia32);
	ia32_end();
	instrumentation_end();

	exit_to_user_mode();
}

#ifdef CONFIG_X86_64
/**
 * do_int80_emulation - INT $0x80 in a 64-bit kernel
 * @regs:	Register state at entry, with the number in AX
 *
 * By IDT and by FRED, from 32-bit and from 64-bit code. Also what restarts a
 * system call that was made by SYSENTER or SYSCALL.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 */
__visible noinstr __noendbr void do_int80_emulation(struct pt_regs *regs)
{
	if (unlikely(!user_mode(regs))) {
		irqentry_enter(regs);
		instrumentation_begin();
		panic("Unexpected external interrupt 0x80 in kernel mode\n");
	}

	/* Tracers and signal code want a 32-bit number there */
	regs->orig_ax = (u32)regs->ax;
	regs->ax = -ENOSYS;
	int80(regs);
}
#else
/**
 * do_int80_syscall_32 - INT $0x80 in a 32-bit kernel
 * @regs:	Register state at entry, with AX preset to -ENOSYS
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 */
__visible noinstr __noendbr void do_int80_syscall_32(struct pt_regs *regs)
{
	int80(regs);
}
#endif

/* The vDSO has pushed BP, which holds the sixth argument. */
static __always_inline bool fetch_bp(struct pt_regs *regs)
{
	u32 __user *stack = (u32 __user *)(unsigned long)(u32)regs->sp;
	u32 *bp = (u32 *)&regs->bp;

	/* 32 bits cannot name an address of a 64-bit kernel */
	return (IS_ENABLED(CONFIG_X86_64) ? __get_user(*bp, stack) : get_user(*bp, stack)) == 0;
}

/* The call fails, unless a tracer has skipped it by number -1 and set the result */
static __always_inline void dispatch_efault(struct pt_regs *regs, long nr)
{
	if (nr != -1)
		regs->ax = -EFAULT;
}

/*
 * A system call like any other for all that watch it, from its entry to its exit,
 * but it is not made.
 */
static noinline void syscall_without_bp(struct pt_regs *regs)
{
	generic_do_syscall(regs, dispatch_efault);
}

/**
 * do_fast_syscall_32 - SYSENTER and 32-bit SYSCALL by way of the vDSO
 * @regs:	Register state at entry, with AX preset to -ENOSYS and the user's SP
 *
 * The vDSO has an INT $0x80 in front of the instruction to return to. So when
 * IP is there, a restart needs to know nothing of these instructions.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 * Return: true if SYSEXIT or SYSRET can restore @regs, false if it takes IRET.
 *	   Of no meaning under FRED.
 */
__visible noinstr __noendbr bool do_fast_syscall_32(struct pt_regs *regs)
{
	const unsigned long landing_pad = (unsigned long)current->mm->context.vdso +
					  vdso32_image.sym_int80_landing_pad;

	regs->ip = landing_pad;
	enter_from_user_mode_randomize_stack(regs);

	instrumentation_begin();
	ia32_begin();
	local_irq_enable();
	if (likely(fetch_bp(regs)))
		generic_do_syscall(regs, dispatch_ia32);
	else
		syscall_without_bp(regs);
	ia32_end();
	instrumentation_end();

	exit_to_user_mode();

	return fast_exit_restores(regs, landing_pad, __USER32_CS);
}

/**
 * do_SYSENTER_32 - SYSENTER, delivered without FRED
 * @regs:	Register state at entry, with AX preset to -ENOSYS
 *
 * The CPU saves neither SP, of which the vDSO keeps a copy in BP, nor EFLAGS.IF,
 * which is taken to have been set.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 * Return: As do_fast_syscall_32().
 */
__visible noinstr __noendbr bool do_SYSENTER_32(struct pt_regs *regs)
{
	regs->sp = regs->bp;
	regs->flags |= X86_EFLAGS_IF;

	return do_fast_syscall_32(regs);
}
