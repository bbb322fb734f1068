; The first instructions: three kinds of boot header, 32-bit code, the first page tables, the jump to 64 bit.
;
; All of it is linked at its physical address. What the loaders leave: protected mode, paging off, interrupts off,
; a 32-bit code segment; eax and ebx as each header's protocol says.

%include "boot/layout.inc"

extern kernel_main
extern image_load_end
extern image_end

; ---------------------------------------------------------------------------------------------------------------
; Headers

section .boot.header progbits alloc noexec nowrite align=8

MB1_MAGIC equ 0x1badb002
MB1_FLAGS equ 0x00010003        ; modules on pages, memory map wanted, the address fields below are valid

align 4
mb1_header:
    dd MB1_MAGIC
    dd MB1_FLAGS
    dd -(MB1_MAGIC + MB1_FLAGS)
    dd mb1_header               ; where this header is loaded
    dd IMAGE_BASE               ; first byte to load
    dd image_load_end           ; end of what the file holds
    dd image_end                ; end of bss
    dd boot_start

MB2_MAGIC equ 0xe85250d6

align 8
mb2_header:
    dd MB2_MAGIC
    dd 0                        ; i386, protected mode
    dd mb2_header.end - mb2_header
    dd -(MB2_MAGIC + (mb2_header.end - mb2_header))
    dw 6, 0                     ; load modules at pages
    dd 8
    dw 0, 0                     ; end of tags
    dd 8
.end:

; The entry point for loaders that know PVH: Xen's ELF note 18.
section .note.pvh note alloc noexec nowrite align=4
    dd 4, 4, 18
    db "Xen", 0
    dd pvh_start

; ---------------------------------------------------------------------------------------------------------------
; 32 bit

section .boot progbits alloc exec nowrite align=16
bits 32

PVH_MAGIC equ 0x336ec578

pvh_start:
    mov eax, PVH_MAGIC
global boot_start
boot_start:
    cli
    cld
    mov esp, boot_stack_top - KERNEL_BASE
    mov ebp, eax                ; kept for kernel_main: which protocol
    mov esi, ebx                ; and where its information lies
    call serial_setup
    call check_cpu
    call make_tables
    call enter_long_mode
    lgdt [gdt.pointer]
    jmp GDT_CODE:start64

; Port set up for 115200 baud, 8N1, so that a refusal can be read.
serial_setup:
    mov ecx, serial_values.end - serial_values
    mov ebx, serial_values
.next:
    movzx edx, byte [ebx]
    add edx, SERIAL_PORT
    mov al, [ebx + 1]
    out dx, al
    add ebx, 2
    sub ecx, 2
    jnz .next
    ret

; register, value
serial_values:
    db 1, 0,  3, 0x80,  0, 1,  1, 0,  3, 3,  2, 7,  4, 3
.end:

; Long mode and no-execute are a must. Does not return without them.
check_cpu:
    pushfd
    pop eax
    mov ecx, eax
    xor eax, 1 << 21            ; the ID flag can be changed where CPUID exists
    push eax
    popfd
    pushfd
    pop eax
    xor eax, ecx
    mov ebx, no_cpuid
    test eax, 1 << 21
    jz refuse
    mov eax, 0x80000000
    cpuid
    mov ebx, no_long_mode
    cmp eax, 0x80000001
    jb refuse
    mov eax, 0x80000001
    cpuid
    mov ebx, no_long_mode
    test edx, 1 << 29
    jz refuse
    mov ebx, no_nx
    test edx, 1 << 20
    jz refuse
    ret

; Prints the string at ebx, ends QEMU if it listens, stops.
refuse:
    mov dx, SERIAL_PORT + 5
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    mov al, [ebx]
    inc ebx
    test al, al
    jz .stop
    mov dx, SERIAL_PORT
    out dx, al
    jmp refuse
.stop:
    mov eax, DEBUG_EXIT_BOOT_FAILED
    mov edx, DEBUG_EXIT_PORT
    out dx, eax
.halt:
    hlt
    jmp .halt

no_cpuid:       db "boot: this processor is too old: it has no CPUID", 13, 10, 0
no_long_mode:   db "boot: this processor has no 64-bit mode", 13, 10, 0
no_nx:          db "boot: this processor has no no-execute bit", 13, 10, 0

; The first BOOT_MAPPED bytes of memory, three times: where they are, in the direct map, and the first GiB of them
; in the kernel's image. paging.c replaces all this.
make_tables:
    mov edi, boot_pds - KERNEL_BASE
    mov eax, LARGE_PAGE
    mov ecx, BOOT_GIBS * 512
.large:
    mov [edi], eax
    add edi, 8
    add eax, 1 << 21
    loop .large

    mov edi, boot_pdpt - KERNEL_BASE
    mov eax, boot_pds - KERNEL_BASE + TABLE
    mov ecx, BOOT_GIBS
.pd:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    loop .pd

    mov dword [boot_image_pdpt - KERNEL_BASE + 510 * 8], boot_pds - KERNEL_BASE + TABLE
    mov dword [boot_pml4 - KERNEL_BASE + 0 * 8], boot_pdpt - KERNEL_BASE + TABLE
    mov dword [boot_pml4 - KERNEL_BASE + 256 * 8], boot_pdpt - KERNEL_BASE + TABLE
    mov dword [boot_pml4 - KERNEL_BASE + 511 * 8], boot_image_pdpt - KERNEL_BASE + TABLE
    ret

TABLE equ 0x03                  ; present, writable
LARGE_PAGE equ 0x83             ; and a page of 2 MiB

enter_long_mode:
    mov eax, boot_pml4 - KERNEL_BASE
    mov cr3, eax
    mov eax, cr4
    or eax, 1 << 5              ; PAE
    mov cr4, eax
    mov ecx, 0xc0000080         ; EFER
    rdmsr
    or eax, 1 << 8 | 1 << 11    ; LME, NXE
    wrmsr
    mov eax, cr0
    or eax, 1 << 31 | 1 << 16 | 1   ; PG, WP, PE
    mov cr0, eax
    ret

GDT_CODE equ 8
align 8
gdt:
    dq 0
    dq 0x00af9a000000ffff       ; 64-bit code
    dq 0x00cf92000000ffff       ; data
.pointer:
    dw gdt.pointer - gdt - 1
    dd gdt

; ---------------------------------------------------------------------------------------------------------------
; 64 bit, still at the low address

bits 64
start64:
    mov eax, GDT_CODE + 8
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, ebp                ; kernel_main(magic, info)
    mov esi, esi
    mov rsp, boot_stack_top
    mov rax, kernel_main
    call rax                    ; never returns
    ud2

; ---------------------------------------------------------------------------------------------------------------

section .bss.boot nobits alloc noexec write align=4096
boot_pml4:          resb 4096
boot_pdpt:          resb 4096
boot_image_pdpt:    resb 4096
boot_pds:           resb 4096 * BOOT_GIBS

global boot_stack_guard, boot_stack_top
boot_stack_guard:   resb 4096   ; unmapped by paging.c
                    resb BOOT_STACK_SIZE
boot_stack_top:
