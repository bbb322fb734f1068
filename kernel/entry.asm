; All ways into the kernel and out of it: traps, SYSCALL, and the switch from thread to thread.
;
; Each way in leaves a `struct trap_frame` (cpu.h) on the kernel stack and gives C its address; each way out restores
; it. In user mode GS holds the program's base, in the kernel this CPU's `struct cpu`: SWAPGS exchanges the two.

%include "asm_offsets.inc"      ; generated from asm_offsets.c

extern trap_dispatch
extern syscall_dispatch
extern sched_begin
extern cpu_features

default abs
bits 64
section .text

; The general registers, in the frame's order from its end to its start.
%macro push_registers 0
    push rdi
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
%endmacro

%macro pop_scratch 0
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
%endmacro

%macro pop_registers 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop_scratch
%endmacro

; A trap does not end the kernel's right to touch user memory; its own code must not inherit it.
%macro close_user_access 0
    cmp byte [rel cpu_features + FEATURE_SMAP], 0
    je %%done
    clac
%%done:
%endmacro

; ---- Traps ------------------------------------------------------------------------------------------------------

; Vectors whose error code the processor pushes; the others get a 0 in its place.
%define HAS_ERROR(v) (v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
; Vectors that can hit in the few instructions of the kernel where GS is still, or again, the program's.
%define ANYWHERE(v) (v == 1 || v == 2 || v == 8 || v == 18)

%assign v 0
%rep 256
trap_stub_ %+ v:
%if !HAS_ERROR(v)
    push 0
%endif
    push v
%if ANYWHERE(v)
    jmp trap_anywhere
%else
    jmp trap_common
%endif
%assign v v + 1
%endrep

section .rodata
align 8
global trap_stubs
trap_stubs:
%assign v 0
%rep 256
    dq trap_stub_ %+ v
%assign v v + 1
%endrep

section .text

trap_common:
    push_registers
    cld
    close_user_access
    test byte [rsp + FRAME_CS], 3
    jz .call
    swapgs
.call:
    mov rdi, rsp
    call trap_dispatch
    ; fall through

; Leave by IRET to wherever the frame at rsp says.
trap_return:
    test byte [rsp + FRAME_CS], 3
    jz .kernel
    swapgs
.kernel:
    pop_registers
    add rsp, 16                 ; vector and error
    iretq

; As trap_common, but whether GS is the kernel's is seen only from its base: the kernel's half has the top bit set.
trap_anywhere:
    push_registers
    cld
    close_user_access
    mov ecx, MSR_GS_BASE
    rdmsr
    xor ebx, ebx
    test edx, edx
    js .call
    swapgs
    inc ebx                     ; to be swapped back
.call:
    mov rdi, rsp
    test byte [rsp + FRAME_CS], 3
    jnz .program
    call trap_dispatch
    test ebx, ebx
    jz .return
    swapgs
.return:
    pop_registers
    add rsp, 16
    iretq

; From a program: on the thread's own stack, since what becomes of the trap may sleep. A second one may come by then.
.program:
    mov rsi, rsp
    mov rdi, [gs:CPU_KERNEL_STACK]
    sub rdi, FRAME_SIZE
    mov rsp, rdi
    mov ecx, FRAME_SIZE / 8
    rep movsq
    mov rdi, rsp
    call trap_dispatch
    jmp trap_return

; ---- System calls -----------------------------------------------------------------------------------------------

; SYSCALL left: rcx = rip, r11 = rflags, interrupts off, the program's stack.
global syscall_entry
syscall_entry:
    swapgs
    mov [gs:CPU_USER_STACK], rsp
    mov rsp, [gs:CPU_KERNEL_STACK]
    push USER_DS
    push qword [gs:CPU_USER_STACK]
    push r11
    push USER_CS
    push rcx
    push 0
    push VECTOR_SYSCALL
    push_registers
    mov rdi, rsp
    call syscall_dispatch

; SYSRET takes rip from rcx and rflags from r11, as SYSCALL has left them: the way out for a frame of which only rax has
; changed, and not to single-step. C functions have kept rbx, rbp and r12 to r15. It must not be used with an rip above the
; user's half (it would fault in the kernel, on the program's stack): programs end a page below it, at TASK_SIZE.
    cmp dword [rsp + FRAME_VECTOR], VECTOR_SYSCALL
    jne trap_return
    test dword [rsp + FRAME_RFLAGS], RFLAGS_TF_RF
    jnz trap_return
    add rsp, FRAME_R11
    pop_scratch
    mov rsp, [rsp + FRAME_RSP - FRAME_VECTOR]
    swapgs
    o64 sysret

; The same from 32-bit mode, back to it at once: nothing of the kernel's is touched.
global syscall_entry32
syscall_entry32:
    mov eax, -ENOSYS
    o32 sysret

; ---- Threads -----------------------------------------------------------------------------------------------------

; void thread_switch(uint64_t *save, uint64_t load)
;
; The registers that a C function must keep, in the order of struct switch_frame, and the return address.
global thread_switch
thread_switch:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

; Where a thread that was never switched away from starts: its frame lies at rsp.
global thread_begin
thread_begin:
    mov rdi, rsp
    call sched_begin
    jmp trap_return
