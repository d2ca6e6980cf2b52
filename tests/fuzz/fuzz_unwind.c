/* Unwind data: a module whose bytes are the input, with .eh_frame_hdr anywhere in it. Rules of some of its pcs are compiled,
 * and the expressions evaluated that its rows name. Only the module and the stack may be read.
 *
 * Input: 2 bytes where .eh_frame_hdr lies, 2 bytes the first pc, then the module.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "fuzz.h"
#include "record/unwind_cfi.h"
#include "record/unwind_step.h"

enum { PAGE = 4096, N_PCS = 4, PC_STRIDE = 5 };

/* A page between two that can't be read: the sanitizer objects to what else of ours the kernel calls readable. */
static uintptr_t map_stack(void)
{
    char *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FUZZ_CHECK(pages != MAP_FAILED && mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    return (uintptr_t)pages + PAGE;
}

static void evaluate(const struct vz_module *module, int32_t value)
{
    static uintptr_t page;
    if (!page)
        page = map_stack();
    struct vz_stack stack = {.now = {.low = page, .high = page + PAGE}};
    uintptr_t registers[VZ_CFI_COLUMNS], result;
    for (unsigned i = 0; i < VZ_CFI_COLUMNS; i++)
        registers[i] = page + PAGE / VZ_CFI_COLUMNS / 8 * 8 * i;
    vz_cfi_evaluate(vz_cfi_expression(module, value), registers, NULL, &stack, &result);
}

static void examine(const struct vz_module *module, uintptr_t pc)
{
    struct vz_fde fde;
    struct vz_cfi_row row;
    if (!vz_fde_find(module, pc, &fde))
        return;
    FUZZ_CHECK(pc >= fde.start && pc < fde.end);
    if (!vz_cfi_row_of(module, &fde, pc, &row))
        return;
    FUZZ_CHECK(row.cfa_is_expression || row.cfa_register < VZ_CFI_COLUMNS);
    if (row.cfa_is_expression)
        evaluate(module, row.cfa_value);
    for (unsigned column = 0; column < VZ_CFI_COLUMNS; column++)
        if (vz_cfi_how(&row, column) == VZ_CFI_EXPRESSION || vz_cfi_how(&row, column) == VZ_CFI_VALUE_EXPRESSION)
            evaluate(module, vz_cfi_value(&row, column));
    vz_rule_compile(module, pc + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct fuzz_input input = {data, bytes};
    const size_t hdr = fuzz_take(&input, 2), first = fuzz_take(&input, 2);
    uint8_t *image = malloc(input.bytes ? input.bytes : 1); /* exact, for the sanitizer */
    FUZZ_CHECK(image != NULL);
    memcpy(image, input.at, input.bytes);
    struct vz_module module = {.start = (uintptr_t)image, .end = (uintptr_t)image + input.bytes};
    module.bias = module.start;
    if (hdr < input.bytes) {
        module.unwind_table = image + hdr;
        module.unwind_table_bytes = input.bytes - hdr;
    }
    for (size_t i = 0; i < N_PCS && first + i * PC_STRIDE < input.bytes; i++)
        examine(&module, module.start + first + i * PC_STRIDE);
    free(image);
    return 0;
}
