//! The pieces of code that exist once: the trampoline that makes the native frame, the common end of all exits, and thunks
//! for calls on slow paths, which preserve every register.
//!
//! Written with dynasm when the backend is made, at the start of code memory. The native frame, from `rsp` up:
//!
//! ```text
//! rsp + 0             spill slots; slot 0 is the frame, slot 1 the thread state
//! rsp + EXIT_STATE    the ExitState of an exit that is being taken
//! rbp - 40            saved rbx, r12 to r15
//! rbp                 saved rbp, return address
//! ```

#![expect(clippy::useless_conversion, reason = "dynasm converts register numbers that are bytes already")]

use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};
use traces::codegen::{CompileError, ExitState, Runtime, SPILL_SLOTS};

use crate::code_memory::CodeMemory;
use crate::regalloc::{FRAME_SLOT, THREAD_SLOT};

const EXIT_STATE: i32 = (SPILL_SLOTS * 8) as i32;
/// Bytes below the saved registers. Six pushes and the return address leave `rsp` 8 off a multiple of 16.
const FRAME_BYTES: i32 = {
    let bytes = EXIT_STATE as usize + size_of::<ExitState>();
    (bytes.next_multiple_of(16) + 8) as i32
};
const SAVED_BYTES: i32 = 40;

/// A helper that code calls on a slow path: argument and result in `r11` (`NewFloat`: argument in `xmm15`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Slow {
    /// Frees the object in `r11`.
    Dealloc,
    /// An int object of the value in `r11`.
    NewInt,
    /// A float object of the value in `xmm15`.
    NewFloat,
    /// The value of the int object in `r11`; the zero flag is set when it does not fit.
    IntValue,
}

/// All of them, in order.
const SLOW: [Slow; 4] = [Slow::Dealloc, Slow::NewInt, Slow::NewFloat, Slow::IntValue];
/// How many floating-point registers each variant of a thunk preserves, from `xmm0` on.
const PRESERVED: [u8; 4] = [0, 4, 8, 15];

/// Addresses of the fixed code.
#[derive(Debug)]
pub struct Fixed {
    /// The trampoline.
    pub enter: usize,
    /// Takes the exit whose number is in `r11d`.
    pub exit: usize,
    thunks: [[usize; PRESERVED.len()]; SLOW.len()],
}

impl Fixed {
    /// The thunk that preserves the first `floats` floating-point registers, and all general ones.
    pub fn thunk(&self, slow: Slow, floats: u8) -> usize {
        let variant =
            PRESERVED.iter().position(|&n| n >= floats).expect("at most 15 registers are allocated");
        self.thunks[slow as usize][variant]
    }

    /// The name of fixed code at an address, for dumps.
    pub fn name(&self, address: usize) -> Option<&'static str> {
        if address == self.exit {
            return Some("exit");
        }
        let names = ["dealloc", "new_int", "new_float", "int_value"];
        names
            .into_iter()
            .zip(&self.thunks)
            .find(|(_, variants)| variants.contains(&address))
            .map(|(name, _)| name)
    }

    /// Writes the fixed code into code memory.
    pub fn new(memory: &mut CodeMemory, runtime: &Runtime) -> Result<Fixed, CompileError> {
        let mut asm = VecAssembler::<X64Relocation>::new(0);
        let enter = asm.offset().0;
        trampoline(&mut asm);
        let exit = asm.offset().0;
        common_exit(&mut asm, runtime);
        let mut thunks = [[0; PRESERVED.len()]; SLOW.len()];
        for slow in SLOW {
            for (variant, &floats) in PRESERVED.iter().enumerate() {
                thunks[slow as usize][variant] = asm.offset().0;
                thunk(&mut asm, runtime, slow, floats);
            }
        }
        let code = asm.finalize().expect("all local labels are defined");
        let base = memory.allocate(code.len())?;
        memory.write(base, &code);
        Ok(Fixed {
            enter: base + enter,
            exit: base + exit,
            thunks: thunks.map(|v| v.map(|offset| base + offset)),
        })
    }
}

/// `usize enter(entry, frame, thread_state)`.
fn trampoline(asm: &mut VecAssembler<X64Relocation>) {
    dynasm!(asm
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; push rbx
        ; push r12
        ; push r13
        ; push r14
        ; push r15
        ; sub rsp, FRAME_BYTES
        ; mov [rsp + (8 * FRAME_SLOT) as i32], rsi
        ; mov [rsp + (8 * THREAD_SLOT) as i32], rdx
        ; jmp rdi
        ; .align 16
    );
}

fn common_exit(asm: &mut VecAssembler<X64Relocation>, runtime: &Runtime) {
    let general = EXIT_STATE + std::mem::offset_of!(ExitState, general) as i32;
    let float = EXIT_STATE + std::mem::offset_of!(ExitState, float) as i32;
    for r in 0..16u8 {
        dynasm!(asm ; .arch x64 ; mov [rsp + general + 8 * r as i32], Rq(r));
    }
    for r in 0..16u8 {
        dynasm!(asm ; .arch x64 ; movsd [rsp + float + 8 * r as i32], Rx(r));
    }
    dynasm!(asm
        ; .arch x64
        ; mov [rsp + EXIT_STATE + std::mem::offset_of!(ExitState, spill) as i32], rsp
        ; mov rax, [rsp + (8 * FRAME_SLOT) as i32]
        ; mov [rsp + EXIT_STATE + std::mem::offset_of!(ExitState, frame) as i32], rax
        ; mov rax, [rsp + (8 * THREAD_SLOT) as i32]
        ; mov [rsp + EXIT_STATE + std::mem::offset_of!(ExitState, thread_state) as i32], rax
        ; mov edi, r11d
        ; lea rsi, [rsp + EXIT_STATE]
        ; mov rax, QWORD runtime.on_exit as usize as i64
        ; call rax
        ; lea rsp, [rbp - SAVED_BYTES]
        ; pop r15
        ; pop r14
        ; pop r13
        ; pop r12
        ; pop rbx
        ; pop rbp
        ; ret
        ; .align 16
    );
}

fn thunk(asm: &mut VecAssembler<X64Relocation>, runtime: &Runtime, slow: Slow, floats: u8) {
    let helper = match slow {
        Slow::Dealloc => runtime.dealloc,
        Slow::NewInt => runtime.new_int,
        Slow::NewFloat => runtime.new_float,
        Slow::IntValue => runtime.int_value_slow,
    };
    match slow {
        Slow::Dealloc => free_float(asm, runtime),
        Slow::NewFloat => take_float(asm, runtime),
        Slow::NewInt | Slow::IntValue => {}
    }
    // The return address and eight registers leave rsp 8 off a multiple of 16. The last word is for `fits`.
    let bytes = ((8 * floats as u32 + 8).next_multiple_of(16) + 8) as i32;
    let fits = bytes - 8;
    dynasm!(asm
        ; .arch x64
        ; push rax
        ; push rcx
        ; push rdx
        ; push rsi
        ; push rdi
        ; push r8
        ; push r9
        ; push r10
        ; sub rsp, bytes
    );
    for r in 0..floats {
        dynasm!(asm ; .arch x64 ; movsd [rsp + 8 * r as i32], Rx(r));
    }
    match slow {
        Slow::NewFloat => dynasm!(asm ; .arch x64 ; movaps xmm0, xmm15),
        _ => dynasm!(asm ; .arch x64 ; mov rdi, r11),
    }
    dynasm!(asm
        ; .arch x64
        ; lea rsi, [rsp + fits]
        ; mov rax, QWORD helper as i64
        ; call rax
        ; mov r11, rax
    );
    for r in 0..floats {
        dynasm!(asm ; .arch x64 ; movsd Rx(r), [rsp + 8 * r as i32]);
    }
    dynasm!(asm
        ; .arch x64
        ; mov eax, [rsp + fits]
        ; test eax, eax
        // None of these touches the flags.
        ; lea rsp, [rsp + bytes]
        ; pop r10
        ; pop r9
        ; pop r8
        ; pop rdi
        ; pop rsi
        ; pop rdx
        ; pop rcx
        ; pop rax
        ; ret
        ; .align 16
    );
}

/// Puts a dead float onto the runtime's free list and returns, when there is one and it has room.
fn free_float(asm: &mut VecAssembler<X64Relocation>, runtime: &Runtime) {
    if runtime.float_free_list == 0 || runtime.float_free_count == 0 {
        return;
    }
    dynasm!(asm
        ; .arch x64
        ; push rax
        ; push rcx
        ; mov rax, QWORD runtime.float_type as i64
        ; cmp [r11 + runtime.type_offset], rax
        ; jne >slow
        ; mov rax, QWORD runtime.float_free_count as i64
        ; mov ecx, [rax]
        ; cmp ecx, runtime.float_free_max
        ; jge >slow
        ; inc ecx
        ; mov [rax], ecx
        ; mov rax, QWORD runtime.float_free_list as i64
        ; mov rcx, [rax]
        ; mov [r11 + runtime.type_offset], rcx
        ; mov [rax], r11
        ; pop rcx
        ; pop rax
        ; ret
        ; slow:
        ; pop rcx
        ; pop rax
    );
}

/// Takes a float from the runtime's free list and returns, when it has one.
fn take_float(asm: &mut VecAssembler<X64Relocation>, runtime: &Runtime) {
    if runtime.float_free_list == 0 || runtime.float_free_count == 0 {
        return;
    }
    dynasm!(asm
        ; .arch x64
        ; push rax
        ; push rcx
        ; mov rax, QWORD runtime.float_free_list as i64
        ; mov r11, [rax]
        ; test r11, r11
        ; jz >slow
        ; mov rcx, [r11 + runtime.type_offset]
        ; mov [rax], rcx
        ; mov rax, QWORD runtime.float_free_count as i64
        ; dec DWORD [rax]
        ; mov rax, QWORD runtime.float_type as i64
        ; mov [r11 + runtime.type_offset], rax
        ; mov QWORD [r11 + runtime.refcnt_offset], 1
        ; movsd [r11 + runtime.float_value_offset], xmm15
        ; pop rcx
        ; pop rax
        ; ret
        ; slow:
        ; pop rcx
        ; pop rax
    );
}
