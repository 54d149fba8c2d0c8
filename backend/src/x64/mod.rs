//! The code generator for x86-64.
//!
//! [`X64Backend`] is the [`Backend`] of this processor: `compile` runs analysis, register allocation and lowering, and
//! places the code. `registers` says what ops need, `assembler` encodes, `fixed` is the code that exists once, `lower`,
//! `arithmetic` and `objects` turn ops into instructions, `disassemble` prints them.

mod arithmetic;
mod assembler;
mod disassemble;
mod fixed;
mod lower;
mod objects;
mod registers;

use std::collections::BTreeMap;

use traces::Helper;
use traces::codegen::{Backend, CompileError, Compiled, ExitId, LabelCode, Request, Runtime};

use crate::analysis::Analysis;
use crate::code_memory::CodeMemory;
use crate::regalloc::Allocation;
use crate::{BackendOptions, Processor};
use assembler::Assembler;
use fixed::Fixed;
use lower::{Branch, Lowering};

/// `mov r11d, imm32`.
const STUB_OPCODE: [u8; 2] = [0x41, 0xbb];

/// `nop`.
const NOP: u8 = 0x90;

/// The x86-64 backend.
#[derive(Debug)]
pub struct X64Backend {
    runtime: Runtime,
    memory: CodeMemory,
    fixed: Fixed,
    avx: bool,
    bmi2: bool,
    reuse_floats: bool,
    forcible: bool,
    few_registers: bool,
    /// Address of each exit's patchable instruction, by exit number; 0: none.
    stubs: Vec<usize>,
    /// Where the guards of exits leave, by exit number, where that is remembered.
    branches: BTreeMap<u32, Branch>,
    /// What traces call, for dumps: the runtime's functions, and the helpers.
    names: [(usize, &'static str); 4],
    /// See `names`.
    helpers: &'static [Helper],
    /// Bytes of instructions of each trace, by entry: literals follow.
    code_sizes: BTreeMap<usize, u32>,
}

impl X64Backend {
    /// A backend with its own code memory.
    ///
    /// # Errors
    /// `NoExecutableMemory`.
    pub fn new(runtime: Runtime, options: &BackendOptions) -> Result<X64Backend, CompileError> {
        let mut memory = CodeMemory::new(options.code_memory, runtime.dealloc)?;
        let fixed = Fixed::new(&mut memory, &runtime)?;
        let (avx, bmi2) = match options.processor {
            Processor::Detected => features(),
            Processor::Baseline => (false, false),
            Processor::Newest => (true, true),
        };
        let names = [
            (runtime.dealloc, "dealloc"),
            (runtime.new_int, "new_int"),
            (runtime.new_float, "new_float"),
            (runtime.int_value_slow, "int_value_slow"),
        ];
        Ok(X64Backend {
            memory,
            fixed,
            avx,
            bmi2,
            reuse_floats: options.reuse_floats,
            forcible: options.forcible,
            few_registers: options.few_registers,
            stubs: Vec::new(),
            branches: BTreeMap::new(),
            names,
            helpers: &[],
            code_sizes: BTreeMap::new(),
            runtime,
        })
    }

    /// [`Backend::compile`], whose result is of no use when memory ran out. No buffer is kept for the next trace: its recording and the
    /// optimizer need memory first, and new pages cost more than allocating again.
    fn generate(&mut self, request: &Request<'_>) -> Result<Compiled, CompileError> {
        let analysis = Analysis::of(request, self.reuse_floats);
        enough_memory()?;
        let machine = registers::machine(self.few_registers);
        let shape = |at| registers::shape(request.trace, &analysis, at, self.bmi2);
        let allocation = Allocation::of(request, &analysis, &machine, shape)?;
        enough_memory()?;
        let mut asm = Assembler::with_room(request.trace.ops.len(), analysis.guards);
        let lowering = Lowering::new(
            &mut asm,
            request,
            &analysis,
            &allocation,
            &self.runtime,
            &self.memory,
            &self.fixed,
            (self.avx, self.bmi2),
        );
        let lowered = lowering.run();
        enough_memory()?;
        let Allocation { exits, label: params, label_is_private: private, .. } = allocation;
        let code_size = asm.here() as u32;
        let size = asm.finish().len();
        let first = request.first_exit.0 as usize;
        let stubs = first + lowered.stubs.len();
        if self.stubs.len() < stubs {
            let more = stubs - self.stubs.len();
            allocator::fallible(|| self.stubs.try_reserve(more)).map_err(|_| CompileError::Memory)?;
            self.stubs.resize(stubs, 0);
        }
        let entry = self.memory.allocate(size)?;
        self.memory.write(entry, asm.placed_at(entry));
        self.code_sizes.insert(entry, code_size);
        self.helpers = request.trace.helpers;
        for (i, &offset) in lowered.stubs.iter().enumerate() {
            self.stubs[first + i] = entry + offset as usize;
        }
        if self.forcible {
            let moved = |b: &Branch| Branch { at: b.at + entry, target: b.target + entry, ..*b };
            let numbers = request.first_exit.0..;
            self.branches.extend(numbers.zip(lowered.branches.iter().map(moved)));
        }
        let (label, op_offsets) = (lowered.label.filter(|_| !private), lowered.op_offsets);
        Ok(Compiled {
            entry,
            size,
            exits,
            label: label.map(|offset| LabelCode { address: entry + offset as usize, params }),
            op_offsets,
        })
    }
}

/// An error when memory ran out.
fn enough_memory() -> Result<(), CompileError> {
    if allocator::is_out() { Err(CompileError::Memory) } else { Ok(()) }
}

/// Whether the processor has AVX and BMI2.
fn features() -> (bool, bool) {
    #[cfg(target_arch = "x86_64")]
    return (std::is_x86_feature_detected!("avx"), std::is_x86_feature_detected!("bmi2"));
    #[cfg(not(target_arch = "x86_64"))]
    return (false, false);
}

impl Backend for X64Backend {
    fn compile(&mut self, request: &Request<'_>) -> Result<Compiled, CompileError> {
        let compiled = self.generate(request);
        if !allocator::is_out() {
            return compiled;
        }
        if let Ok(Compiled { entry, size, .. }) = compiled {
            self.release(entry, size);
        }
        Err(CompileError::Memory)
    }

    fn patch_exit(&mut self, exit: ExitId, target: usize) {
        let stub = self.stubs[exit.0 as usize];
        let displacement = target.wrapping_sub(stub + 5) as u32;
        let mut jump = [0xe9, 0, 0, 0, 0];
        jump[1..].copy_from_slice(&displacement.to_le_bytes());
        self.memory.write(stub, &jump);
    }

    fn unpatch_exit(&mut self, exit: ExitId) {
        let mut code = [STUB_OPCODE[0], STUB_OPCODE[1], 0, 0, 0, 0];
        code[2..].copy_from_slice(&exit.0.to_le_bytes());
        self.memory.write(self.stubs[exit.0 as usize], &code);
    }

    fn force_exit(&mut self, exit: ExitId) -> bool {
        let Some(&Branch { at, target, conditional }) = self.branches.get(&exit.0) else { return false };
        // A conditional jump is one byte longer.
        let jump = at + usize::from(conditional);
        let mut code = [NOP, 0xe9, 0, 0, 0, 0];
        code[2..].copy_from_slice(&(target.wrapping_sub(jump + 5) as u32).to_le_bytes());
        self.memory.write(at, &code[usize::from(!conditional)..]);
        true
    }

    fn release(&mut self, entry: usize, size: usize) {
        self.code_sizes.remove(&entry);
        self.memory.release(entry, size);
    }

    fn enter(&self) -> unsafe extern "C" fn(entry: usize, frame: *mut u8, thread_state: *mut u8) -> usize {
        // SAFETY: `fixed` wrote a function of this type there; the memory lives as long as `self`, which callers of
        // the function have to keep (the trait's contract: code is entered only while its backend lives).
        unsafe { std::mem::transmute(self.fixed.enter) }
    }

    fn disassemble(&self, compiled: &Compiled) -> Vec<(u32, String)> {
        let size = self.code_sizes.get(&compiled.entry).map_or(compiled.size, |&size| size as usize);
        let code = self.memory.read(compiled.entry, compiled.size);
        let helpers = || self.helpers.iter().map(|helper| (helper.address, helper.name));
        let called = |address| self.names.into_iter().chain(helpers()).find(|&(at, _)| at == address);
        let name = |address| self.fixed.name(address).or_else(|| Some(called(address)?.1));
        disassemble::disassemble(compiled.entry, code, size, &name)
    }

    fn code_bytes(&self) -> usize {
        self.memory.in_use()
    }
}
