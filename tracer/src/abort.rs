//! Why a recording was given up or a trace was not made: one table, from which statistics and explanations print.

macro_rules! aborts {
    ($( $variant:ident $name:literal $text:literal; )*) => {
        /// A reason to give up.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Abort { $( #[doc = $text] $variant, )* }
        /// All reasons, in table order.
        pub const ALL: &[Abort] = &[ $( Abort::$variant, )* ];
        impl Abort {
            /// Short name: a key of the statistics.
            pub fn name(self) -> &'static str { [ $( $name, )* ][self as usize] }
            /// One sentence for people.
            pub fn text(self) -> &'static str { [ $( $text, )* ][self as usize] }
        }
    };
}

aborts! {
    Opcode "opcode" "An opcode that is executed by the interpreter only";
    LeftLoop "left_loop" "The loop ended while it was recorded";
    InnerLoop "inner_loop" "An inner loop is not compiled yet";
    TooLong "too_long" "The recording became too long";
    LongLoop "long_loop" "The loop of an inlined call took many turns";
    Returned "returned" "The function returned before the loop came round";
    Raised "raised" "An exception was raised while recording";
    FrameObject "frame_object" "An inlined call's frame, or the dict of its locals, was asked for by the program";
    FrameChanged "frame_changed" "The current frame changed in an unexpected way";
    Tracing "tracing" "A trace or profile function was set, or tracemalloc started";
    TooManyArguments "too_many_arguments" "A call has more arguments than compiled code passes";
    Contradiction "contradiction" "The loop's second turn can't take the recorded path";
    NoFixedPoint "no_fixed_point" "The loop's state did not settle";
    Counts "counts" "Reference counts could not be kept in the ledger";
    CodeMemory "code_memory" "The code memory is full";
    Memory "memory" "The system had no memory for the recording, for compiling it, or for what compiled code must not be without";
    TooManySpills "too_many_spills" "More values are alive than the native frame holds";
    Invalidated "invalidated" "The trace that was to be continued was invalidated meanwhile";
    Died "died" "An object that the recording relies on, or a function that it inlines, died meanwhile";
    TreeFull "tree_full" "The loop and its bridges take as much memory as one loop may";
    Limit "limit" "As many traces as were allowed are compiled, or this one was not chosen";
    Unsupported "unsupported" "A value or state that compiled code can't represent";
}

/// An error when memory ran out since the recording began.
pub fn enough_memory() -> Result<(), Abort> {
    if allocator::is_out() { Err(Abort::Memory) } else { Ok(()) }
}
