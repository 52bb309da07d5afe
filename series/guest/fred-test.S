/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of fred-test.c that is no C: the way to 64-bit mode, the tables, and the entry
 * points of FRED. QEMU starts it as a PVH kernel, in 32-bit protected mode.
 *
 * Linear addresses are physical ones up to 4 GB, all of them open to ring 3. There is
 * nothing above.
 */
#define KERNEL_CS	0x08
#define KERNEL_SS	0x10
#define TSS		0x30
#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define EFER		0xc0000080
#define EFER_SCE_LME	0x101
#define PAGE_1GB	0x87
#define PAGE_TABLE	0x7
#define STACK_SIZE	16384
#define PHYS32_ENTRY	18

	.section .note.PVH, "a", @note
	.long 4, 4, PHYS32_ENTRY
	.asciz "Xen"
	.long _start

	.section .note.GNU-stack, "", @progbits

	.code32
	.text
	.globl _start
_start:
	cld
	mov $pages_3, %eax
	or $PAGE_TABLE, %eax
	mov %eax, pages_4
	mov $PAGE_1GB, %eax
	xor %ecx, %ecx
1:	mov %eax, pages_3(,%ecx,8)
	add $0x40000000, %eax
	inc %ecx
	cmp $4, %ecx
	jne 1b
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $pages_4, %eax
	mov %eax, %cr3
	mov $EFER, %ecx
	rdmsr
	or $EFER_SCE_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $KERNEL_CS, $1f

	.code64
1:	lgdt gdt_pointer
	mov $KERNEL_SS, %eax
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov $stack_top, %rsp
	mov $tss, %rax
	mov %rax, tss + 4		/* RSP0 */
	mov %ax, gdt + TSS + 2
	shr $16, %rax
	mov %al, gdt + TSS + 4
	mov %ah, gdt + TSS + 7
	mov $TSS, %eax
	ltr %ax
	call main
	mov $0x11, %al			/* not reached: main() ends QEMU */
	out %al, $0xf4
	hlt

	/*
	 * Run code until something else comes back. RDI: what RSP is to be, RSI: where to
	 * go. The registers that C keeps are restored.
	 */
	.globl run
run:	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, back
	mov %rdi, %rsp
	mov $0x1111, %ecx
	mov $0x2222, %r11d
	jmp *%rsi

	.globl landed
landed:
	cld
	mov back, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.globl eretu, erets
eretu:	.byte 0xf3, 0x0f, 0x01, 0xca
erets:	.byte 0xf2, 0x0f, 0x01, 0xca

	/* FRED: at a page, ring 3; 256 bytes later, ring 0 */
	.balign 4096
	.globl entry
entry:
	mov %rax, user_rax
	mov %rcx, user_rcx
	mov %r11, user_r11
	mov %rsp, %rdi
	pushfq
	pop %rsi
	cld
	call user_event
	jmp landed

	.org entry + 256
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	pushfq
	pop %rsi
	lea 72(%rsp), %rdi
	cld
	call kernel_event
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	.globl kernel_erets
kernel_erets:
	.byte 0xf2, 0x0f, 0x01, 0xca

	.data
	.balign 8
	.globl gdt
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 08: code of ring 0 */
	.quad 0x00cf93000000ffff	/* 10: data of ring 0 */
	.quad 0x00cffb000000ffff	/* 18: 32-bit code of ring 3 */
	.quad 0x00cff3000000ffff	/* 20: data of ring 3 */
	.quad 0x00affb000000ffff	/* 28: 64-bit code of ring 3 */
	.quad 0x0000890000000067, 0	/* 30: TSS */
	.quad 0x0000f3000000ffff	/* 40: 16-bit data of ring 3 */
	.quad 0x12cff3345000ffff	/* 48: data of ring 3, base 0x12345000 */
	.quad 0x00cf73000000ffff	/* 50: data of ring 3, not present */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.bss
	.balign 4096
pages_4: .skip 4096
pages_3: .skip 4096
	/* For the plugin: its IDT, its code, and its stack below the TSS */
	.globl plugin_idt, plugin_code
plugin_idt: .skip 4096
plugin_code: .skip 4096
	.skip 4096
tss:	.skip 4096
	.skip STACK_SIZE
stack_top:
	.globl back, user_rax, user_rcx, user_r11
back:	.quad 0
user_rax: .quad 0
user_rcx: .quad 0
user_r11: .quad 0
