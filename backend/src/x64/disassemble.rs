//! Prints code: one line an instruction, with names where addresses have them and offsets where they lie in the code
//! itself, so that the text does not change with where the code was placed.
//!
//! ```text
//! 0x0010  vaddsd xmm0,xmm0,[+0x48] ; 0x3ff0000000000000
//! 0x0015  jmp +0x0
//! 0x001a  mov r11d,7
//! 0x0020  jmp exit
//! ```

use std::collections::BTreeMap;

use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, OpKind, SymbolResolver,
    SymbolResult,
};

/// Texts for addresses.
struct Symbols(BTreeMap<u64, String>);

impl SymbolResolver for Symbols {
    fn symbol(
        &mut self,
        _: &Instruction,
        _: u32,
        _: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        self.0.get(&address).map(|text| SymbolResult::with_str(address, text))
    }
}

/// Disassembles `code`, which runs at `entry`. Behind the first `size` bytes are literals. `name` names addresses outside.
pub fn disassemble(
    entry: usize,
    code: &[u8],
    size: usize,
    name: &dyn Fn(usize) -> Option<&'static str>,
) -> Vec<(u32, String)> {
    let decode = || Decoder::with_ip(64, &code[..size], entry as u64, DecoderOptions::NONE);
    let mut symbols = BTreeMap::new();
    let mut refer = |address: u64| {
        let offset = address.wrapping_sub(entry as u64);
        let text = if offset < code.len() as u64 {
            Some(format!("+{offset:#x}"))
        } else {
            name(address as usize).map(str::to_string)
        };
        symbols.extend(text.map(|text| (address, text)));
    };
    for instruction in decode() {
        if instruction.is_ip_rel_memory_operand() {
            refer(instruction.ip_rel_memory_address());
        } else if instruction.op0_kind() == OpKind::NearBranch64 {
            refer(instruction.near_branch_target());
        } else if instruction.code() == Code::Mov_r64_imm64 {
            refer(instruction.immediate64());
        }
    }
    let mut formatter = IntelFormatter::with_options(Some(Box::new(Symbols(symbols))), None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_rip_relative_addresses(false);
    options.set_branch_leading_zeros(false);
    options.set_show_symbol_address(false);
    let mut lines = Vec::new();
    for instruction in decode() {
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        if instruction.is_ip_rel_memory_operand() {
            let offset = instruction.ip_rel_memory_address().wrapping_sub(entry as u64) as usize;
            if let Some(literal) = code.get(offset..offset + 8) {
                let bits = u64::from_le_bytes(literal.try_into().expect("8 bytes"));
                text.push_str(&format!(" ; {bits:#x}"));
            }
        }
        lines.push((instruction.ip().wrapping_sub(entry as u64) as u32, text));
    }
    lines
}
