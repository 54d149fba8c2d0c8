/* Prints src/opcode/tables.rs: opcode numbers, the base opcode of each specialised one, and inline cache entries, from CPython's headers. */
#define Py_BUILD_CORE 1
#define NEED_OPCODE_TABLES
#include <Python.h>
#include <stdio.h>
#include "internal/pycore_opcode.h"
#include "opcode_names.h"

int main(void) {
    printf("// Made by bindgen/regenerate from CPython's headers.\n\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        printf("pub const %s: u8 = %d;\n", names[i].name, names[i].number);
    const char *name[256] = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number < 255) name[names[i].number] = names[i].name;
    printf("\n/// Name of each opcode; empty where there is none.\npub static NAMES: [&str; 256] = [");
    for (int i = 0; i < 256; i++) printf("\"%s\", ", name[i] ? name[i] : "");
    printf("];\n\n/// What a specialised or adaptive opcode was made from; itself for a base opcode, 0 where there is none.\n"
           "pub static DEOPT: [u8; 256] = [");
    for (int i = 0; i < 256; i++) printf("%d, ", _PyOpcode_Deopt[i]);
    printf("];\n\n/// Code units of inline cache behind each base opcode.\npub static CACHES: [u8; 256] = [");
    for (int i = 0; i < 256; i++) printf("%d, ", _PyOpcode_Caches[i]);
    printf("];\n");
    return 0;
}
