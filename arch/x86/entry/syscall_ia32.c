// SPDX-License-Identifier: GPL-2.0-only
/*
 * C entry points of the instructions that make 32-bit system calls
 *
 *			number in	set before C	handled in C
 * INT $0x80		AX		-		external interrupt?
 *   with FRED		AX		-
 *   32-bit kernel	ORIG_AX		AX
 * SYSENTER		ORIG_AX		AX		SP and BP, EFLAGS.IF, IP
 * SYSCALL32		ORIG_AX		AX		BP, IP
 * SYSENTER, FRED	ORIG_AX		AX		BP, IP
 *
 * If AX is set before C code, it is -ENOSYS. In a 64-bit kernel all of these are
 * compat system calls, whatever the code segment of the program. With FRED, 32-bit
 * SYSCALL is an invalid opcode, and the CPU saves the user's SP for SYSENTER.
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

/* Tracers, seccomp, audit and signal code recognize a compat call by TS_COMPAT */
static __always_inline void ia32_begin(void)
{
	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		current_thread_info()->status |= TS_COMPAT;
}

/*
 * Call it after signal delivery, which needs TS_COMPAT. Other code that sets TS_COMPAT
 * also sets TIF_END_COMPAT, so that the exit to user mode clears it.
 */
static __always_inline void ia32_end(void)
{
	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		current_thread_info()->status &= ~TS_COMPAT;
}

/*
 * An external interrupt with vector 0x80 comes from broken hardware, or from a
 * hypervisor that forges a system call. The vector is then set in the local APIC's
 * ISR. In a guest this is only reliable if the guest is secure and the hypervisor
 * does not control its APIC. A Xen PV guest has no real APIC.
 *
 * With FRED, INT $0x80 and external interrupts have different event types, so only
 * INT $0x80 gets here. Vector 0x80 is not reserved there: a device may use it, and
 * the ISR says nothing about the system call.
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
 * With IDT and with FRED, from 32-bit and from 64-bit code. A 32-bit system call
 * that was made by SYSENTER or SYSCALL is restarted by INT $0x80, too.
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

	/* Tracers and signal code expect a 32-bit number there */
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

/* The sixth argument is the user's BP, which the vDSO has pushed */
static __always_inline bool fetch_bp(struct pt_regs *regs)
{
	u32 __user *stack = (u32 __user *)(unsigned long)(u32)regs->sp;
	u32 *bp = (u32 *)&regs->bp;

	/* In a 64-bit kernel, a 32-bit address is always a user address */
	return (IS_ENABLED(CONFIG_X86_64) ? __get_user(*bp, stack) : get_user(*bp, stack)) == 0;
}

/* Fail the call, unless a tracer has skipped it by number -1 and set the result */
static __always_inline void dispatch_efault(struct pt_regs *regs, long nr)
{
	if (nr != -1)
		regs->ax = -EFAULT;
}

/*
 * Tracers, seccomp and audit see a normal syscall, from entry to exit, which fails
 * with -EFAULT.
 */
static noinline void syscall_without_bp(struct pt_regs *regs)
{
	generic_do_syscall(regs, dispatch_efault);
}

/**
 * do_fast_syscall_32 - SYSENTER and 32-bit SYSCALL by way of the vDSO
 * @regs:	Register state at entry, with AX preset to -ENOSYS and the user's SP
 *
 * The vDSO has an INT $0x80 right before the landing pad. With IP set to the landing
 * pad, a restart executes that INT $0x80, whatever instruction made the call.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 * Return: true if SYSEXIT or SYSRET can restore @regs, false if only IRET can.
 *	   Ignored with FRED.
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
 * The CPU saves neither SP nor EFLAGS.IF. The vDSO has a copy of SP in BP. IF is
 * assumed to have been set.
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
