/* SPDX-License-Identifier: MIT
 * From the multiboot loader to C: own GDT before any segment is loaded, own .bss, early paging with 4 MiB
 * pages (RAM at 0xC0000000, and the first 4 MiB also at 0 until the jump). Nothing of the loader's is
 * used but EAX (magic) and EBX (address of its information). */

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00000003 /* modules on page boundaries; memory information wanted */

#define KERNEL_BASE     0xC0000000
#define PHYS(symbol)    ((symbol) - KERNEL_BASE)

#define PDE_PRESENT_WRITE_4M 0x83
#define DIRECT_MAP_PDES 224      /* 896 MiB, see arch/x86/paging.h */
#define FIRST_KERNEL_PDE (KERNEL_BASE >> 22)

#define CR0_PG_WP       0x80010000
#define CR4_PSE         0x10

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.text
	.globl _start
_start:
	cli
	cld
	lgdt PHYS(boot_gdt_pointer)
	ljmp $8, $PHYS(1f)
1:	mov $16, %cx
	mov %cx, %ds
	mov %cx, %es
	mov %cx, %fs
	mov %cx, %gs
	mov %cx, %ss
	mov %eax, %ebp
	mov $PHYS(__bss_start), %edi
	mov $PHYS(__bss_end), %ecx
	sub %edi, %ecx
	shr $2, %ecx
	xor %eax, %eax
	rep stosl

	mov $PDE_PRESENT_WRITE_4M, %eax
	mov %eax, PHYS(boot_page_directory)
	mov $PHYS(boot_page_directory) + 4 * FIRST_KERNEL_PDE, %edi
	mov $DIRECT_MAP_PDES, %ecx
2:	stosl
	add $0x400000, %eax
	loop 2b
	mov %cr4, %eax
	or $CR4_PSE, %eax
	mov %eax, %cr4
	mov $PHYS(boot_page_directory), %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $CR0_PG_WP, %eax
	mov %eax, %cr0
	mov $3f, %eax
	jmp *%eax

3:	mov $boot_stack_top, %esp
	mov %ebp, %eax /* the kernel is compiled with -mregparm=3 */
	mov %ebx, %edx
	xor %ebp, %ebp /* where backtraces end */
	call kernel_main
4:	cli
	hlt
	jmp 4b

	.section .rodata
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00cf9a000000ffff /* code, flat */
	.quad 0x00cf92000000ffff /* data, flat */
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.long PHYS(boot_gdt)

	.bss
	.balign 4096
boot_page_directory:
	.skip 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip 8192
boot_stack_top:
