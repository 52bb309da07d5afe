/* SPDX-License-Identifier: GPL-2.0-only */
/* From a system call's number to its function */
#ifndef _X86_ENTRY_DISPATCH_H
#define _X86_ENTRY_DISPATCH_H

struct pt_regs;

long x64_sys_call(const struct pt_regs *regs, unsigned int nr);
long x32_sys_call(const struct pt_regs *regs, unsigned int nr);

#endif /* _X86_ENTRY_DISPATCH_H */
