/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A known amount of work for an emulated CPU. It tells how fast this machine runs
 * the guests, which mostly execute code, enter a kernel and return, and single-step.
 * QEMU starts it as a multiboot kernel and ends when it writes to the debug port.
 */
#define ROUNDS		400000
#define CALLS		200
#define KERNEL_CS	0x08
#define EFLAGS_TF	0x100
#define GATE_PRESENT	0x8e00
#define DEBUG_PORT	0xf4

	.code32
	.text
	.balign 4
	.long 0x1badb002, 0, -0x1badb002	/* multiboot: magic, flags, checksum */

	.globl _start
_start:
	mov $stack, %esp
	lgdt gdt_pointer
	ljmp $KERNEL_CS, $1f
1:	mov $entry, %eax
	mov $0x01, %ebx
	call set_gate
	mov $0x80, %ebx
	call set_gate
	lidt idt_pointer

	mov $ROUNDS, %ebp
.Lround:
	int $0x80
	pushf
	orl $EFLAGS_TF, (%esp)
	popf
	nop
	pushf
	andl $~EFLAGS_TF, (%esp)
	popf
	mov $CALLS, %ecx
.Lcall:	call work
	loop .Lcall
	dec %ebp
	jnz .Lround

	mov $0x10, %al
	out %al, $DEBUG_PORT
	hlt

work:	mov counter(,%ecx,4), %eax
	add %ecx, %eax
	mov %eax, counter(,%ecx,4)
	ret

	/* System call and single step alike */
entry:	pusha
	incl counter
	popa
	iret

	/* Gate EBX to EAX */
set_gate:
	mov %ax, idt(,%ebx,8)
	movw $KERNEL_CS, idt+2(,%ebx,8)
	movw $GATE_PRESENT, idt+4(,%ebx,8)
	ror $16, %eax
	mov %ax, idt+6(,%ebx,8)
	ror $16, %eax
	ret

	.data
	.balign 4096
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt
idt_pointer:
	.word 256 * 8 - 1
	.long idt

	.bss
	.balign 8
idt:	.skip 256 * 8
counter:
	.skip 4 * (CALLS + 1)
	.skip 4096
stack:
